"""Process pools of `concurrent.futures`."""

import threading
import weakref
from collections import deque
from concurrent.futures import Future
from typing import Any

from loopviz.probe.patches.executors import SubmittedJob, submits
from loopviz.probe.patches.patch import Adapter, Patch
from loopviz.probe.patches.registry import describes
from loopviz.probe.patches.wrappers import makes
from loopviz.probe.recorder import Recorder, ResourceDescription, fail_safe
from loopviz.wire import kinds
from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED, TASK_RETURNED

__all__ = ["ADAPTER"]


class _Line:
    """Guesses which jobs of a process pool run: as many as it has processes, in order.

    The processes themselves are not touched. Each is a slot with a number, not a process id.
    """

    def __init__(self, processes: int) -> None:
        self._lock = threading.Lock()
        self._free = deque(f"process {n}" for n in range(1, processes + 1))
        self._waiting: deque[tuple[Recorder, int]] = deque()
        self._running: dict[int, str] = {}

    def enter(self, recorder: Recorder, a: int) -> None:
        """Add a submitted job."""
        with self._lock:
            self._waiting.append((recorder, a))
            self._start_next()

    def leave(self, recorder: Recorder, a: int, outcome: int) -> None:
        """Remove a job that ended or was cancelled; if that frees a slot, the next one starts."""
        with self._lock:
            recorder.job_ended(a, outcome)
            slot = self._running.pop(a, None)
            if slot is None:
                self._waiting.remove((recorder, a))
            else:
                self._free.append(slot)
                self._start_next()

    def _start_next(self) -> None:
        if self._waiting and self._free:
            recorder, a = self._waiting.popleft()
            slot = self._running[a] = self._free.popleft()
            recorder.job_started(a, slot)


_lines: "weakref.WeakKeyDictionary[Any, _Line]" = weakref.WeakKeyDictionary()


def _describe_processes(executor: Any, seen: bool) -> ResourceDescription:
    return ResourceDescription(kinds.PROCESS_POOL, capacity=executor._max_workers, seen=seen)


def _follow_in_process(executor: Any, job: SubmittedJob, future: "Future[Any]") -> None:
    line = _lines.get(executor)
    if line is None:
        line = _lines[executor] = _Line(executor._max_workers)
    line.enter(job.recorder, job.a)
    future.add_done_callback(lambda future: _left(line, job, future))


def _left(line: _Line, job: SubmittedJob, future: "Future[Any]") -> None:
    with fail_safe("job", job.recorder):
        if future.cancelled():
            outcome = TASK_CANCELLED
        else:
            outcome = TASK_RETURNED if future.exception() is None else TASK_RAISED
        line.leave(job.recorder, job.a, outcome)


def _patches(module: Any) -> tuple[Patch, ...]:
    cls = module.ProcessPoolExecutor
    describes(cls, _describe_processes)
    return (
        Patch(cls, "__init__", makes()),
        Patch(cls, "submit", submits(lambda job: job.function, _follow_in_process)),
    )


ADAPTER = Adapter({"concurrent.futures.process": _patches})
