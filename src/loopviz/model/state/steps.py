"""The steps of each task in a stretch of the event log, and what each task did between them."""

from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter, itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopviz.model.events import Event, rows
from loopviz.model.state.trace import IN_AUX
from loopviz.wire.events import NUMBER, Kind

__all__ = ["JobTimes", "Step", "Steps"]

_JOBS_ASKED = 100
"""How many of a task's jobs are looked at, to find the one that it awaits."""
_ACTIONS = (Kind.TASK_START, Kind.WAIT, Kind.WAIT_OVER, Kind.ACQUIRED, Kind.JOB)


class Step(NamedTuple):
    """A step of a task."""

    ready_ns: int
    start_ns: int
    end_ns: int
    place: int
    """Where the task had been suspended; 0: not known."""
    waker: int
    """The task whose step made it ready; 0: none, or not known."""


class JobTimes(NamedTuple):
    """A worker job of a task. A time is 0 if it is not known."""

    submitted_ns: int
    started_ns: int
    ended_ns: int
    executor: int
    """The number of the executor's resource."""
    place: int
    """The place of its function."""
    waits: tuple[tuple[int, int, int, int], ...]
    """Its waits for resources in its thread: beginning, end, the resource's number, the place."""


class _Acts(NamedTuple):
    """What a task did within its steps."""

    made: tuple[int, int] | None
    waits: list[tuple[int, int, int]]
    """From when on it waited for which resource (0: for none) at which place."""
    jobs: list[JobTimes]


class Steps:
    """An index over records of the loop's ring, and over those of worker jobs."""

    def __init__(self, records: NDArray[np.void], jobs: NDArray[np.void], until_ns: int) -> None:
        """`until_ns`: the end of the callback that still runs at the end of the records."""
        self.oldest_ns = int(records["at"][0]) if len(records) else until_ns
        kinds = records["kind"]
        steps, self._steps = self._find_steps(records, kinds, until_ns)
        self._order = np.argsort(steps, kind="stable")
        self._tasks = steps[self._order]
        actions = records[np.isin(kinds, _ACTIONS)]
        self._actions = actions[np.argsort(actions["task_id"], kind="stable")]
        self._known: dict[int, list[Step]] = {}
        self._known_acts: dict[int, _Acts] = {}
        self._jobs: dict[int, list[int]] = {}
        self._job_waits: dict[int, list[list[int]]] = {}
        for at, a, job, b, kind in rows(jobs):
            if kind in (Kind.JOB_START, Kind.JOB_END):
                times = self._jobs.setdefault(a >> 32 & NUMBER, [0, 0])
                times[kind == Kind.JOB_END] = at
            elif kind == Kind.WAIT:
                self._job_waits.setdefault(job, []).append(
                    [at, until_ns, a & NUMBER, b + IN_AUX if b else 0]
                )
            else:
                for wait in self._job_waits.get(job, ())[-1:]:
                    wait[1] = min(wait[1], at)

    @staticmethod
    def _find_steps(
        records: NDArray[np.void], kinds: NDArray[np.int32], until_ns: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The task of each step, and a row of ready, start, end, place and waker for each."""
        switches = records[kinds <= Kind.STOPPED]
        at, a = switches["at"], switches["a"]
        ends = np.append(at[1:], until_ns)
        polled = np.append(switches["kind"][1:] == Kind.POLLED, False)
        selected = np.append(a[1:], 0)  # the time at which select was called
        ends = np.where(polled & (selected > at) & (selected < ends), selected, ends)
        chosen = switches["kind"] == Kind.STEP
        steps = switches[chosen]
        found = np.zeros((len(steps), 5), np.int64)
        found[:, 0] = np.minimum(np.where(steps["a"] > 0, steps["a"], steps["at"]), steps["at"])
        found[:, 1], found[:, 2], found[:, 3] = steps["at"], ends[chosen], steps["b"]
        woken = np.flatnonzero(kinds == Kind.WOKEN)
        before = np.searchsorted(np.flatnonzero(kinds == Kind.STEP), woken) - 1
        own = (before >= 0) & (steps["task_id"][before] == records["task_id"][woken])
        found[before[own], 4] = records["a"][woken[own]]
        return steps["task_id"], found

    def of(self, task: int) -> list[Step]:
        """The task's steps, oldest first."""
        known = self._known.get(task)
        if known is None:
            first, last = np.searchsorted(self._tasks, [task, task + 1])
            found = self._steps[self._order[first:last]].tolist()
            known = self._known[task] = [Step(*one) for one in found]
        return known

    def made(self, task: int) -> tuple[int, int] | None:
        """When the task was made, and by which task (0: none); None: not in these records."""
        return self._acts(task).made

    def waited_for(self, task: int, at_ns: int) -> tuple[int, int]:
        """The resource that the task waited for then, and the place; 0, 0: none is known."""
        waits = self._acts(task).waits
        last = bisect_right(waits, at_ns, key=itemgetter(0)) - 1
        return waits[last][1:] if last >= 0 else (0, 0)

    def job(self, task: int, start_ns: int, end_ns: int) -> JobTimes | None:
        """The job whose end the task awaited in that time; None: none is known.

        It started since the task's last step, or was submitted in that step. Of several it is the
        last to end by `end_ns`, or else one that is open.
        """
        steps, jobs = self.of(task), self._acts(task).jobs
        before = bisect_right(steps, start_ns, key=attrgetter("start_ns")) - 1
        since = steps[before].start_ns if before >= 0 else 0
        last = bisect_right(jobs, start_ns, key=attrgetter("submitted_ns"))
        found = [
            job
            for job in jobs[max(last - _JOBS_ASKED, 0) : last]
            if since <= max(job.started_ns, job.submitted_ns) < end_ns
        ]
        ended = [job for job in found if 0 < job.ended_ns <= end_ns]
        return max(ended or found, key=attrgetter("ended_ns"), default=None)

    def _acts(self, task: int) -> _Acts:
        """What the task did within its steps."""
        known = self._known_acts.get(task)
        if known is None:
            first, last = np.searchsorted(self._actions["task_id"], [task, task + 1])
            known = self._known_acts[task] = self._read(rows(self._actions[first:last]))
        return known

    def _read(self, events: Iterable[Event]) -> _Acts:
        acts, waits = _Acts(None, [], []), [(0, 0)]
        for at, a, _, b, kind in events:
            number, other = a & NUMBER, a >> 32 & NUMBER
            if kind == Kind.TASK_START:
                acts = acts._replace(made=(at, other))
            elif kind == Kind.JOB:
                started, ended = self._jobs.get(other, (0, 0))
                waited = tuple((w[0], w[1], w[2], w[3]) for w in self._job_waits.get(other, ()))
                acts.jobs.append(JobTimes(at, started, ended, number, b, waited))
            elif kind == Kind.WAIT:
                waits.append((number, b))
            else:
                last = next((wait for wait in reversed(waits) if wait[0] == number), None)
                if last is not None:
                    waits.remove(last)
            acts.waits.append((at, *waits[-1]))
        return acts
