"""No callback holds the loop for long, and still all wait for it: there are too many."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import MS, SECOND
from loopviz.model.findings.evidence import took
from loopviz.model.findings.rule import Case, Rule, Verdict
from loopviz.model.snapshot import Location, Moment
from loopviz.model.state.entities import Task
from loopviz.wire.events import Kind

__all__ = ["ReadyDelayHigh"]

_HIGH_NS = 10 * MS
"""A ready delay this long is felt: a request of ten steps waits a tenth of a second."""
_SHARE = 0.1
"""Of a second's callbacks that waited so long; fewer are a burst's tail."""
_MANY = 20
"""So many of them: what a handful waited is no statistic."""
_SECONDS = 2
"""In so many seconds: one is a burst."""

Records = NDArray[np.void]


class _Culprit(NamedTuple):
    """What took the most of the loop's time."""

    label: str
    where: Location | None
    steps: int
    share: float


class _Crowd(Case):
    culprit: _Culprit
    seconds = 0


class ReadyDelayHigh(Rule[_Crowd]):
    """`ready-delay-high`: callbacks wait 10 ms and more for the loop, and no stall explains it."""

    rule = "ready-delay-high"
    title = "TOO MANY CALLBACKS"
    make_case = _Crowd

    def look(self, now: int, records: Sequence[Records]) -> None:
        since = now - SECOND
        series = self.context.loop.ready_delay
        first = int(np.searchsorted(series.times, since))
        times, delays = series.times[first:], series.values[first:]
        high = delays >= _HIGH_NS
        if np.count_nonzero(high) < max(_MANY, _SHARE * len(delays)):
            return
        unexplained = self._unexplained(times[high], delays[high])
        if len(unexplained) < max(_MANY, _SHARE * len(delays)):
            return
        culprit = self._culprit(np.concatenate(records))
        case = self.case(culprit[0])
        case.culprit = culprit[1]
        case.seconds += 1
        case.count += len(unexplained)
        case.total_ns += int(unexplained.sum())
        case.worst_ns = max(case.worst_ns, int(unexplained.max()))
        case.last_ns = now
        case.moments.append(Moment(now, int(unexplained.max()), culprit[1].label, 0))
        for request in self.context.trace.requests.within(since):
            if request.ready_ns >= _HIGH_NS and not request.victim_of:
                self.suffers(case, request, request.ready_ns)

    def check(self, case: _Crowd) -> Verdict:
        return Verdict.WARN if case.seconds >= _SECONDS else Verdict.RECHECK

    def severe(self, case: _Crowd) -> bool:
        return case.worst_ns >= 10 * _HIGH_NS

    def location(self, case: _Crowd) -> Location | None:
        return case.culprit.where

    def sentence(self, case: _Crowd, source: str) -> str:
        who = case.culprit
        doing = f" at {source}" if source else ""
        return (
            f"Callbacks waited {took(case.worst_ns)} for the loop, though none held it for long: "
            f"{who.steps} steps of {who.label}{doing} took {who.share:.0%} of a second"
        )

    def _unexplained(
        self, times: NDArray[np.int64], delays: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The delays of those that no stall overlaps."""
        ready = times - delays
        explained = np.zeros(len(times), bool)
        stalls = self.context.trace.stalls
        for stall in stalls.overlapping(int(ready.min()), int(times.max())):
            explained |= (ready < stall.end_ns) & (times > stall.start_ns)
        return delays[~explained]

    def _culprit(self, records: Records) -> tuple[object, _Culprit]:
        """Whose steps took the most of this second: a place's, a site's; and its key."""
        switches = records[records["kind"] <= Kind.STOPPED][:-1]
        at = records["at"][records["kind"] <= Kind.STOPPED]
        lasted = np.diff(at)
        ran = switches["kind"] <= Kind.CALLBACK
        whose = np.stack([switches[name][ran] for name in ("kind", "task_id", "b")], axis=1)
        keys, group, steps = np.unique(whose, axis=0, return_inverse=True, return_counts=True)
        spent = np.bincount(group.reshape(-1), weights=lasted[ran])
        sums: dict[tuple[int, str], list[float]] = {}
        ended = {task.number: task for task in self.context.trace.tasks.ended}
        for (kind, task_id, b), count, ns in zip(keys.tolist(), steps, spent, strict=True):
            task = self.context.trace.tasks.live.get(task_id) or ended.get(task_id)
            place = b or (task.site if kind == Kind.STEP and task is not None else 0)
            total = sums.setdefault((place, self._label(kind, task, b)), [0, 0])
            total[0] += count
            total[1] += ns
        (place, label), (count, ns) = max(sums.items(), key=lambda item: item[1][1])
        where = self.context.place(place)
        key = where or label
        return key, _Culprit(label, where, int(count), ns / SECOND)

    def _label(self, kind: int, task: Task | None, site: int) -> str:
        trace = self.context.trace
        if kind == Kind.STEP:
            return self.context.label(task) if task is not None else "tasks"
        return (trace.site(site).name if site else "") or "callbacks"
