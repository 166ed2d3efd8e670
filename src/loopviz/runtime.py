"""The folders of running loopvizes: private, removed at exit, swept at the next start."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from loopviz.errors import LoopvizError

__all__ = ["leave", "new_run_folder", "remove", "sweep"]


def new_run_folder() -> Path:
    """A fresh folder for one run, mode 0700, named after this process."""
    sweep(_base())
    for _attempt in (1, 2):  # another loopviz may just now be taking the empty base away
        with contextlib.suppress(FileNotFoundError):
            return Path(tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=_base()))
    raise LoopvizError(f"loopviz cannot make a folder in {_base()}: try again.")


def leave(folder: Path) -> None:
    """Remove a run's folder, and what it lay in if no other loopviz runs."""
    remove(folder)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()


def remove(folder: Path) -> None:
    """Remove a run's folder; nothing is said if it is gone already."""
    shutil.rmtree(folder, ignore_errors=True)


def sweep(base: Path | None = None) -> None:
    """Remove what dead loopvizes have left."""
    for folder in (base or _base()).glob("run-*-*"):
        pid = folder.name.split("-")[1]
        if pid.isdigit() and not _alive(int(pid)):
            remove(folder)


def _base() -> Path:
    """Where run folders live: the user's runtime directory, else a private one below /tmp."""
    home = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(home) / "loopviz" if home else Path(tempfile.gettempdir(), f"loopviz-{os.getuid()}")
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LoopvizError(
            f"loopviz cannot make its folder {base} ({error.strerror}): "
            "point TMPDIR, or XDG_RUNTIME_DIR, to a folder that you may write to."
        ) from error
    about = base.stat()
    if about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise LoopvizError(
            f"{base} is not private to you: remove it, or point XDG_RUNTIME_DIR elsewhere."
        )
    return base


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
