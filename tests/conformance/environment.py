"""Where the suites run: an environment of their own per interpreter, and unpacked distributions."""

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.conformance.suites import SUITES, Suite, requirements

__all__ = ["Environment", "prepare"]

_HERE = Path(__file__).parent
_PATHS = (_HERE / "plugins", _HERE.parents[1] / "src")


@dataclass(frozen=True)
class Environment:
    """One interpreter, with everything that the suites need."""

    python: Path
    release: str
    """For instance 3.12.1."""
    versions: dict[str, str]
    """Of the distributions under test."""
    folder: Path

    def home(self, suite: Suite) -> Path:
        """The folder whose tests they are."""
        if suite.distribution:
            return self.folder.parent / f"{suite.distribution}-{self.versions[suite.distribution]}"
        return Path(_ask(self.python, "import test; print(test.__path__[0])"))

    def has_native_core(self) -> bool:
        """True if loopviz, as these suites import it, was compiled for this interpreter."""
        return _ask(self.python, "from loopviz.probe import core; print(core.NATIVE)") == "True"


def prepare(interpreter: Path, folder: Path) -> Environment:
    """Make the environment in `folder`, or find it there from an earlier time."""
    versions = {suite.distribution: version(suite.distribution) for suite in SUITES[1:]}
    release = _ask(interpreter, "import platform; print(platform.python_version())")
    home = folder / release
    python = home / "bin" / "python"
    wanted, ready = requirements(versions), home / "ready"
    if not ready.exists() or ready.read_text() != "\n".join(wanted):
        _run(interpreter, "-m", "venv", "--clear", str(home))
        _run(python, "-m", "pip", "install", "-q", *wanted)
        site = _ask(python, "import sysconfig; print(sysconfig.get_path('purelib'))")
        Path(site, "conformance.pth").write_text("".join(f"{path}\n" for path in _PATHS))
        ready.write_text("\n".join(wanted))
    for name, number in versions.items():
        if not (folder / f"{name}-{number}").exists():
            source = ("--no-binary", ":all:", "--no-deps", "-d", str(folder))
            _run(python, "-m", "pip", "download", "-q", *source, f"{name}=={number}")
            with tarfile.open(folder / f"{name}-{number}.tar.gz") as archive:
                archive.extractall(folder, filter="data")
    return Environment(python, release, versions, home)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


def _ask(python: Path, code: str) -> str:
    return subprocess.run(
        [python, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()
