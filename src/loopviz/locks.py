"""Locks on files: they say which processes are alive.

The system drops a lock when the process that took it ends, however it ends. Unlike a process
number, a lock means the same in every container that shares the folder.
"""

import contextlib
import fcntl
import os
from pathlib import Path

__all__ = ["FileLock", "lock_file"]

_taken: set["FileLock"] = set()
"""All locks of this process."""


class FileLock:
    """An exclusive lock on an open file, until it is released or this process ends.

    The child of a fork closes its copy of the descriptor, so only the parent keeps the lock.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        _taken.add(self)

    @property
    def linked(self) -> bool:
        """Whether the file still has a name: nobody has removed it."""
        return os.fstat(self._fd).st_nlink > 0

    def release(self) -> None:
        """Let others have it at once. Safe to call twice."""
        with contextlib.suppress(KeyError):
            _taken.remove(self)
            fcntl.flock(self._fd, fcntl.LOCK_UN)  # a child that has not closed its copy has it, too
            os.close(self._fd)

    def forget(self) -> None:
        """In the child of a fork: the lock is the parent's."""
        os.close(self._fd)


def lock_file(
    path: str | Path, *, dir_fd: int | None = None, create: bool = True
) -> FileLock | None:
    """Lock that file; None if another process, or another lock of this one, has it.

    Raises OSError if it cannot be opened or made, or if its file system has no locks. A symbolic
    link is not followed.
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_CREAT if create else 0)
    fd = os.open(path, flags, 0o600, dir_fd=dir_fd)  # no program that we start inherits it
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
