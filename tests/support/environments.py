"""Virtual environments with packages from PyPI, kept from one time to the next."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["make_environment", "version"]


def make_environment(home: Path, requirements: Sequence[str], python: Path | None = None) -> str:
    """Make the environment, unless it is there from an earlier time; why it could not be made."""
    wanted, ready = "\n".join(requirements), home / "ready"
    if ready.exists() and ready.read_text() == wanted:
        return ""
    for command in (
        [python or sys.executable, "-m", "venv", "--clear", home],
        [home / "bin" / "python", "-m", "pip", "install", "-q", *requirements],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
    ready.write_text(wanted)
    return ""


def version(home: Path, package: str) -> str:
    """The version of a package that is installed there."""
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    command = [home / "bin" / "python", "-c", code, package]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
