"""Folders of running loopviz processes: private, removed at exit, or swept at the next start.

A run folder has a marker file, which its process keeps locked as long as it lives. A sweep removes
only folders whose marker exists and is not locked.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from loopviz.errors import LoopvizError, MachineError
from loopviz.locks import FileLock, lock_file

__all__ = ["MARKER", "RunFolder", "new_run_folder", "remove"]

MARKER = "loopviz.lock"
_PREFIX = "run-"
_ATTEMPTS = 100
_FOLDER_ITSELF = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class RunFolder:
    """A run's folder. Other processes leave it alone until `leave`, or until this process ends."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self._lock = lock

    def leave(self) -> None:
        """Remove the folder, and its parent unless another loopviz has a folder there."""
        remove(self.path)
        self._lock.release()
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()


def new_run_folder() -> RunFolder:
    """Make a folder for one run, mode 0700. Raises LoopvizError if that fails."""
    base = _base()
    try:
        for _attempt in range(_ATTEMPTS):
            # another loopviz may be removing the empty base
            with contextlib.suppress(FileNotFoundError), _opened(base) as base_fd:
                _sweep(base_fd)
                made = _make(base, base_fd)
                if made is not None:
                    return made
    except OSError as error:
        raise MachineError(f"loopviz cannot make a folder in {base}", error) from error
    raise LoopvizError(f"loopviz cannot make a folder in {base}: try again.")


def remove(folder: Path) -> None:
    """Remove a run's folder, if it still exists."""
    shutil.rmtree(folder, ignore_errors=True)


def _base() -> Path:
    """The parent of run folders: in the user's runtime directory, else a private one below /tmp."""
    home = os.environ.get("XDG_RUNTIME_DIR")
    if home:
        return Path(home) / "loopviz"
    try:
        return Path(tempfile.gettempdir(), f"loopviz-{os.getuid()}")
    except OSError as error:
        raise MachineError("loopviz finds no place for its folder", error) from error


@contextlib.contextmanager
def _opened(base: Path) -> Iterator[int]:
    """A descriptor of the base, created if missing. Raises LoopvizError unless it is private.

    The folder is checked after it is opened, and then used only by its descriptor, so no other
    user can put a different folder in its place.
    """
    base.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        base.mkdir(mode=0o700)
    if base.is_symlink():  # for a clear message; `open` would refuse it, too
        raise _refused(base, "is a symbolic link")
    fd = os.open(base, _FOLDER_ITSELF)
    try:
        about = os.fstat(fd)
        if about.st_uid != os.getuid():
            raise _refused(base, "belongs to another user")
        if about.st_mode & 0o077:
            raise _refused(base, "can be read or written by other users")
        yield fd
    finally:
        os.close(fd)


def _refused(base: Path, what: str) -> LoopvizError:
    return LoopvizError(
        f"{base} {what}, and loopviz needs a private folder: "
        "remove it, or point XDG_RUNTIME_DIR or TMPDIR at a folder of your own."
    )


def _make(base: Path, base_fd: int) -> RunFolder | None:
    """A new run folder; None if a sweep removed it between creating and locking its marker."""
    name = f"{_PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
    os.mkdir(name, 0o700, dir_fd=base_fd)
    try:
        lock = lock_file(f"{name}/{MARKER}", dir_fd=base_fd)
    except OSError:
        shutil.rmtree(name, ignore_errors=True, dir_fd=base_fd)
        raise
    if lock is None:
        return None
    if not lock.linked:
        lock.release()
        return None
    return RunFolder(base / name, lock)


def _sweep(base_fd: int) -> None:
    """Remove the run folders of processes that have ended."""
    for name in os.listdir(base_fd):
        lock = _lock_of_dead(name, base_fd) if name.startswith(_PREFIX) else None
        if lock is not None:
            shutil.rmtree(name, ignore_errors=True, dir_fd=base_fd)
            lock.release()


def _lock_of_dead(name: str, base_fd: int) -> FileLock | None:
    """Lock the run folder of a dead process. None if the process lives, or it is no run folder."""
    try:
        folder_fd = os.open(name, _FOLDER_ITSELF, dir_fd=base_fd)  # does not follow a link
    except OSError:
        return None
    try:
        return lock_file(MARKER, dir_fd=folder_fd, create=False)
    except OSError:  # there is no marker
        return None
    finally:
        os.close(folder_fd)
