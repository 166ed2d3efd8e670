"""What rules may read of a run, beside the events that they receive."""

from loopviz.model.names import Naming, Site
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Task
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.ongoing import Ongoing, ongoing
from loopviz.model.state.request import Request
from loopviz.model.state.routes import Routes
from loopviz.model.state.trace import Trace

__all__ = ["Context"]


class Context:
    """The state of a run as rules see it, and the names that they use in sentences."""

    def __init__(self, naming: Naming, loop: LoopTimes, load: Routes | None = None) -> None:
        self.naming = naming
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
        """Await stacks by task, outermost frame first. The rule that asked for them drops them."""

    def ongoing(self, now: int) -> Ongoing:
        """What has begun on the loop and not ended at `now`."""
        return ongoing(self.trace, self.loop, self.load, now)

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

    def place(self, number: int) -> Location | None:
        """The place with that number as a line of the user's code; None as in `where`."""
        return self.where(self.trace.site(number)) if number else None

    def label(self, task: Task | None) -> str:
        """A task's name for people, without the function that its coroutine is local to."""
        name = self.trace.label(task) if task is not None else "a task"
        return name.rpartition(".<locals>.")[2]

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
