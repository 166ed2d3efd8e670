"""Builds the native core (`src/loopviz/probe/_native`) into wheels and editable installations.

Without a C compiler, or with `LOOPVIZ_PURE=1`, the installation has the Python core only. Why, is
in `_native/not_built.txt`, and `loopviz doctor` says it.
"""

import hashlib
import os
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src/loopviz/probe/_native")
PACKAGE = "loopviz.probe._native"
WHY_NOT, BUILT_FROM = "not_built.txt", "built_from.txt"


class NativeCore(BuildHookInterface[Any]):
    """Adds the compiled modules to the wheel; an editable one has them beside their sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, if that can be; `version` is `standard` or `editable`."""
        root = Path(self.root)
        here = root / FOLDER
        self._scratch = Path(tempfile.mkdtemp(prefix="loopviz-build-"))
        try:
            made = compile_all(root, self._scratch) if _wanted() else []
            why_not = "" if made else "LOOPVIZ_PURE=1 was set when it was installed"
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            made, why_not = [], _reason(error)
            self.app.display_warning(f"loopviz gets its Python core: {why_not}")
        note = self._scratch / (WHY_NOT if why_not else BUILT_FROM)
        note.write_text(f"{why_not or digest(here)}\n")
        if made:
            build_data["pure_python"], build_data["infer_tag"] = False, True
        if version == "editable":
            suffix = sysconfig.get_config_var("EXT_SUFFIX")  # others are of other interpreters
            for old in (*here.glob(f"*{suffix}"), here / WHY_NOT, here / BUILT_FROM):
                old.unlink(missing_ok=True)
            for path in (*made, note):
                shutil.copy2(path, here)
        else:
            inside = FOLDER.relative_to("src")
            build_data["force_include"].update(
                {str(path): str(inside / path.name) for path in (*made, note)}
            )

    def finalize(self, *_: Any) -> None:
        """Remove what was built beside the wheel."""
        shutil.rmtree(self._scratch, ignore_errors=True)


def _wanted() -> bool:
    return os.environ.get("LOOPVIZ_PURE") != "1"


def _reason(error: BaseException) -> str:
    """Why nothing was compiled, in one short sentence without its full stop."""
    header = Path(sysconfig.get_path("include"), "Python.h")
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"there is no {error.filename}"
    if not header.exists():
        return f"Python's headers are not installed: there is no {header}"
    if isinstance(error, subprocess.CalledProcessError):
        return f"{error.cmd[0]} failed with status {error.returncode}"
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


def compile_all(root: Path, scratch: Path) -> list[Path]:
    """Compile the modules into `scratch`; returns the files. Raises whatever a compiler raises."""
    from Cython.Build import cythonize  # noqa: PLC0415 - what is missing must not end the build
    from setuptools import Distribution, Extension  # noqa: PLC0415

    before = Path.cwd()
    os.chdir(root)
    try:
        modules = [
            Extension(f"{PACKAGE}.{path.stem}", [str(path)], extra_compile_args=["-O2", "-g0"])
            for path in sorted(FOLDER.glob("*.pyx"))
        ]
        options = {"language_level": 3, "embedsignature": False, "binding": False}
        generated = cythonize(
            modules,
            include_path=["src"],
            build_dir=str(scratch / "c"),
            compiler_directives=options,
            quiet=True,
        )
        command = Distribution({"ext_modules": generated}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = str(scratch / "lib"), str(scratch / "o")
        command.parallel = os.cpu_count()
        command.ensure_finalized()
        command.run()
    finally:
        os.chdir(before)
    return sorted((scratch / "lib").rglob("*.so"))


def digest(folder: Path) -> str:
    """Of the sources: a test compares it with those that are there now."""
    sources = sorted((*folder.glob("*.pyx"), *folder.glob("*.pxd")))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
