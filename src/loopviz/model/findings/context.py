"""What rules may read of a run, beside the events that they receive."""

from collections.abc import Iterable, Iterator
from itertools import islice

from loopviz.clock import SECOND
from loopviz.model.findings.case import Case, Subject
from loopviz.model.findings.code import Code
from loopviz.model.findings.hanging import Hanging
from loopviz.model.names import Naming, Site, parse_site
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Resource, Task, Wait
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.ongoing import Ongoing, ongoing
from loopviz.model.state.request import Request
from loopviz.model.state.routes import Routes
from loopviz.model.state.trace import Trace
from loopviz.model.state.wait_for import WaitForGraph
from loopviz.wire.awaiting import Awaiting

__all__ = ["Context"]

_HOLDERS = 200
"""How many tasks are asked for what they await."""
_OLD_NS = 1 * SECOND
"""The age of the oldest wait from which the wait-for graph is built."""


class Context:
    """The state of a run as rules see it, and the names that they use in sentences."""

    def __init__(self, naming: Naming, loop: LoopTimes, load: Routes | None = None) -> None:
        self.naming = naming
        self.code = Code(naming)
        self.loop = loop
        self.load = load
        """What the load sees of each of its routes."""
        self.trace: Trace
        """Set before the first event."""
        self.routes: tuple[str, ...] = ()
        """The app's own routes, once known."""
        self.wanted = 0
        """The task whose await stack a rule needs, 0: none."""
        self.stacks: dict[int, tuple[Location, ...]] = {}
        """Await stacks of live tasks, as answered, outermost frame first."""
        self.awaits: dict[int, Awaiting] = {}
        self.awaits_at_ns = 0
        """What suspended tasks await, by number, as last read by the probe, and when."""
        self.wanted_awaits: tuple[int, ...] = ()
        """The tasks of which the wait-for graph has to know what they await."""
        self.hangs = Hanging(loop)
        self.standing: tuple[int, ...] = ()
        """The tasks of requests that hang and wait for no resource: they may await each other."""
        self.explained: dict[Subject, Case] = {}
        """The cases that account for the trouble of these subjects, as far as rules were asked."""
        self._graph: tuple[int, WaitForGraph | None] = (0, None)
        self._ongoing: Ongoing | None = None

    def begin_findings(self) -> None:
        """All rules are about to be asked: forgets what the last ones asked for and explained."""
        self.explained.clear()
        self._ongoing = None
        self.wanted = 0
        live = self.trace.tasks.live
        self.stacks = {task: stack for task, stack in self.stacks.items() if task in live}

    def wait_for(self, now: int) -> WaitForGraph | None:
        """The wait-for graph at `now`; None while nothing is old enough to be in a knot."""
        if self._graph[0] != now:
            waits = self.trace.resources.waits
            oldest = next((wait for wait in waits if not wait.idle), None)
            graph, self.wanted_awaits = None, ()
            old = oldest is not None and now - oldest.began_ns >= _OLD_NS
            if old or self.standing:
                trace = self.trace
                awaits = self.awaits.values(), self.awaits_at_ns
                graph = WaitForGraph(trace.tasks.live, waits, trace.jobs, *awaits)
                holders = islice(_idle_holders(waits, now), _HOLDERS)
                self.wanted_awaits = (*holders, *self.standing[:_HOLDERS])
            self._graph = now, graph
        return self._graph[1]

    def awaits_at(self, task: Task) -> Location | None:
        """The user's line at which a task awaits another one, as last read by the probe."""
        return self.where(self.awaits_site(task))

    def awaits_site(self, task: Task) -> Site | None:
        """The place at which it does, if the probe has read it since the task's last step."""
        known = self.awaits.get(task.number)
        if known is None or not known.place or task.end_ns > self.awaits_at_ns:
            return None
        return parse_site(known.place)

    def ongoing(self, now: int) -> Ongoing:
        """What has begun on the loop and not ended at `now`."""
        if self._ongoing is None or self._ongoing.now_ns != now:
            self._ongoing = ongoing(self.trace, self.loop, self.load, now)
        return self._ongoing

    def hanging(self, now: int) -> list[Request]:
        """The requests that hang at `now`, oldest first."""
        return self.hangs.requests(self.trace, self.ongoing(now))

    def explain(self, case: Case, subjects: Iterable[Subject]) -> None:
        """That case accounts for their trouble, unless an earlier one does."""
        for subject in subjects:
            known = self.explained.get(subject)
            if known is None or (case.bad and not known.bad):
                self.explained[subject] = case

    def cause(self, subjects: Iterable[Subject]) -> Case | None:
        """The case that accounts for the first of them for which one does."""
        return next((self.explained[one] for one in subjects if one in self.explained), None)

    def blocked(self, start: int, end: int) -> Iterator[tuple[Subject, int]]:
        """What blocked the loop in that time, and for how long; stalls that have ended."""
        for stall in self.trace.stalls.overlapping(start, end):
            yield stall.culprit, min(end, stall.end_ns) - max(start, stall.start_ns)

    def blocked_now(self, start: int, now: int) -> Iterator[tuple[Subject, int]]:
        """The same up to now, with the stall that has not ended."""
        yield from self.blocked(start, now)
        stall = self.ongoing(now).stall
        if stall is not None:
            yield stall.culprit, now - max(start, stall.start_ns)

    def open_waits(self, now: int, least_ns: int) -> Iterator[Wait]:
        """The open waits of at least that age, the oldest first; without idle consumers."""
        for wait in self.trace.resources.waits:
            if now - wait.began_ns < least_ns:
                return
            if not wait.idle:
                yield wait

    def where(self, site: Site | None) -> Location | None:
        """The site as a line of the user's code; None for a library's, or if it is not known."""
        if site is None or not site.path or not self.naming.is_users(site.path):
            return None
        return Location(
            file=self.naming.short(site.path),
            line=site.line,
            function=site.function,
            path=site.path,
        )

    def is_users(self, where: Location | None) -> bool:
        """Whether that is a known line of the user's code."""
        known = where is not None and not where.path.startswith("<")
        return known and where is not None and self.naming.is_users(where.path)

    def place(self, number: int) -> Location | None:
        """The place with that number as a line of the user's code; None as in `where`."""
        return self.where(self.trace.site(number)) if number else None

    def label(self, task: Task | None) -> str:
        """A task's name for people, without the function that its coroutine is local to."""
        name = self.trace.label(task) if task is not None else "a task"
        return name.rpartition(".<locals>.")[2]

    def owner(self, task: Task) -> str:
        """The route that a task works for, or else its name."""
        return task.request.route if task.request is not None else self.label(task)

    def stack_line(self, task: int) -> Location | None:
        """The innermost user line of a task's await stack, which is requested if it is unknown."""
        stack = self.stacks.get(task)
        if stack is None:
            self.wanted = self.wanted or task
        users = [frame for frame in stack or () if self.naming.is_users(frame.path)]
        return users[-1] if users else None

    @staticmethod
    def number(task: Task | None) -> int:
        """The number of the request that the task works for, 0: none."""
        return task.request.number if task is not None and task.request is not None else 0

    def waiting_request(self, task: Task | None) -> Request | None:
        """The open request that waits for what the task does."""
        request = task.request if task is not None else None
        if request is None or self.trace.requests.open.get(request.task) is not request:
            return None
        return request


def _idle_holders(waits: Iterable[Wait], now: int) -> Iterator[int]:
    """The tasks that hold what others have waited for long, and wait for no resource themselves."""
    seen: set[Resource | Task] = set()
    for wait in waits:
        if now - wait.began_ns < _OLD_NS:
            return
        if wait.resource in seen:
            continue
        seen.add(wait.resource)
        for hold in wait.resource.holders.values():
            task = hold.task
            if task is None or task in seen or task.ended_ns or task.waiting is not None:
                continue
            seen.add(task)
            yield task.number
