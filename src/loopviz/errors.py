"""What can go wrong, each with the exit code the command line gives for it.

A message is one sentence: what happened, the value, what to do next.
"""

__all__ = ["LoopvizError", "TargetError", "UsageError", "WireError"]


class LoopvizError(Exception):
    """The root of every error that loopviz raises on purpose."""

    exit_code = 1


class UsageError(LoopvizError):
    """The command's words are off: an unknown scenario, fix or route."""

    exit_code = 2


class TargetError(LoopvizError):
    """The target or its load could not start, or died."""

    exit_code = 3


class WireError(LoopvizError):
    """A ring file cannot be read: not a ring, or of another format version."""

    exit_code = 3
