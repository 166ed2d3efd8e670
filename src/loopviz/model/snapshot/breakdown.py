"""Where a request's time went: what it did, what it waited for, and what delayed it."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from loopviz.model.snapshot import LoopStats, RequestInfo, Snapshot, StallInfo
from loopviz.model.snapshot.types import Location, State, Track

__all__ = ["IN_TRANSIT", "OTHERS", "Breakdown", "Part", "breakdown"]

OTHERS = "other callbacks"
"""What the loop did that was neither a request's step nor a stall."""
IN_TRANSIT = "in transit"
"""The client had sent the request, but the loop was idle and had not seen it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a request's duration."""

    kind: Literal["ran", "blocking", "gil", "ready", "resource", "await"]
    """`ran`: its own steps; `blocking`: those that blocked the loop; `gil`: those that waited for
    the GIL; `ready`: it could run, but `what` ran instead; `resource`, `await`: it waited for
    `what`."""
    what: str
    """The resource's name; `sleep`, `socket`, `task`; the route or task that ran; what blocked the
    loop if it was not the user's code, see `StallInfo.did`; empty: not known."""
    total_ns: int
    count: int
    """How many pieces it is made of."""
    location: Location | None
    """Where it waited, or the line that blocked the loop, or that of the thread that had the GIL.
    """
    request: int = 0
    """The request that ran instead: of several, the one with the longest slice; 0: none."""
    at_ns: int = 0
    """When that slice, or the longest piece of the part, began; 0: not known."""
    library: str = ""
    """The installed library that waited for the user's code; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """The parts of a request's duration; they sum to it, to the nanosecond."""

    total_ns: int
    parts: tuple[Part, ...]
    """Longest first."""


class _Slice(NamedTuple):
    """A stretch of time in which the loop did one thing."""

    start_ns: int
    end_ns: int
    what: str
    location: Location | None
    request: int


def breakdown(snapshot: Snapshot, request: RequestInfo) -> Breakdown:
    """Breaks down a request of `snapshot`. What ran instead is named if it is in there, too."""
    pieces = _Pieces()
    loop = _loop_of(snapshot, request)
    stalls = {stall.start_ns: stall for stall in loop.stalls} if loop else {}
    ready = []
    waited = 0
    for start, end, state in request.spans:
        if end <= start:
            continue
        if state is State.RUN:
            pieces.add("ran", "", None, start, end)
        elif state.runs:
            what, where = _blocking(stalls.get(start))
            pieces.add("gil" if state is State.GIL else "blocking", what, where, start, end)
        elif state is State.READY:
            ready.append((start, end))
        else:
            waited += end - start
    if ready:
        ran = _ran(snapshot, request, loop, ready[0][0], ready[-1][1])
        for start, end in ready:
            for piece in _who(ran, loop.busy if loop else None, start, end):
                pieces.add("ready", piece.what, piece.location, piece.start_ns, piece.end_ns, piece)
    parts = [*pieces.parts(), *_waits(request, waited)]
    parts.sort(key=lambda part: -part.total_ns)
    return Breakdown(total_ns=sum(part.total_ns for part in parts), parts=tuple(parts))


class _Pieces:
    """Adds up pieces of the same kind."""

    def __init__(self) -> None:
        self._totals: Counter[tuple[object, ...]] = Counter()
        self._counts: Counter[tuple[object, ...]] = Counter()
        self._longest: dict[tuple[object, ...], tuple[int, Part]] = {}

    def add(
        self,
        kind: Literal["ran", "blocking", "gil", "ready"],
        what: str,
        where: Location | None,
        start: int,
        end: int,
        of: _Slice | None = None,
    ) -> None:
        """Adds the piece from `start` to `end`; `of`: what ran instead."""
        key = kind, what, where
        self._totals[key] += end - start
        self._counts[key] += 1
        known = self._longest.get(key)
        if known is None or end - start > known[0]:
            request = of.request if of else 0
            self._longest[key] = (
                end - start,
                Part(
                    kind=kind,
                    what=what,
                    total_ns=0,
                    count=0,
                    location=where,
                    request=request,
                    at_ns=start,
                ),
            )

    def parts(self) -> Iterator[Part]:
        for key, (_, part) in self._longest.items():
            yield replace(part, total_ns=self._totals[key], count=self._counts[key])


