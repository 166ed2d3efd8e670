"""File locks, which show whether a process is alive.

The system releases a lock when its process ends, however it ends. Unlike a process number, a lock
means the same in every container that shares the folder.
"""

import contextlib
import fcntl
import os
from pathlib import Path

__all__ = ["FileLock", "lock_file"]

_taken: set["FileLock"] = set()
"""All locks that this process holds."""


class FileLock:
    """An exclusive lock on an open file, until it is released or this process ends.

    The child of a fork closes its copy of the descriptor, so only the parent keeps the lock.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        _taken.add(self)

    @property
    def linked(self) -> bool:
        """True as long as the file has not been removed."""
        return os.fstat(self._fd).st_nlink > 0

    def release(self) -> None:
        """Release the lock at once. Safe to call twice."""
        with contextlib.suppress(KeyError):
            _taken.remove(self)
            fcntl.flock(self._fd, fcntl.LOCK_UN)  # a forked child may still have its copy open
            os.close(self._fd)

    def forget(self) -> None:
        """Close the descriptor in the child of a fork: the lock is the parent's."""
        os.close(self._fd)


def lock_file(
    path: str | Path, *, dir_fd: int | None = None, create: bool = True
) -> FileLock | None:
    """Lock a file. Returns None if another process, or another lock of this one, holds it.

    Raises OSError if the file cannot be opened or created, or if its file system has no locks.
    Symbolic links are not followed.
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_CREAT if create else 0)
    fd = os.open(path, flags, 0o600, dir_fd=dir_fd)  # close-on-exec
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        os.close(fd)
        raise
    return FileLock(fd)


def _after_fork() -> None:
    for lock in _taken:
        lock.forget()
    _taken.clear()


os.register_at_fork(after_in_child=_after_fork)
