"""Makes a snapshot's frozen requests from the model's live ones."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from loopviz.model.names import Naming
from loopviz.model.snapshot import OrphanInfo, RequestInfo, RequestPhase, StreamInfo, WaitInfo
from loopviz.model.snapshot.types import Location, State
from loopviz.model.state.entities import Task
from loopviz.model.state.orphans import LANE_KEPT_NS, OrphanGroup
from loopviz.model.state.request import Request, WaitKind, WaitSums, on_loop, sums_of, waiting
from loopviz.model.state.spans import LazyTuple, Spans
from loopviz.model.state.stalls import SLOW_NS
from loopviz.model.state.trace import Trace

__all__ = ["RequestInfoBuilder"]

_ORPHANS = 500
"""The orphans of so many requests are shown at most, the newest."""
_UNKNOWN: WaitKind = (0, None)
Known = tuple[Spans, bytes, tuple[WaitKind, ...], WaitSums]
"""The arguments of `sums_of`."""


class RequestInfoBuilder:
    """Makes the infos of one trace's requests, as they are or as they were at a moment."""

    def __init__(
        self, trace: Trace, naming: Naming, location: Callable[[int], Location | None]
    ) -> None:
        """`location` returns the location of a place's number."""
        self.worker = 1
        """The number of the worker whose requests these are."""
        self._trace = trace
        self._naming = naming
        self._location = location
        self._make_waits, self._make_open_waits = self._waits, self._open_waits

    def ended(self, request: Request) -> RequestInfo:
        """A request that has ended."""
        sums = request.sums
        waits: Sequence[WaitInfo] = ()
        if waited := waiting(sums):
            waits = LazyTuple(self._make_waits, request)
        return RequestInfo(
            request.number,
            request.route,
            request.lane,
            request.spans,
            request.start_ns,
            request.end_ns,
            False,
            request.status,
            on_loop(sums),
            sums[State.READY],
            waited,
            waits,
            request.phases,
            request.task,
            request.bytes_sent,
            request.calls_made,
            request.gone_ns,
            self.worker,
            _stream(request, request.end_ns),
        )

    def open(self, request: Request, now: int) -> RequestInfo:
        """An open request, up to `now`."""
        end = max(now, request.end_ns)
        times, states, sums = request.times[:], bytearray(request.states), list(request.sums)
        since, last = request.end_ns, len(times)
        for until, state in self._trace.open_spans(request, end):
            if since < until <= end or (until == end and len(times) == last):
                times.append(until)
                states.append(state)
                sums[state] += until - since
                since = until
        spans = Spans(request.start_ns, times, bytes(states))
        return self._open(request, spans, sums, self._waits_for(request))

    def _waits_for(self, request: Request) -> WaitKind:
        """The resource that an open request waits for now, or the executor of its job."""
        task = self._trace.tasks.live.get(request.task)
        wait = task.waiting if task is not None else None
        if wait is not None:
            return wait.place, wait.resource.group
        job = task.offloaded if task is not None else None
        queued = job is not None and not job.started_ns
        return (0, job.resource.group) if job is not None and queued else _UNKNOWN

    def at(self, request: Request, moment: int) -> RequestInfo | None:
        """The request as it was at `moment`; None if it had not begun."""
        if moment <= request.start_ns:
            return None
        if moment >= request.end_ns:
            is_open = self._trace.requests.open.get(request.task) is request
            return self.open(request, moment) if is_open else self.ended(request)
        spans = request.spans.until(moment, SLOW_NS)
        sums = [0] * (len(State) + 1)
        for start, end, state in spans:
            sums[state] += end - start
        return self._open(request, spans, sums, _UNKNOWN)

    def orphans(self, start: int, end: int) -> tuple[OrphanInfo, ...]:
        """The orphans within that time, as they were at its end."""
        groups = self._trace.requests.orphans.within(start, end)
        return tuple(self._orphans(group, end) for group in islice(groups, _ORPHANS))

    def with_orphans(
        self, orphans: Iterable[OrphanInfo], start: int, end: int
    ) -> Iterable[RequestInfo]:
        """The requests that ended before `start`, and whose orphans are shown."""
        groups = self._trace.requests.orphans.within(start, end)
        if any(orphan.start_ns < start for orphan in orphans):
            for group in islice(groups, _ORPHANS):
                if group.request.end_ns < start:
                    yield self.ended(group.request)

    def _orphans(self, group: OrphanGroup, now: int) -> OrphanInfo:
        request = group.request
        until = group.end_ns or request.end_ns + LANE_KEPT_NS
        goes_on = not 0 < group.end_ns <= now and now < until
        end = min(now, until)
        first = group.first
        label = self._trace.label(first) if isinstance(first, Task) else ""
        return OrphanInfo(
            request=request.number,
            route=request.route,
            lane=request.lane,
            start_ns=request.end_ns,
            end_ns=end,
            open=goes_on,
            count=group.count(end if goes_on else request.end_ns),
            label=label or self._trace.site(first.place).name,
        )

    def _open(
        self, request: Request, spans: Spans, sums: Sequence[int], kind: WaitKind
    ) -> RequestInfo:
        """A request that is open at the end of its spans, where it may wait for `kind`."""
        end = spans.times[-1]
        waits: Sequence[WaitInfo] = ()
        if waited := waiting(sums):
            whys = bytes(request.whys[: len(spans)])
            known = spans, whys, tuple(request.kinds), dict(request.folded or {})
            waits = LazyTuple(self._make_open_waits, (known, waited, kind))
        phases: Sequence[RequestPhase] = ()
        if request.phases:
            phases = _until(request.phases, end)
        return RequestInfo(
            request.number,
            request.route,
            request.lane,
            spans,
            request.start_ns,
            end,
            True,
            0,
            on_loop(sums),
            sums[State.READY],
            waited,
            waits,
            phases,
            request.task,
            0,
            sum([call[0] <= end for call in request.calls]),
            request.gone_ns if request.gone_ns <= end else 0,
            self.worker,
            _stream(request, end),
        )

    def _waits(self, request: Request) -> tuple[WaitInfo, ...]:
        return self._named(request.waits(), request.waiting_ns, _UNKNOWN)

    def _open_waits(self, of: tuple[Known, int, WaitKind]) -> tuple[WaitInfo, ...]:
        known, waited, kind = of
        return self._named(sums_of(*known), waited, kind)

    def _named(self, waits: WaitSums, waited: int, kind: WaitKind) -> tuple[WaitInfo, ...]:
        """Its waits with their names. The rest of `waited` counts as a wait for `kind`."""
        rest = waited - sum(total for total, _ in waits.values())
        if rest > 0:
            total, count = waits.get(kind, (0, 0))
            waits[kind] = total + rest, count + 1
        named = []
        for (place, group), (total, count) in waits.items():
            site = self._trace.site(place)
            what = group.display(self._naming) if group is not None else site.name
            named.append(
                WaitInfo(
                    what=what,
                    total_ns=total,
                    count=count,
                    location=self._location(place),
                    resource=group is not None,
                    library=site.library if group is None else "",
                )
            )
        return tuple(sorted(named, key=lambda wait: -wait.total_ns))


def _stream(request: Request, end: int) -> StreamInfo | None:
    stream = request.stream
    if stream is None or not stream.shown:
        return None
    return stream.info(request.start_ns, end)


def _until(phases: Sequence[RequestPhase], end: int) -> tuple[RequestPhase, ...]:
    """The phases that had begun by then."""
    return tuple(
        phase if 0 < phase.end_ns <= end else phase._replace(end_ns=end)
        for phase in phases
        if phase.start_ns < end
    )
