"""`ready-delay-high`: no callback blocks the loop for long, but there are too many of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import MS, SECOND
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location, Moment
from loopviz.model.state.stalls import SLOW_NS
from loopviz.units import duration_text
from loopviz.wire.events import Kind

__all__ = ["ReadyDelayHigh"]

_HIGH_NS = 10 * MS
"""A ready delay that users notice: a request of ten steps waits a tenth of a second."""
_SHARE = 0.1
"""The share of a second's callbacks that have to wait so long: fewer are a burst's tail."""
_MANY = 20
"""How many callbacks have to wait so long: a handful proves nothing."""
_ALL = 0.95
"""From this part of a culprit's time on, its steps are said to be at the line."""
_SECONDS = 2
"""In how many seconds: one is a burst."""

Records = NDArray[np.void]


class _Culprit(NamedTuple):
    """Whose steps took most of the loop's time."""

    label: str
    where: Location | None
    steps: int
    share: float
    """Which part of the time in which callbacks waited they took …"""
    share_at: float
    """… and which part of that is of steps at that line."""


class _Owners:
    """Whom the tasks of one second work for, also of those that have been forgotten since."""

    def __init__(self, context: Context, records: Records) -> None:
        self._context = context
        self._tasks = context.trace.tasks.known()
        started = records[records["kind"] == Kind.TASK_START]
        self._started = dict(
            zip(
                started["task_id"].tolist(),
                zip((started["a"] >> 32).tolist(), started["b"].tolist(), strict=True),
                strict=True,
            )
        )

    def of(self, number: int) -> tuple[str, str, int]:
        """The route of the request, if it is one's, the task's label and its site."""
        task = self._tasks.get(number)
        if task is not None:
            route = task.request.route if task.request is not None else ""
            return route, self._context.label(task), task.site
        parent, site = self._started.get(number, (0, 0))
        of = self._tasks.get(parent)
        route = of.request.route if of is not None and of.request is not None else ""
        return route, self._context.trace.site(site).name or "tasks", site


class _Spans(NamedTuple):
    """Spans of time, in order."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def total_ns(self) -> int:
        return int((self.ends - self.starts).sum())

    def include(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these moments lie in one of them."""
        at = np.searchsorted(self.starts, times, "right") - 1
        inside: NDArray[np.bool_] = (at >= 0) & (times < self.ends[np.maximum(at, 0)])
        return inside


