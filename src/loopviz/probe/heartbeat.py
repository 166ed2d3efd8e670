"""The heartbeat: timers of the probe's own, by which lag is measured."""

import asyncio
from typing import Any

from loopviz.clock import SECOND, Clock
from loopviz.probe.hooks import Hooks
from loopviz.wire.events import HEARTBEAT_LET_GO_NS, Kind, tag

__all__ = ["Heartbeat"]

_LET_GO_S = HEARTBEAT_LET_GO_NS / SECOND


class Heartbeat:
    """Measures lag: timers at a fixed interval, each due that long after the one before was *due*.

    After a block the missed ones run at once, each as late as it really was: an open loop of
    timers, as the load is one of requests. Timers more than a second late are skipped.
    """

    def __init__(
        self, loop: Any, hooks: Hooks, clock: Clock, interval_s: float, *, recorded: bool
    ) -> None:
        """`recorded`: the hooks record timers, as they cannot on a foreign loop."""
        self._loop, self._hooks, self._clock = loop, hooks, clock
        self._interval_s, self._recorded = interval_s, recorded
        self._call = self._beat  # one bound method, by which the hooks recognise it
        self._due = 0.0
        self._handle: asyncio.Handle | None = None

    def start(self) -> None:
        """Set the first timer. Loop's thread only."""
        self._hooks.heartbeat(self._call)
        self._set(self._loop.time() + self._interval_s)

    def stop(self) -> None:
        """Cancel the timer."""
        if self._handle is not None:
            self._handle.cancel()

    def _beat(self) -> None:
        if not self._recorded:
            now = self._clock()
            self._hooks.write(now, now, tag(Kind.CALLBACK))
            self._hooks.write(now, round(self._due * 1e9), tag(Kind.TIMER))
            self._hooks.write(self._clock(), 0, tag(Kind.STOPPED))
        due = self._due + self._interval_s
        late = self._loop.time() - due > _LET_GO_S
        self._set(self._loop.time() + self._interval_s if late else due)

    def _set(self, due: float) -> None:
        self._due = due
        self._handle = self._loop.call_at(due, self._call)
