"""What has begun and not ended at a moment, with its durations up to then.

All figures, findings and snapshots take what is open from here, so that the live screen and the
report of a run agree.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.routes import Routes
from loopviz.model.state.stalls import SLOW_NS, Stall
from loopviz.model.state.trace import Trace

__all__ = ["Ongoing", "ongoing", "open_stall"]

Ints = NDArray[np.int64]


def _none() -> Ints:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ongoing:
    """What is open at `now_ns`. The arrays have values that are in no record yet."""

    now_ns: int
    stall: Stall | None = None
    """The callback that blocks the loop, once that has lasted as long as a stall."""
    unread: tuple[tuple[str, int], ...] = ()
    """Requests that the loop cannot have read because of it: route, and time waited so far."""
    callback: Ints = field(default_factory=_none)
    """How long that callback has run."""
    iteration: Ints = field(default_factory=_none)
    lag: Ints = field(default_factory=_none)
    """How late each heartbeat is that was due since it began."""
    ready_delay: Ints = field(default_factory=_none)
    """How long those requests have waited for the loop."""


def open_stall(trace: Trace, routes: Routes | None, now: int) -> Stall | None:
    """The stall that is open at `now`, if any; the unread requests are its victims."""
    stall = trace.open_stall(now)
    if stall is not None and routes is not None:
        stall.victims = len(routes.waiting_since(stall.start_ns))
    return stall


def ongoing(trace: Trace, loop: LoopTimes, routes: Routes | None, now: int) -> Ongoing:
    """What is open on the loop and in its load at `now`, which is not before the newest record."""
    stall = open_stall(trace, routes, now)
    if stall is None or now - stall.start_ns < SLOW_NS:
        return Ongoing(now_ns=now)
    sent = routes.waiting_since(stall.start_ns) if routes is not None else []
    unread = tuple((route, now - at) for route, at in sent)
    return Ongoing(
        now_ns=now,
        stall=stall,
        unread=unread,
        callback=np.array([now - stall.start_ns], np.int64),
        iteration=loop.open_iteration(now),
        lag=loop.missed_beats(now),
        ready_delay=np.array([age for _, age in unread], np.int64),
    )
