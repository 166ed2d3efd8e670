"""`loop-spins`: the loop goes round and round for a task or callback that waits for nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location, Moment
from loopviz.wire.events import Kind

__all__ = ["LoopSpins"]

_BUSY = 0.9
"""The share of a second in which the loop is busy …"""
_ROUNDS = 1_000
"""… with so many iterations …"""
_EMPTY = 0.9
"""… of which this share began without any I/O …"""
_SHARE = 0.5
"""… and with one coroutine or callback in this share of all steps and callbacks."""
_SECONDS = 2
"""In how many seconds: one is a burst."""
_KNOWN = 0.05
"""The share of a second that has to be known, if records of it were lost."""

Records = NDArray[np.void]


class _Spin(Case):
    """One coroutine or callback."""

    seconds = known_ns = 0
    """In how many it spun, and how much of them is known: records may be lost."""
    task = 0
    """One that spins, 0: a callback."""
    asked = 0
    """The task whose await stack was requested last."""
    site = 0
    where: Location | None = None


class LoopSpins(Rule[_Spin]):
    """One finding for each coroutine, or callback, that is always ready again."""

    info = RuleInfo(
        id="loop-spins",
        title="THE LOOP SPINS",
        summary="a task polls: it is ready again at once, always",
        why="It takes a whole core, and all others wait for their turn between two of its steps.",
        fires_when=(
            f"in {_SECONDS} seconds or more the loop is {_BUSY:.0%} busy with {_ROUNDS:,} "
            f"iterations or more, {_EMPTY:.0%} of which began without any I/O, and half of what "
            "ran were steps of one coroutine, or one callback"
        ),
        counts="steps or callbacks in such seconds",
        false_alarms="a computation that is split with `sleep(0)`: it is busy with work of its own",
        tried=(
            "one busy second",
            "a busy server: its iterations begin with I/O",
            "few long steps",
        ),
        cures=(
            "wait for the event itself: `await event.wait()`, a queue, a future",
            "if you have to poll, sleep: `await asyncio.sleep(0.05)`",
        ),
        many="{places} more coroutines or callbacks spin",
    )
    make_case = _Spin
    _lost = False
    """Records of this second were lost: the loop writes faster than they are read."""

    def gap(self) -> None:
        self._lost = True

    def second_ended(self, now: int, records: Sequence[Records]) -> None:
        lost, self._lost = self._lost, False
        if not records:
            return
        if lost:
            known, idle = _known(records)
        else:
            known = SECOND
            idle = int(self.context.loop.idle_between(np.array([now - SECOND]), now)[0])
        if known < _KNOWN * SECOND or idle > (1 - _BUSY) * known:
            return
        events = np.concatenate(records)
        rounds = events[events["kind"] == Kind.POLLED]
        if len(rounds) < _ROUNDS or np.count_nonzero(rounds["b"]) > (1 - _EMPTY) * len(rounds):
            return
        ran = events[events["kind"] <= Kind.CALLBACK]
        found = self._most(ran, lost=lost)
        if found is None:
            return
        label, task, site, count = found
        if count < _SHARE * len(ran):
            return
        case = self.case((label, site))
        case.label, case.task, case.site = label, task, site
        case.seconds += 1
        case.known_ns += known
        case.count += count
        case.total_ns += known - idle
        case.last_ns = now
        case.worst_ns = max(case.worst_ns, (known - idle) // max(count, 1))
        case.moments.append(Moment(at_ns=now, lasted_ns=known - idle, label=label, request=0))
        if task:
            self._take_line(case, ran[(ran["kind"] == Kind.STEP) & (ran["b"] > 0)])
        self._look_for_line(case)

    def refresh(self, _now: int) -> None:
        for case in self.cases.values():
            self._look_for_line(case)

    def check(self, case: _Spin) -> Verdict:
        return Verdict.WARN if case.seconds >= _SECONDS else Verdict.RECHECK

    def explains(self, case: _Spin) -> Iterable[Subject]:
        """That others wait for their turn."""
        for where in (case.where, self.context.place(case.site)):
            if case.bad and where is not None:
                yield where.path, where.line

    def severe(self, _case: _Spin) -> bool:
        return True

    def location(self, case: _Spin) -> Location | None:
        """The line that a spinning task awaits at; a callback's function."""
        return case.where or self.context.place(case.site)

    def sentence(self, case: _Spin, source: str) -> str:
        each = f"{case.count * SECOND // case.known_ns:,}"
        doing = f" in {source}" if source and case.where is not None else ""
        if case.task:
            return f"{case.label} waits for nothing{doing}: {each} steps a second"
        return f"{case.label} schedules itself again at once: {each} times a second"

    # ----

    def _take_line(self, case: _Spin, sampled: Records) -> None:
        """The line at which most of its steps waited for nothing, of those whose place is known."""
        tasks = self.context.trace.tasks.known()
        of = {n for n in set(sampled["task_id"].tolist()) if n in tasks}
        of = {n for n in of if tasks[n].site == tasks[case.task].site}
        places = sampled["b"][np.isin(sampled["task_id"], list(of))]
        found, times = np.unique(places, return_counts=True)
        if len(found):
            case.where = self.context.place(int(found[times.argmax()]))

    def _look_for_line(self, case: _Spin) -> None:
        """Its line, if a task of it is alive; its await stack may have to be requested."""
        if case.where is None and case.asked in self.context.stacks:
            case.where = self.context.stack_line(case.asked)
        if case.where is None and case.task in self.context.trace.tasks.live:
            case.asked = case.task
            case.where = self.context.stack_line(case.task)

    def _most(self, ran: Records, *, lost: bool) -> tuple[str, int, int, int] | None:
        """What ran most often: its label, its task that ran last, its site, and how often.

        If records were `lost`, what some tasks are is not known: they are taken for the others.
        """
        if not len(ran):
            return None
        is_step = ran["kind"] == Kind.STEP
        numbers, before, counts = np.unique(
            ran["task_id"][is_step][::-1], return_index=True, return_counts=True
        )
        tasks = self.context.trace.tasks.known()
        sums: dict[tuple[str, int], tuple[int, int]] = {}
        for index in np.argsort(-before).tolist():  # the task that ran last comes last
            task = tasks.get(int(numbers[index]))
            if task is not None:
                key = self.context.owner(task), task.site
                sums[key] = sums.get(key, (0, 0))[0] + int(counts[index]), task.number
        best = max(sums.items(), key=lambda item: item[1][0], default=None)
        if lost and best is not None:
            best = self._of_one_site(sums, int(counts.sum()))
        sites, times = np.unique(ran["b"][~is_step], return_counts=True)
        if len(sites) and (best is None or times.max() > best[1][0]):
            site = int(sites[times.argmax()])
            return self.context.trace.site(site).name or "a callback", 0, site, int(times.max())
        if best is None:
            return None
        (label, site), (total, number) = best
        return label, number, site, total

    def _of_one_site(
        self, sums: dict[tuple[str, int], tuple[int, int]], steps: int
    ) -> tuple[tuple[str, int], tuple[int, int]]:
        """The tasks of the site that made most `steps`, with those of no known one."""
        by_site = Counter[int]()
        for (_, site), (count, _number) in sums.items():
            by_site[site] += count
        if len(by_site) > 1:
            del by_site[0]
        ((site, count),) = by_site.most_common(1)
        unknown = steps - by_site.total()
        tasks = self.context.trace.tasks.known()
        label, number = max(
            (tasks[number].request is not None, ran, label, number)
            for (label, at), (ran, number) in sums.items()
            if at == site
        )[2:]
        return (label, site), (count + unknown, number)


def _known(parts: Sequence[Records]) -> tuple[int, int]:
    """How much time the records are about, some between which were lost, and how much was idle."""
    known = idle = 0
    for part in parts:
        known += int(part["at"][-1] - part["at"][0])
        polled = np.flatnonzero(part["kind"][1:] == Kind.POLLED) + 1
        waited = polled[part["kind"][polled - 1] == Kind.IDLE]
        idle += int((part["at"][waited] - part["at"][waited - 1]).sum())
    return known, idle