def _blocking(stall: StallInfo | None) -> tuple[str, Location | None]:
    """What a step that blocked the loop did, unless it was the user's code, and its line."""
    return (stall.did, stall.location) if stall is not None else ("", None)


def _loop_of(snapshot: Snapshot, request: RequestInfo) -> LoopStats | None:
    """The loop that serves the request; None if its worker is gone."""
    if request.worker == 1:
        return snapshot.loop
    return next((p.loop for p in snapshot.peers if p.worker == request.worker), None)


def _ran(
    snapshot: Snapshot, request: RequestInfo, loop: LoopStats | None, start: int, end: int
) -> list[_Slice]:
    """What the loop did in that time, in order, as far as it is known: stalls and steps."""
    slices = [
        _Slice(
            start_ns=s.start_ns,
            end_ns=s.end_ns,
            what=(s.did if s.nobodys else s.label) or OTHERS,
            location=s.location,
            request=0 if s.nobodys else s.request,
        )
        for s in (loop.stalls if loop else ())
        if s.start_ns < end and s.end_ns > start
    ]
    for other in snapshot.requests:
        if other.end_ns <= start or other.start_ns >= end or other.worker != request.worker:
            continue
        if other.number == request.number:
            continue
        slices += [
            _Slice(
                start_ns=began, end_ns=ended, what=other.route, location=None, request=other.number
            )
            for began, ended, state in other.spans
            if state.runs and began < end and ended > start
        ]
    slices.sort(key=lambda piece: piece.start_ns)  # of two that begin at once, the stall is first
    return slices


def _who(ran: Sequence[_Slice], busy: Track | None, start: int, end: int) -> Iterator[_Slice]:
    """What ran in that time, piece by piece."""
    first = bisect_right(ran, start, key=lambda piece: piece.start_ns)
    while first and ran[first - 1].end_ns > start:
        first -= 1
    at = start
    for piece in ran[first:]:
        if piece.start_ns >= end:
            break
        begin, until = max(piece.start_ns, at), min(piece.end_ns, end)
        if until <= begin:
            continue
        yield from _rest(busy, at, begin)
        yield piece._replace(start_ns=begin, end_ns=until)
        at = until
    yield from _rest(busy, at, end)


def _rest(busy: Track | None, start: int, end: int) -> Iterator[_Slice]:
    """The time that is left: other callbacks, then the idle loop."""
    idle = 0
    if busy is not None and len(busy.times_ns) and start >= busy.times_ns[0]:
        idle = end - start - (_busy_at(busy, end) - _busy_at(busy, start))
    if end - start > idle:
        yield _Slice(start_ns=start, end_ns=end - idle, what=OTHERS, location=None, request=0)
    if idle > 0:
        yield _Slice(start_ns=end - idle, end_ns=end, what=IN_TRANSIT, location=None, request=0)


def _busy_at(busy: Track, moment: int) -> int:
    """Cumulative busy time, exact: between two entries the loop is either busy or not."""
    times, values = busy.times_ns, busy.values
    after = int(times.searchsorted(moment, "right"))
    value = int(values[after - 1])
    if after == len(times):
        return value
    return value + min(int(values[after]) - value, moment - int(times[after - 1]))


def _waits(request: RequestInfo, waited: int) -> list[Part]:
    """The parts in which it waited; the time that is not known makes one more."""
    parts, rest = [], waited
    for wait in request.waits:
        lasted = min(wait.total_ns, rest)
        if lasted:
            kind: Literal["resource", "await"] = "resource" if wait.resource else "await"
            parts.append(
                Part(
                    kind=kind,
                    what=wait.what,
                    total_ns=lasted,
                    count=wait.count,
                    location=wait.location,
                    library=wait.library,
                )
            )
        rest -= lasted
    if rest:
        parts.append(Part(kind="await", what="", total_ns=rest, count=1, location=None))
    return parts
