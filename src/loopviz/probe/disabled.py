"""Hooks and a ring that do nothing, for a probe that records nothing."""

from typing import Any

from loopviz.probe.hooks import Hooks, write_nothing
from loopviz.wire.ring import LockedRing

__all__ = ["NO_HOOKS", "NoRing"]


class NoRing(LockedRing):
    """A ring without a file. It discards what is written."""

    def __init__(self) -> None:
        self._open = False

    def intern(self, _text: str) -> int:
        """No string has a number."""
        return 0

    def intern_all(self, texts: Any) -> list[int]:
        """No string has a number."""
        return [0 for _ in texts]

    def close(self) -> None:
        """There is nothing to unmap."""


def _zero(*_: Any) -> int:
    return 0


NO_HOOKS = Hooks(
    run_once=write_nothing,
    call_soon=write_nothing,
    call_soon_from_anywhere=write_nothing,
    create_task=lambda original: original,
    first_iteration=write_nothing,
    last_iteration=write_nothing,
    write=write_nothing,
    task=_zero,
    number=_zero,
    running=lambda: (0, 0),
    request_start=_zero,
    request_end=write_nothing,
    heartbeat=write_nothing,
    adopt=write_nothing,
    stop=write_nothing,
    abandon=write_nothing,
)
