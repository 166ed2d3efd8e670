"""Figures of a selected range of time."""

from dataclasses import dataclass

import numpy as np

from loopviz.model.snapshot import RequestInfo, Snapshot, StallInfo
from loopviz.model.snapshot.types import Quantiles, State, Track
from loopviz.model.stats.histogram import quantiles

__all__ = ["RangeFigures", "RouteFigures", "figures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFigures:
    """The requests of one route that ended in the range."""

    route: str
    duration: Quantiles


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeFigures:
    """What happened from `start_ns` to `end_ns`, as far as the snapshot shows it."""

    start_ns: int
    end_ns: int
    lasted_ns: int
    utilization: float
    """The first worker's loop: busy time by known time."""
    lag: Quantiles
    """The lag of its timers that ran in the range."""
    stalls: int
    """How many stalls overlap the range."""
    stalled_ns: int
    """How long they blocked the loop within the range."""
    worst: StallInfo | None
    """The longest of them, its time outside the range included."""
    duration: Quantiles
    """How long the requests that ended in the range had taken since they were sent, without those
    that last as long as their client wants."""
    routes: tuple[RouteFigures, ...]
    """The same by route, most requests first."""
    open: int
    """How many requests were open at its end."""
    ran_ns: int
    """How long all requests ran within the range, in total."""
    ready_ns: int
    waiting_ns: int


def figures(snapshot: Snapshot, start_ns: int, end_ns: int) -> RangeFigures:
    """Figures of a range within what `snapshot` shows; the ends may come in either order."""
    start, end = sorted((start_ns, end_ns))
    ran = ready = waiting = still_open = 0
    durations: dict[str, list[int]] = {}
    lasting: set[str] = set()
    for request in snapshot.requests:
        if request.start_ns >= end or request.end_ns <= start:
            continue
        if request.open or request.end_ns > end:
            still_open += 1
        else:
            durations.setdefault(request.route, []).append(request.end_ns - request.start_ns)
            if request.stream is not None and request.stream.lasts:
                lasting.add(request.route)
        busy, could, waited = _within(request, start, end)
        ran, ready, waiting = ran + busy, ready + could, waiting + waited
    stalls = [s for s in snapshot.loop.stalls if s.start_ns < end and s.end_ns > start]
    ended = [
        took for route, all_of_it in durations.items() if route not in lasting for took in all_of_it
    ]
    lag = snapshot.loop.lag
    first, last = np.searchsorted(lag.times_ns, (start, end))
    routes = [
        RouteFigures(route=route, duration=_quantiles(of_route))
        for route, of_route in durations.items()
    ]
    routes.sort(key=lambda route: (-route.duration.count, route.route))
    return RangeFigures(
        start_ns=start,
        end_ns=end,
        lasted_ns=end - start,
        utilization=_utilization(snapshot.loop.busy, start, end),
        lag=quantiles(lag.values[first:last]),
        stalls=len(stalls),
        stalled_ns=sum(min(s.end_ns, end) - max(s.start_ns, start) for s in stalls),
        worst=max(stalls, key=lambda s: s.end_ns - s.start_ns, default=None),
        duration=_quantiles(ended),
        routes=tuple(routes),
        open=still_open,
        ran_ns=ran,
        ready_ns=ready,
        waiting_ns=waiting,
    )


def _within(request: RequestInfo, start: int, end: int) -> tuple[int, int, int]:
    """How long the request ran, was ready, and waited in that time."""
    if request.start_ns >= start and request.end_ns <= end:
        return request.busy_ns, request.ready_ns, request.waiting_ns
    ran = ready = waiting = 0
    for begun, ended, state in request.spans:
        lasted = min(ended, end) - max(begun, start)
        if lasted <= 0:
            continue
        if state is State.READY:
            ready += lasted
        elif state.waits:
            waiting += lasted
        else:
            ran += lasted
    return ran, ready, waiting


def _utilization(busy: Track, start: int, end: int) -> float:
    if not len(busy.times_ns):
        return 0.0
    start, end = max(start, int(busy.times_ns[0])), min(end, int(busy.times_ns[-1]))
    if end <= start:
        return 0.0
    before, after = np.interp((start, end), busy.times_ns, busy.values)
    return float(after - before) / (end - start)


def _quantiles(durations: list[int]) -> Quantiles:
    return quantiles(np.array(durations, np.int64))
