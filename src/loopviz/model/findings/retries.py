"""Calls that fail are made again, and again: what is down already gets the load several times."""

from collections import deque

from loopviz.clock import SECOND
from loopviz.model.findings.rule import Case, Context, Rule, Verdict
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Task

__all__ = ["RetryStorm"]

_WINDOW_NS = 5 * SECOND
_SHARE = 0.3
"""Of the calls within the window, so many are retries: gRPC's and Finagle's budgets say a tenth
to a fifth."""
_RETRIES = 10
"""So many retries in the window: fewer are no storm."""
_AGAIN = 2
"""So often a task tries again; once is good practice."""
_TASKS = 10_000
"""That have a failed call."""
_WINDOW_CALLS = 5000
_TOO_MANY = 429


class _Tries:
    """Of one task at one line: its failed calls in a row."""

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
        """Of retries, at its worst."""
        self.again = 0
        """Tasks that tried again twice or more."""
        self.calls: deque[tuple[int, bool]] = deque()
        """Of the window: when, and whether it was a retry."""
        self.retries = 0
        """Of the window."""


class RetryStorm(Rule[_Storm]):
    """`retry-storm`: a good part of the calls to a host are made again after they failed."""

    rule = "retry-storm"
    title = "RETRY STORM"
    many = "{places} more lines call again and again what fails; {count} retries"
    make_case = _Storm

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._failed: dict[int, dict[tuple[int, str], _Tries]] = {}
        """By task."""

    def http_call(self, task: "Task | None", place: int, host: str, status: int, at: int) -> None:
        if task is None:
            return
        failed = status == 0 or status >= 500 or status == _TOO_MANY
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
        if tries is not None and (again or failed):
            tries.failed, tries.last = failed, at
            if not again:
                tries.first, tries.retries = at, 0
        elif failed:
            if len(self._failed) >= _TASKS:
                self._failed.clear()  # their ends were not told
            self._failed.setdefault(task.number, {})[place, host] = _Tries(at)

    def task_ended(self, task: "Task", _at: int) -> None:
        if self._failed:
            self._failed.pop(task.number, None)

    def gap(self) -> None:
        self._failed.clear()

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
        again = f"{case.label} calls {case.host or 'a host'} again and again after it failed{doing}"
        return f"{again}: {case.share:.0%} of these calls are retries"

    def _retried(self, case: _Storm, tries: _Tries, task: "Task", at: int) -> None:
        request = self.context.waiting_request(task)
        label, number = self.context.label(task), self.context.number(task)
        case.note(at - tries.last, at, label, number)
        tries.retries += 1
        if tries.retries == _AGAIN:
            case.again += 1
            self.suffers(case, request, at - tries.first)
        elif tries.retries > _AGAIN:
            self.suffers(case, request, at - tries.last)
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
