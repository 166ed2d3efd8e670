"""Deadlines of many requests with the same limit, for the price of one timer."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from loopviz.clock import SECOND, Clock, monotonic_ns

__all__ = ["Deadlines"]

T = TypeVar("T")


class Deadlines(Generic[T]):
    """Reports each member that has not been discarded when its time is up.

    All have the same limit, so the first to come is the first to be due: a timer is set for that
    one only. A timer per request would be 50,000 of them at 5,000 requests a second and 10 s.
    """

    def __init__(
        self, limit_s: float, expired: Callable[[T], None], clock: Clock = monotonic_ns
    ) -> None:
        """To be used on the running loop's thread. `expired` may call `add` and `discard`."""
        self._limit_ns = round(limit_s * SECOND)
        self._expired, self._clock = expired, clock
        self._due: dict[T, int] = {}
        self._armed = False

    def add(self, member: T) -> None:
        """Its time begins now."""
        self._due[member] = self._clock() + self._limit_ns
        if not self._armed:
            self._arm()

    def discard(self, member: T) -> None:
        """It has no deadline any more."""
        self._due.pop(member, None)

    def _arm(self) -> None:
        due_ns = next(iter(self._due.values()), None)
        self._armed = due_ns is not None
        if due_ns is not None:
            asyncio.get_running_loop().call_at(due_ns / SECOND, self._look)

    def _look(self) -> None:
        while (first := next(iter(self._due), None)) is not None:
            if self._due[first] > self._clock():
                break
            del self._due[first]
            self._expired(first)
        self._arm()
