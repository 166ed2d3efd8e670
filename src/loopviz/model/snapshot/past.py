"""Snapshots of past moments, as they would have been then."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import MS
from loopviz.model.snapshot import (
    LoopStats,
    Mark,
    OrphanInfo,
    RequestInfo,
    Running,
    Snapshot,
    StallInfo,
)
from loopviz.model.snapshot.build import SnapshotBuilder
from loopviz.model.snapshot.resources import ResourceInfo
from loopviz.model.snapshot.types import Quantiles, Track
from loopviz.model.snapshot.window import Window
from loopviz.model.state.counters import Counters
from loopviz.model.state.incidents import Incident
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.ongoing import Ongoing, ongoing, open_stall
from loopviz.model.state.routes import Routes
from loopviz.model.state.stalls import OPEN_NS, SLOW_NS, Stall
from loopviz.model.state.trace import Trace
from loopviz.model.stats.histogram import quantiles
from loopviz.model.stats.series import Series

__all__ = ["Past", "as_of"]

_QUANTILES_NS = 100 * MS
"""Recent figures are computed again when the moment has moved by so much."""
_EVER = 1 << 62


class Past:
    """Makes snapshots of one model's history. A replay calls it each frame, so a step is cheap."""

    def __init__(
        self,
        trace: Trace,
        loop: LoopTimes,
        routes: Routes,
        counters: Counters,
        builder: SnapshotBuilder,
    ) -> None:
        self._trace, self._loop, self._routes = trace, loop, routes
        self._counters, self._builder = counters, builder
        self._window = Window(builder.requests.ended)
        self._recent: tuple[int, Snapshot, Snapshot] | None = None
        """The moment, `frozen`, and `frozen` with the recent figures of that moment."""

    def picture(
        self, frozen: Snapshot, start_ns: int, end_ns: int, marks: Iterable[Mark], oldest_ns: int
    ) -> Snapshot:
        """See `Model.past`."""
        kept = self._incidents(start_ns, end_ns) if start_ns < oldest_ns else []
        orphans = self._builder.requests.orphans(start_ns, end_ns)
        requests = self._requests(start_ns, end_ns, kept, orphans)
        loop = self._loop_at(frozen, start_ns, end_ns, kept)
        stalls, running = self._stalls(start_ns, end_ns, kept)
        if running is None:
            running = _running(requests, end_ns)
        if running is None and end_ns >= self._trace.switched_ns:
            running = self._trace.running(end_ns)
        figures = self._figures(frozen, end_ns, oldest_ns)
        return replace(
            figures,
            now_ns=end_ns,
            loop=replace(
                loop,
                stalls=stalls,
                running=running,
                lag_recent=figures.loop.lag_recent,
                ready_delay_recent=figures.loop.ready_delay_recent,
                utilization_recent=figures.loop.utilization_recent,
            ),
            requests=requests,
            orphans=orphans,
            marks=tuple(mark for mark in marks if start_ns <= mark.at_ns <= end_ns),
            resources=tuple(as_of(resource, end_ns) for resource in frozen.resources),
            oldest_ns=oldest_ns,
        )

    def _incidents(self, start: int, end: int) -> list[Incident]:
        """The incidents that overlap that time, oldest first."""
        found = []
        for incident in self._trace.incidents.all():
            first, last = incident.window
            if first < end and last > start:
                found.append(incident)
        return found

    def _requests(
        self,
        start: int,
        end: int,
        kept: Sequence[Incident],
        orphans: tuple[OrphanInfo, ...],
    ) -> tuple[RequestInfo, ...]:
        finished, at = self._trace.requests.finished, self._builder.requests.at
        first, last = finished.place(start), finished.place(end + 1)
        others: dict[int, RequestInfo | None] = {}
        late = finished.between(last, finished.place(end + finished.longest_ns + 1))
        for request in (*late, *self._trace.requests.open.values()):
            if request.start_ns < end:
                others[request.number] = at(request, end)
        oldest = finished.oldest_ns
        for incident in kept:
            for request in incident.requests:
                if (
                    request.number not in others
                    and request.end_ns < oldest
                    and (request.start_ns < end and request.end_ns > start)
                ):
                    others[request.number] = at(request, end)
        for info in self._builder.requests.with_orphans(orphans, start, end):
            others[info.number] = info
        infos = [info for info in others.values() if info is not None]
        return self._window.show(finished, first, last, infos)

    def _stalls(
        self, start: int, end: int, kept: Sequence[Incident]
    ) -> tuple[tuple[StallInfo, ...], Running | None]:
        """The stalls that overlap that time, and what runs at its end if that became a stall."""
        stalls: dict[int, Stall] = {}
        for incident in kept:
            stalls |= {stall.start_ns: stall for stall in incident.stalls}
        stalls |= {stall.start_ns: stall for stall in self._trace.stalls.between(start, end)}
        now = self._trace.switched_ns
        if end >= now and (open_ := open_stall(self._trace, self._routes, end)) is not None:
            stalls[open_.start_ns] = open_
        infos, running = [], None
        for begun in sorted(stalls):
            stall = stalls[begun]
            if begun >= end or 0 < stall.end_ns <= start:
                continue
            info = stall.info(end)
            if stall.end_ns > end:
                seen = stall.location if end - begun >= SLOW_NS // 2 else None
                running = Running(
                    since_ns=begun,
                    label=stall.label,
                    location=seen,
                    request=stall.request,
                    gil=stall.cause == "gil",
                )
                if end - begun < OPEN_NS:
                    continue
                info = replace(info, end_ns=end, open=True)
            infos.append(info)
        return tuple(infos), running

    def _loop_at(
        self, frozen: Snapshot, start: int, end: int, kept: Sequence[Incident]
    ) -> LoopStats:
        loop = self._loop
        since = min(start, end - frozen.recent_ns)  # recent figures need these
        lag = _track(loop.lag, since, end)
        if kept:
            lag = _joined([incident.lag for incident in kept], lag, start)
            last = int(np.searchsorted(lag.times_ns, end, "right"))
            lag = Track(times_ns=lag.times_ns[:last], values=lag.values[:last])
        return replace(
            frozen.loop,
            busy=self._busy(start, end, kept),
            lag=lag,
            ready_delay=_track(loop.ready_delay, since, end),
            callback=_track(loop.callback, since, end),
            iteration=_track(loop.iteration, since, end),
        )

    def _busy(self, start: int, end: int, kept: Sequence[Incident] = ()) -> Track:
        """The busy track up to `end`, where it is exact, too: between entries it grows or stays."""
        busy = _track(self._loop.busy, start, _EVER)
        if kept:
            busy = _joined([incident.busy for incident in kept], busy, start)
        times, values = busy.times_ns, busy.values
        last = int(np.searchsorted(times, end, "right"))
        if not last:
            return Track(times_ns=times[:0], values=values[:0])
        value = int(values[last - 1])
        if last < len(times):
            value += min(int(values[last]) - value, end - int(times[last - 1]))
        else:
            most = value + end - int(times[last - 1])  # it may have been busy ever since, until now
            value = max(value, min(self._loop.busy_until(end), most))
        return Track(times_ns=np.append(times[:last], end), values=np.append(values[:last], value))

    def _figures(self, frozen: Snapshot, end: int, oldest: int) -> Snapshot:
        """`frozen` with the recent figures of that moment, as far as they are known."""
        moment = end // _QUANTILES_NS
        if self._recent and self._recent[0] == moment and self._recent[1] is frozen:
            return self._recent[2]
        loop, since = self._loop, max(end - frozen.recent_ns, oldest)
        busy = self._busy(since, end)
        known = since < end and len(busy.times_ns)
        on = ongoing(self._trace, loop, self._routes, end)
        if end < self._trace.switched_ns:
            on = Ongoing(now_ns=end)
        made = replace(
            frozen,
            loop=replace(
                frozen.loop,
                lag_recent=_quantiles(loop.lag, since, end, on.lag),
                ready_delay_recent=_quantiles(loop.ready_delay, since, end, on.ready_delay),
                utilization_recent=_share(busy, since, end) if known else 0.0,
            ),
        )
        if known:
            made = replace(
                made,
                counters=self._counters.snapshot(max(since, _counted(frozen, end)), end),
                routes=tuple(
                    replace(
                        info,
                        latency_recent=route.recent(since, end),
                        late_recent_ns=route.late_recent(since, end),
                        load_busy=self._routes.busy_recent(since, end),
                    )
                    for info, route in zip(frozen.routes, self._routes.routes, strict=False)
                ),
            )
        self._recent = moment, frozen, made
        return made