def _merged(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> _Spans:
    """Those spans, overlapping ones as one."""
    order = np.argsort(starts)
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    first = np.concatenate([[True], starts[1:] > ends[:-1]])
    last = np.concatenate([first[1:], [True]])
    return _Spans(starts[first], ends[last])


class _Work:
    """What a request with its tasks, or other tasks of one line, did in a second."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.steps = 0
        self.spent: Counter[int] = Counter()
        """By place, in ns."""

    def add(self, place: int, steps: int, ns: float) -> None:
        self.steps += int(steps)
        self.spent[place] += int(ns)


class _Crowd(Case):
    culprit: _Culprit
    seconds = 0


class ReadyDelayHigh(Rule[_Crowd]):
    """One finding for each line whose steps took most of a second."""

    info = RuleInfo(
        id="ready-delay-high",
        lesson="cpu",
        title="TOO MANY CALLBACKS",
        summary="too many short callbacks: each waits its turn",
        why="No callback is slow, but there are too many: each waits for all those before it.",
        fires_when=(
            f"in {_SECONDS} seconds or more, {_SHARE:.0%} of the callbacks and {_MANY} at least "
            f"wait {duration_text(_HIGH_NS)} or more for the loop, its thread's waits for a core "
            "or the GIL left out, and no stall explains it. The culprit is the request, or the "
            "tasks of one line, whose steps took most of that time, and half of what ran in it at "
            "least"
        ),
        counts="callbacks that waited; their wait",
        false_alarms=(
            "steps of a request without a wait (`sleep(0)`) have no line; threads that take the "
            "GIL for 5 ms at a time look like long steps; a foreign loop reports no ready delay"
        ),
        tried=(
            "bursts of steps, and a loop that is busy with long ones",
            "what a stall explains",
        ),
        cures=(
            "do more in one step: batch the items instead of one task each",
            "bound how many tasks work at once, with a semaphore",
            "run more worker processes: `uvicorn --workers`",
        ),
    )
    make_case = _Crowd

    def second_ended(self, now: int, records: Sequence[Records]) -> None:
        since = now - SECOND
        series = self.context.loop.ready_delay
        first = int(np.searchsorted(series.times, since))
        times, delays = series.times[first:], series.values[first:]
        starts = times - delays
        for waits in (self.context.trace.core_waits, self.context.trace.gil_waits):
            delays = delays - waits.within_each(starts, times)
        high = delays >= _HIGH_NS
        if np.count_nonzero(high) < max(_MANY, _SHARE * len(delays)):
            return
        left = np.flatnonzero(high)[~self._explained(starts[high], times[high])]
        unexplained = delays[left]
        if len(unexplained) < max(_MANY, _SHARE * len(delays)):
            return
        spans = _merged(starts[left], times[left])
        culprit = self._culprit(np.concatenate(records), spans, int(unexplained.max()))
        if culprit is None:
            return
        case = self.case(culprit[0])
        case.culprit = culprit[1]
        case.seconds += 1
        case.count += len(unexplained)
        case.total_ns += int(unexplained.sum())
        case.worst_ns = max(case.worst_ns, int(unexplained.max()))
        case.last_ns = now
        case.moments.append(
            Moment(at_ns=now, lasted_ns=int(unexplained.max()), label=culprit[1].label, request=0)
        )
        for request in self.context.trace.requests.within(since):
            if request.lasts:  # its waits for the loop are those of all its messages
                continue
            if request.ready_ns >= _HIGH_NS and not request.victim_of:
                self.record_impact(case, request, request.ready_ns)

    def check(self, case: _Crowd) -> Verdict:
        return Verdict.WARN if case.seconds >= _SECONDS else Verdict.RECHECK

    def about(self, case: _Crowd) -> Iterable[Subject]:
        """The line whose steps took most of the time: some of them may be stalls, or it spins."""
        where = case.culprit.where
        return ((where.path, where.line),) if where is not None else ()

    def severe(self, case: _Crowd) -> bool:
        return case.worst_ns >= 10 * _HIGH_NS

    def location(self, case: _Crowd) -> Location | None:
        return case.culprit.where

    def sentence(self, case: _Crowd, source: str) -> str:
        who = case.culprit
        text = f"Callbacks waited {duration_text(case.worst_ns)} for the loop, though none blocked "
        text += f"it for long: {who.steps} steps of {who.label}"
        took = f"took {who.share:.0%} of that time"
        if source and who.share_at < _ALL:
            return f"{text} {took}, {who.share_at:.0%} of it at {source}"
        return f"{text} at {source} {took}" if source else f"{text} {took}"

    def consequence(self, case: _Crowd) -> str:
        who, waited = case.culprit, duration_text(case.worst_ns)
        text = f"callbacks waited {waited} for the loop: {who.steps} steps of {who.label}"
        return f"{text} took {who.share:.0%} of that time"

    def _explained(self, ready: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these waits for the loop a stall overlaps."""
        explained = np.zeros(len(times), bool)
        stalls = self.context.trace.stalls
        for stall in stalls.overlapping(int(ready.min()), int(times.max())):
            explained |= (ready < stall.end_ns) & (times > stall.start_ns)
        return explained

    def _culprit(
        self, records: Records, spans: _Spans, waited_ns: int
    ) -> tuple[object, _Culprit] | None:
        """The key of the case, and whose steps took most of the time in which callbacks waited.

        Stalls do not count: they are findings of their own. None if all others together took less
        time than one callback waited: then the loop's thread did not run. Nor is anything a culprit
        that took less than half of what ran.
        """
        switches = records[records["kind"] <= Kind.STOPPED][:-1]
        at = records["at"][records["kind"] <= Kind.STOPPED]
        lasted = np.diff(at)
        ran = (switches["kind"] <= Kind.CALLBACK) & (lasted < SLOW_NS)
        ran &= spans.include(switches["at"])
        if lasted[ran].sum() < waited_ns:
            return None
        whose = np.stack([switches[name][ran] for name in ("kind", "task_id", "b")], axis=1)
        keys, group, steps = np.unique(whose, axis=0, return_inverse=True, return_counts=True)
        spent = np.bincount(group.reshape(-1), weights=lasted[ran])
        sums: dict[object, _Work] = {}
        owners = _Owners(self.context, records)
        for (kind, task_id, b), count, ns in zip(keys.tolist(), steps, spent, strict=True):
            route, label, site = owners.of(task_id) if kind == Kind.STEP else ("", "", 0)
            place = b or site
            label = label or self.context.trace.site(b).name or "callbacks"
            who = route or (place, label)
            sums.setdefault(who, _Work(route or label)).add(place, count, ns)
        work = max(sums.values(), key=lambda work: work.spent.total())
        if 2 * work.spent.total() < lasted[ran].sum():
            return None
        lines = Counter[Location]()
        for place, spent_ns in work.spent.items():
            if (line := self.context.place(place)) is not None:
                lines[line] += spent_ns
        where, at_ns = max(lines.items(), key=lambda item: item[1], default=(None, 0))
        share = min(work.spent.total() / spans.total_ns, 1.0)
        share_at = at_ns / work.spent.total()
        return where or work.label, _Culprit(work.label, where, work.steps, share, share_at)
