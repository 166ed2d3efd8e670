"""Which Python runs the user's program: theirs, not the one that loopviz is installed in."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from loopviz.errors import UsageError

__all__ = ["interpreter"]


def interpreter(given: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """`--python`, else that of VIRTUAL_ENV, else of `./.venv`, else `python3` on PATH.

    Raises UsageError for a `--python` that is none.
    """
    if given is not None:
        found = shutil.which(given)
        if found is None:
            raise UsageError(f"--python {given} cannot be run: name an interpreter.")
        return str(Path(found).absolute())
    for folder in filter(None, (environ.get("VIRTUAL_ENV"), ".venv")):
        python = Path(folder, "bin", "python").absolute()
        if python.exists():
            return str(python)
    return shutil.which("python3") or sys.executable
