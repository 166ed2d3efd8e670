"""Reads a user's file safely, whatever kind of file it is."""

import errno
import os
import stat
from pathlib import Path

__all__ = ["LIMIT", "read_text", "read_whole"]

LIMIT = 1 << 20
"""The largest file that is read, in bytes: 1 MiB."""


def read_whole(path: Path) -> bytes:
    """The file's contents. Does not wait for a writer, and reads little more than `LIMIT` bytes.

    Raises OSError, also for what is not a regular file (a named pipe, a device) and for a file
    that is larger.
    """
    with open(path, "rb", opener=_open) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        contents = file.read(LIMIT + 1)
    if len(contents) > LIMIT:
        raise OSError(errno.EFBIG, f"larger than {LIMIT >> 20} MiB")
    return contents


def read_text(path: Path) -> str:
    """The contents as text. Bytes that are not UTF-8 are replaced."""
    return read_whole(path).decode("utf-8", "replace")


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
