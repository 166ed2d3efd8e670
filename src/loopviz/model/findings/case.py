"""A case: what a rule knows of one culprit."""

from collections import deque
from enum import Enum

from loopviz.model.snapshot.findings import MOMENTS, Consequence, Moment
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import ResourceGroup

__all__ = ["Case", "Subject", "Verdict"]

Subject = Request | ResourceGroup | tuple[str, int]
"""What one case can account for, and another be about: a request, a resource group, or what
blocked the loop (`Stall.culprit`)."""

_ROUTES = 50
"""How many routes a case distinguishes."""
_SUBJECTS = 50
"""How many subjects it may be due to."""


class Verdict(Enum):
    """A rule's judgement of a case. `RECHECK`: there is something, but not enough evidence yet."""

    OK, WARN, RECHECK = range(3)


class Case:
    """What a rule knows of one culprit. Times are nanoseconds."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.count = self.worst_ns = self.total_ns = self.last_ns = 0
        self.victims = self.victim_ns = 0
        self.due_to: dict[Subject, int] = {}
        """How much of its time others account for."""
        self.clear_open()
        self.bad = False
        """Whether it is a finding, or the consequence of one; as of the last `Rule.judge`."""
        self.cause: Case | None = None
        """The case of an earlier rule that it follows from."""
        self.consequences: list[Consequence] = []
        """What follows from it."""
        self.label = ""
        """The task or route of the worst occurrence."""
        self.moments: deque[Moment] = deque(maxlen=MOMENTS)
        """The last ones, in the order of their events."""
        self.impacts: dict[str, tuple[int, int]] = {}
        """By route: requests, and how long they waited."""

    def record(self, lasted_ns: int, at: int, label: str = "", request: int = 0) -> None:
        """It happened once more; `request` is the number of the one that shows it."""
        self.count += 1
        self.moments.append(Moment(at_ns=at, lasted_ns=lasted_ns, label=label, request=request))
        self.total_ns += lasted_ns
        self.last_ns = max(self.last_ns, at)
        if lasted_ns >= self.worst_ns:
            self.worst_ns, self.label = lasted_ns, label

    def record_impact(self, request: Request, wait_ns: int, *, new: bool) -> None:
        """The request waited for it. `new`: for the first time."""
        self.victims += new
        self.victim_ns += wait_ns
        requests, waited = self.impacts.get(request.route, (0, 0))
        if requests or len(self.impacts) < _ROUTES:
            self.impacts[request.route] = requests + new, waited + wait_ns

    def owe(self, subject: Subject, ns: int) -> None:
        """So much of its time is due to that."""
        if subject in self.due_to or len(self.due_to) < _SUBJECTS:
            self.due_to[subject] = self.due_to.get(subject, 0) + ns

    # ---- what has not ended, as of the last `Rule.refresh`

    def clear_open(self) -> None:
        """Nothing is open, as far as is known before a refresh."""
        self.open = self.open_ns = self.open_worst_ns = 0
        """How many occurrences are open, how long they have lasted in total, and the longest."""
        self.open_due_to: dict[Subject, int] = {}
        self.open_impacts: dict[str, tuple[int, int]] = {}
        """By route: requests that wait and are not in `victims` yet, and how long all do."""

    def record_open(self, lasted_ns: int) -> None:
        """One more occurrence is open, and has lasted so long."""
        self.open += 1
        self.open_ns += lasted_ns
        self.open_worst_ns = max(self.open_worst_ns, lasted_ns)

    def owe_open(self, subject: Subject, ns: int) -> None:
        """So much of the time of what is open is due to that."""
        self.open_due_to[subject] = self.open_due_to.get(subject, 0) + ns

    def record_open_impact(self, route: str, wait_ns: int, *, new: bool) -> None:
        """A request still waits for it. `new`: it is not in `victims` yet."""
        requests, waited = self.open_impacts.get(route, (0, 0))
        if route in self.open_impacts or len(self.open_impacts) < _ROUTES:
            self.open_impacts[route] = requests + new, waited + wait_ns

    @property
    def open_victims(self) -> int:
        """Requests that wait for it and are not in `victims` yet."""
        return sum(requests for requests, _ in self.open_impacts.values())

    @property
    def open_victim_ns(self) -> int:
        """How long the requests that still wait for it have waited, in total."""
        return sum(waited for _, waited in self.open_impacts.values())

    @property
    def mostly_due_to(self) -> Subject | None:
        """What accounts for half of its time or more; None: nothing does."""
        sums = dict(self.due_to)
        for subject, ns in self.open_due_to.items():
            sums[subject] = sums.get(subject, 0) + ns
        if not sums:
            return None
        most = max(sums, key=lambda subject: sums[subject])
        return most if 2 * sums[most] >= self.total_ns + self.open_ns else None

    @property
    def longest_ns(self) -> int:
        """The worst, whether or not it has ended."""
        return max(self.worst_ns, self.open_worst_ns)