def as_of(resource: ResourceInfo, moment_ns: int) -> ResourceInfo:
    """The resource with the counts that its tracks have at that moment."""
    in_use = _value(resource.in_use_track, moment_ns, resource.in_use.now)
    waiting = _value(resource.waiting_track, moment_ns, resource.waiting.now)
    if (in_use, waiting) == (resource.in_use.now, resource.waiting.now):
        return resource
    return replace(
        resource,
        in_use=replace(resource.in_use, now=in_use),
        waiting=replace(resource.waiting, now=waiting),
    )


def _counted(frozen: Snapshot, end: int) -> int:
    """From when on counters are counted; 0 of a moment before the last change."""
    counted = frozen.comparison.counted_ns if frozen.comparison else 0
    return counted if counted <= end else 0


def _track(series: Series, start: int, end: int) -> Track:
    times, values = series.between(start, end)
    return Track(times_ns=times, values=values)


def _value(track: Track, moment: int, default: int) -> int:
    """The value at that moment; before the first entry, 0."""
    if not len(track.times_ns):
        return default
    last = int(np.searchsorted(track.times_ns, moment, "right")) - 1
    return int(track.values[last]) if last >= 0 else 0


def _running(requests: Iterable[RequestInfo], end: int) -> Running | None:
    """The request whose step runs at the end."""
    for request in requests:
        if request.open:
            start, _, state = request.spans[-1]
            if state.runs and start < end:
                return Running(
                    since_ns=start, label=request.route, location=None, request=request.number
                )
    return None


def _quantiles(series: Series, since: int, end: int, more: NDArray[np.int64]) -> Quantiles:
    """Quantiles of the series in that time, and of values that are in no record yet."""
    times, values = series.between(since, end)
    return quantiles(np.append(values[int(np.searchsorted(times, since)) :], more))


def _share(busy: Track, since: int, end: int) -> float:
    since = max(since, int(busy.times_ns[0]))
    first = np.interp(since, busy.times_ns, busy.values)
    return float(busy.values[-1] - first) / max(end - since, 1)


def _joined(older: Sequence[Track], newer: Track, start: int) -> Track:
    """Joins tracks, each up to where the next one begins; from `start` on."""
    times, values = newer.times_ns, newer.values
    for track in reversed(older):
        until = int(np.searchsorted(track.times_ns, times[0])) if len(times) else None
        times = np.concatenate((track.times_ns[:until], times))
        values = np.concatenate((track.values[:until], values))
    first = max(int(np.searchsorted(times, start)) - 1, 0)
    return Track(times_ns=times[first:], values=values[first:])
