"""Builds a request's critical path from the event log.

The path is walked from the request's end. Where a task waited, and a step of another one woke it,
the other one's time takes the place of the wait: it is walked back to the wait's beginning. So the
pieces of the path always fill the request's time. A waker that is not known is not guessed.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Literal, NamedTuple

from loopviz.model.names import Naming, Site
from loopviz.model.snapshot.critical_path import CriticalPath, PathPart
from loopviz.model.snapshot.requests import RequestInfo
from loopviz.model.snapshot.types import Location, State
from loopviz.model.state.entities import Task
from loopviz.model.state.steps import Step, Steps
from loopviz.model.state.trace import Trace

__all__ = ["build_critical_path"]

_DEEPEST = 100
"""How many wakers in a row are followed."""
_MOST_PIECES = 20_000
_NEVER = 1 << 62
"""After all times."""

_Kind = Literal["ran", "ready", "await", "resource", "job", "queued", "unknown"]


class _Piece(NamedTuple):
    """A stretch of the path."""

    task: int
    kind: _Kind
    what: str
    place: int
    via: str
    lasted_ns: int
    executor: int
    """The number of the executor's or limiter's resource for which a job was queued."""


def build_critical_path(
    trace: Trace,
    naming: Naming,
    where: Callable[[Site], Location | None],
    steps: Steps,
    request: RequestInfo,
) -> CriticalPath:
    """The path of a request of `trace`, whose time `steps` covers, as far as it is kept."""
    walk = _Walk(trace, naming, steps)
    walk.request(request)
    known = trace.tasks.known()
    parts = _Parts(trace, where, known, request.task, walk.resource_name).of(walk.pieces)
    return CriticalPath(total_ns=sum(part.total_ns for part in parts), parts=parts)


class _Walk:
    """Collects the pieces, the last one first."""

    def __init__(self, trace: Trace, naming: Naming, steps: Steps) -> None:
        self._trace, self._naming, self._steps = trace, naming, steps
        self.pieces: list[_Piece] = []

    def request(self, request: RequestInfo) -> None:
        """The whole time of a request."""
        begins = request.start_ns
        first = request.spans[0] if request.spans else None
        if first is not None and first[2] is State.READY:  # until the loop began to serve it
            begins = first[1]
        self._task(request.task, begins, request.end_ns, (request.task,), "", open_=True)
        self._add(request.start_ns, begins, request.task, "ready")

    def _task(
        self,
        task: int,
        start: int,
        end: int,
        chain: tuple[int, ...],
        via: str,
        *,
        open_: bool = False,
    ) -> None:
        """What the task did from `start` to `end`, from the end backwards.

        A task that woke another one did so in a step, or in a callback that its step made ready.
        `open_`: this one has woken nobody, and may wait at the end.
        """
        steps = self._steps.of(task)
        place = bisect_right(steps, end, key=attrgetter("start_ns")) - 1
        at = end
        if place >= 0 and steps[place].end_ns < at:
            start_ns = max(start, steps[place].end_ns)
            if open_:
                after = steps[place + 1] if place + 1 < len(steps) else None
                at = self._open_wait(task, start_ns, at, after, chain, via)
            else:
                at = self._add(start_ns, at, task, "ready", via=via)
        while place >= 0 and at > start:
            step = steps[place]
            at = self._add(max(start, step.start_ns), at, task, "ran", via=via)
            place -= 1
            suspended = steps[place].end_ns if place >= 0 else self._known_since(task)
            ready = step.ready_ns if suspended == _NEVER else max(step.ready_ns, suspended)
            at = self._add(max(start, ready), at, task, "ready", via=via)
            if max(start, suspended) < at:
                at = self._wait(task, max(start, suspended), at, step, chain, via)
        if at > start:
            self._before(task, start, at, chain, via)

    def _known_since(self, task: int) -> int:
        """Since when a task was there before its first step that is kept."""
        made = self._steps.made(task)
        return self._steps.oldest_ns if made is None else _NEVER

    def _open_wait(
        self,
        task: int,
        start: int,
        end: int,
        after: Step | None,
        chain: tuple[int, ...],
        via: str,
    ) -> int:
        """A wait that had not ended by `end`; by now the step that ended it may be known."""
        holder = self._holder(task, start) if after is None else 0
        if holder and holder not in chain and len(chain) < _DEEPEST:
            name = self._resource(task, start)
            self._task(holder, start, end, (*chain, holder), name, open_=True)
            return start
        return self._wait(task, start, end, after or Step(end, end, end, 0, 0), chain, via)

    def _resource(self, task: int, at: int) -> str:
        """The name of the resource for which the task waited then; empty: none is known."""
        return self.resource_name(self._steps.waited_for(task, at)[0])

    def resource_name(self, number: int) -> str:
        """The name of the resource with that number; empty: it is not known, or has none."""
        resource = self._trace.resources.live.get(number) if number else None
        if resource is None or resource.group.anonymous:
            return ""
        return resource.group.display(self._naming)

    def _holder(self, task: int, at: int) -> int:
        """The only task that holds the resource for which an open request waits; 0: none."""
        number, _ = self._steps.waited_for(task, at)
        resource = self._trace.resources.live.get(number)
        holders = list(resource.holders.values()) if resource is not None else []
        one = holders[0].task if len(holders) == 1 else None
        return one.number if one is not None and not one.ended_ns else 0

    def _before(self, task: int, start: int, end: int, chain: tuple[int, ...], via: str) -> None:
        """The time before a task's first known step: it was made, by another task's step."""
        made = self._steps.made(task)
        if made is None:
            self._add(start, end, task, "unknown", via=via)
            return
        at, parent = made
        end = self._add(max(start, at), end, task, "ready", via=via)
        if end > start and parent and parent not in chain and len(chain) < _DEEPEST:
            self._task(parent, start, end, (*chain, parent), via)
        elif end > start:
            self._add(start, end, task, "unknown", via=via)

    def _wait(
        self, task: int, start: int, end: int, step: Step, chain: tuple[int, ...], via: str
    ) -> int:
        """A wait of the task, which the step ended. Returns `start`."""
        what, name = self._trace.site(step.place).name, self._resource(task, start)
        follow = step.waker and step.waker not in chain and len(chain) < _DEEPEST
        if follow and len(self.pieces) < _MOST_PIECES:
            self._task(step.waker, start, end, (*chain, step.waker), name or what or "task")
            return start
        if name:
            place = self._steps.waited_for(task, start)[1] or step.place
            return self._add(start, end, task, "resource", name, place, via)
        return self._other_wait(task, start, end, what, step.place, via)

    def _other_wait(self, task: int, start: int, end: int, what: str, place: int, via: str) -> int:
        """A wait for a job, as far as its times are known, or for the outside world."""
        job = self._steps.job(task, start, end)
        if job is None or what not in ("thread", "future", ""):
            return self._add(start, end, task, "await", what, place, via)
        function = self._trace.site(job.place)
        line = job.place if function.path else place
        if job.ended_ns:
            end = self._add(max(start, job.ended_ns), end, task, "ready", "", place, via)
        for began, ended, number, waits_at in reversed(job.waits):
            end = self._add(max(start, ended), end, task, "job", function.name, line, via)
            name = self.resource_name(number)
            at = waits_at or line
            end = self._add(max(start, began), end, task, "resource", name, at, via)
        if job.started_ns:
            end = self._add(max(start, job.started_ns), end, task, "job", function.name, line, via)
        return self._add(start, end, task, "queued", function.name, line, via, job.executor)

    def _add(
        self,
        start: int,
        end: int,
        task: int,
        kind: _Kind,
        what: str = "",
        place: int = 0,
        via: str = "",
        executor: int = 0,
    ) -> int:
        """Adds the piece from `start` to `end`, if it has any time. Returns its beginning."""
        if start >= end:
            return end
        self.pieces.append(_Piece(task, kind, what, place, via, end - start, executor))
        return start


class _Parts:
    """Adds up pieces of the same kind."""

    def __init__(
        self,
        trace: Trace,
        where: Callable[[Site], Location | None],
        known: Mapping[int, Task],
        own: int,
        name: Callable[[int], str],
    ) -> None:
        self._trace, self._where, self._known, self._own = trace, where, known, own
        self._name = name

    def of(self, pieces: list[_Piece]) -> tuple[PathPart, ...]:
        """The parts, in the order of their first pieces."""
        found: dict[tuple[object, ...], dict[int, int]] = {}
        firsts: dict[tuple[object, ...], _Piece] = {}
        for piece in pieces:
            own = piece.task == self._own
            key = own, self._label(piece.task), *piece[1:5], piece.executor
            times = found.setdefault(key, {})
            times[piece.task] = times.get(piece.task, 0) + piece.lasted_ns
            firsts.setdefault(key, piece)
        return tuple(self._part(firsts[key], times) for key, times in found.items())

    def _part(self, piece: _Piece, times: dict[int, int]) -> PathPart:
        number = max(times, key=times.__getitem__)
        task = self._known.get(number)
        site = self._trace.site(piece.place)
        return PathPart(
            task=number,
            label=self._label(number),
            request=task.request.number if task is not None and task.request is not None else 0,
            own=number == self._own,
            tasks=len(times),
            kind=piece.kind,
            what=piece.what,
            location=self._where(site),
            via=piece.via,
            total_ns=sum(times.values()),
            queued_for=self._name(piece.executor),
        )

    def _label(self, number: int) -> str:
        task = self._known.get(number)
        if task is None:
            return "a task that has ended"
        return self._trace.label(task).rpartition(".<locals>.")[2]
