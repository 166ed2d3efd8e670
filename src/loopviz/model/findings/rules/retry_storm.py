"""`retry-storm`: calls that fail are made again and again."""

from collections import deque

from loopviz.clock import SECOND
from loopviz.model.findings.case import Case, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Task, Wait
from loopviz.model.state.resource_groups import ResourceGroup

__all__ = ["RetryStorm"]

_WINDOW_NS = 5 * SECOND
"""The time over which calls are counted."""
_SHARE = 0.3
"""The share of retries among the calls; gRPC's and Finagle's budgets allow a tenth to a fifth."""
_RETRIES = 10
"""How many retries: fewer are no storm."""
_AGAIN = 2
"""How often a task tries again; once is good practice."""
_TASKS = 10_000
"""How many tasks with a failed call are followed."""
_WINDOW_CALLS = 5000
"""How many calls of the window are counted."""
_TOO_MANY_REQUESTS = 429


class _Tries:
    """The failed calls in a row of one task at one line."""

    __slots__ = ("failed", "first", "last", "retries")

    def __init__(self, at: int) -> None:
        self.failed = True
        self.first = self.last = at
        self.retries = 0


class _Storm(Case):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.where: Location | None = None
        self.host = ""
        self.storm = False
        self.share = 0.0
        """The share of retries, at its worst."""
        self.again = 0
        """How many tasks tried again `_AGAIN` times or more."""
        self.calls: deque[tuple[int, bool]] = deque()
        """The calls of the window: when, and whether it was a retry."""
        self.retries = 0
        """How many of them are retries."""


class RetryStorm(Rule[_Storm]):
    """One finding for each line and host."""

    info = RuleInfo(
        id="retry-storm",
        title="RETRY STORM",
        summary="failed calls are tried again and again",
        why="Retries come on top of the load that made the calls fail, and so keep them failing.",
        fires_when=(
            f"within {_WINDOW_NS // SECOND} s, {_RETRIES} retries, which are {_SHARE:.0%} of "
            f"the calls of one line to one host, and a task that tried again {_AGAIN} times. A "
            "retry is a call of the same task, line and host after one that failed (no answer, "
            "5xx, 429)"
        ),
        counts="retries; how long one took",
        false_alarms=(
            "a loop over many things at a host that is down, which is as bad for the host; calls "
            "that the probe does not see and retries inside a transport are missed"
        ),
        tried=(
            "one retry",
            "retries that are few among many calls",
            "calls that succeed",
            "different tasks that each fail once",
        ),
        cures=(
            "retry once, with a delay that grows and is random",
            "limit retries to a share of the calls, or use a circuit breaker",
            "fail fast: answer 503 while the host is down",
        ),
        many="{places} more lines keep calling what fails; {count} retries",
    )
    make_case = _Storm

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._failed: dict[int, dict[tuple[int, str], _Tries]] = {}
        """By task."""
        self._gave_up: dict[int, ResourceGroup] = {}
        """By task: what its call waited for in vain."""

    def wait_over(self, wait: Wait) -> None:
        if wait.gave_up:
            if len(self._gave_up) >= _TASKS:
                self._gave_up.clear()  # their ends were lost
            self._gave_up[wait.task.number] = wait.resource.group

    def http_call(self, task: Task | None, place: int, host: str, status: int, at: int) -> None:
        if task is None:
            return
        gave_up = self._gave_up.pop(task.number, None)
        failed = status == 0 or status >= 500 or status == _TOO_MANY_REQUESTS
        case = self.cases.get((place, host))
        if case is None:
            if not failed:
                return
            case = self.case((place, host))
            case.where, case.host = self.context.place(place), host
        tries = self._failed.get(task.number, {}).get((place, host))
        again = tries is not None and tries.failed
        self._count(case, at, again)
        if tries is not None and again:
            self._retried(case, tries, task, at)
            if gave_up is not None and not status:
                case.owe(gave_up, at - tries.last)
        if tries is not None and (again or failed):
            tries.failed, tries.last = failed, at
            if not again:
                tries.first, tries.retries = at, 0
        elif failed:
            if len(self._failed) >= _TASKS:
                self._failed.clear()  # their ends were lost
            self._failed.setdefault(task.number, {})[place, host] = _Tries(at)

    def task_ended(self, task: Task, _at: int) -> None:
        if self._failed:
            self._failed.pop(task.number, None)
        if self._gave_up:
            self._gave_up.pop(task.number, None)

    def gap(self) -> None:
        self._failed.clear()
        self._gave_up.clear()

    def check(self, case: _Storm) -> Verdict:
        if case.storm:
            return Verdict.WARN
        return Verdict.RECHECK if case.count else Verdict.OK

    def severe(self, _case: _Storm) -> bool:
        return True

    def location(self, case: _Storm) -> Location | None:
        return case.where

    def sentence(self, case: _Storm, source: str) -> str:
        doing = f" in {source}" if source else ""
        text = f"{case.label} keeps calling {case.host or 'a host'} after it failed{doing}"
        return f"{text}: {case.share:.0%} of these calls are retries"

    def _retried(self, case: _Storm, tries: _Tries, task: Task, at: int) -> None:
        request = self.context.waiting_request(task)
        label, number = self.context.label(task), self.context.number(task)
        case.record(at - tries.last, at, label, number)
        tries.retries += 1
        if tries.retries == _AGAIN:
            case.again += 1
            self.record_impact(case, request, at - tries.first)
        elif tries.retries > _AGAIN:
            self.record_impact(case, request, at - tries.last)
        share = case.retries / len(case.calls)
        if case.again and case.retries >= _RETRIES and share >= _SHARE:
            case.storm = True
            case.share = max(case.share, share)

    @staticmethod
    def _count(case: _Storm, at: int, again: bool) -> None:
        calls = case.calls
        calls.append((at, again))
        case.retries += again
        while calls[0][0] < at - _WINDOW_NS or len(calls) > _WINDOW_CALLS:
            case.retries -= calls.popleft()[1]
