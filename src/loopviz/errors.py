"""Errors, each with the exit code that the command line ends with.

A message is one sentence: what happened, the value, what to do next.
"""

import errno
from collections.abc import Sequence
from typing import Self

__all__ = [
    "NO_ROOM",
    "LoopvizError",
    "MachineError",
    "ProgramError",
    "TargetError",
    "UsageError",
    "WireError",
]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""`errno` values: the disk or the user's quota is full, or `ulimit -f` forbids so large a file."""


class LoopvizError(Exception):
    """Base class of all errors that loopviz raises on purpose."""

    exit_code = 1


class MachineError(LoopvizError):
    """The system refuses what loopviz needs: disk space, permission, files or processes.

    `what` begins the sentence, `where` names the place that has no room, unless `what` does, and
    `elsewhere` says how to choose another place.
    """

    def __init__(
        self,
        what: str,
        error: OSError,
        *,
        where: str = "there",
        elsewhere: str = "point XDG_RUNTIME_DIR or TMPDIR at another folder",
    ) -> None:
        why = error.strerror or str(error)
        super().__init__(f"{what} ({why}): {_remedy(error.errno, where, elsewhere)}.")
        self._what, self._error, self._where = what, error, where

    def with_remedy(self, elsewhere: str) -> Self:
        """The same error, with another way to choose the place."""
        return type(self)(self._what, self._error, where=self._where, elsewhere=elsewhere)


class UsageError(LoopvizError):
    """The command line is wrong: an unknown scenario, fix or route."""

    exit_code = 2


class TargetError(LoopvizError):
    """The target or its load could not start, or died."""

    exit_code = 3


class ProgramError(TargetError):
    """A program of the user's own could not start, or died."""

    def __init__(self, sentence: str, output: Sequence[str]) -> None:
        """`output`: the last lines that it wrote, fit for a terminal."""
        super().__init__(sentence)
        self.output = output


class WireError(LoopvizError):
    """A ring or a control message is malformed, or of another format version."""

    exit_code = 3


def _remedy(number: int | None, where: str, elsewhere: str) -> str:
    if number == errno.EFBIG:
        return f"allow larger files {where} (ulimit -f)"
    if number in NO_ROOM:
        return f"make room {where}, or {elsewhere}"
    if number in (errno.EMFILE, errno.ENFILE):
        return "allow more open files (ulimit -n), or close some"
    if number in (errno.EAGAIN, errno.ENOMEM):
        return "allow more processes (ulimit -u) and memory, or end other programs"
    return elsewhere
