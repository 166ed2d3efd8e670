"""`deadlock`: tasks wait for each other, so none of them can go on."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from loopviz.clock import SECOND
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.evidence import quoted, resource_name
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Task
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.model.state.wait_for import STANDS_NS, Knot, Link, WaitForGraph
from loopviz.units import duration_text
from loopviz.wire.kinds import Family

__all__ = ["Deadlock"]

_CLAUSES = 4
"""How many edges a sentence names."""


class _Edge(NamedTuple):
    """What tasks of a knot have in common that hold the same and wait for the same at one line."""

    held: ResourceGroup | None
    """None: it holds nothing of the knot, but another task awaits it."""
    wanted: ResourceGroup | None
    """None: it awaits a task."""
    where: Location | None
    taken: Location | None
    """Where they acquired what they hold, if no line is known at which they wait."""


class _Tied(NamedTuple):
    """A knot while it lasts."""

    since_ns: int
    requests: tuple[tuple[Request, int], ...]
    """The requests that cannot go on, and since when each has waited."""
    label: str
    request: int


class _Deadlock(Case):
    """Knots of the same resources and lines."""

    edges: tuple[tuple[_Edge, str, int], ...] = ()
    """Of the newest knot: each edge, the label of one of its tasks, and how many tasks it has."""
    behind = 0
    """Tasks outside the knot that wait for one of it."""


class Deadlock(Rule[_Deadlock]):
    """One finding for each set of resources and lines; an untied knot (a timeout) stays counted."""

    info = RuleInfo(
        id="deadlock",
        title="DEADLOCK",
        summary="tasks wait for each other in a circle",
        why="None of them can go on before another one does: only a timeout unties them.",
        fires_when=(
            "every unit of what a task waits for is held by tasks that wait in turn for a unit "
            "that one of this circle holds, or for such a task itself, and that has lasted "
            f"{STANDS_NS // SECOND} s. Threads count with the task that submitted their job"
        ),
        counts="knots of waiting tasks; how long one has lasted",
        false_alarms=(
            "a unit that others than its holder give back: not after that has happened once"
        ),
        tried=(
            "a lock whose holder works on, or waits for a socket",
            "a circle that is younger than that",
        ),
        cures=(
            "do not wait for another unit while you hold one",
            "acquire locks in the same order everywhere",
            "call a version of the function that expects the lock to be held",
        ),
        many="{places} more deadlocks, {count} times in total",
    )
    make_case = _Deadlock

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._tied: dict[frozenset[int], tuple[_Deadlock, _Tied]] = {}

    def second_ended(self, now: int, _records: object) -> None:
        self._follow(now)

    def refresh(self, now: int) -> None:
        for case in self.cases.values():
            case.clear_open()
        self._follow(now)
        for case, tied in self._tied.values():
            case.record_open(now - tied.since_ns)
            case.label = case.label or tied.label
            for request, since in tied.requests:
                case.record_open_impact(request.route, now - since, new=True)

    def check(self, case: _Deadlock) -> Verdict:
        return Verdict.WARN if case.count + case.open else Verdict.OK

    def explains(self, case: _Deadlock) -> Iterable[Subject]:
        """The resources of the circle, and the requests that cannot go on."""
        for edge, _, _ in case.edges:
            yield from filter(None, (edge.held, edge.wanted))
        for of, tied in self._tied.values():
            if of is case:
                yield from (request for request, _ in tied.requests)

    def severe(self, _case: _Deadlock) -> bool:
        return True

    def location(self, case: _Deadlock) -> Location | None:
        """The line at which most of its tasks wait."""
        lines = Counter[Location]()
        for edge, _, count in case.edges:
            if edge.where is not None:
                lines[edge.where] += count
        return lines.most_common(1)[0][0] if lines else None

    def sentence(self, case: _Deadlock, _source: str) -> str:
        clauses = [self._clause(*edge) for edge in case.edges[:_CLAUSES]]
        if len(case.edges) > _CLAUSES:
            clauses.append(f"{len(case.edges) - _CLAUSES} more edges")
        alone = sum(count for _, _, count in case.edges) == 1
        nobody = "it cannot go on" if alone else "none of them can go on"
        text = f"{'; '.join(clauses)}: {nobody}"
        if case.open:
            text += f", for {duration_text(case.open_worst_ns)} so far"
        else:
            text += f"; a timeout untied them after {duration_text(case.worst_ns)}"
        if case.behind:
            tasks = "1 more task waits" if case.behind == 1 else f"{case.behind} more tasks wait"
            text += f"; {tasks} behind"
        return text

    def advice(self, case: _Deadlock, _source: str) -> str:
        """Of locks their order decides, unless one task waits for its own."""
        unit, order, version = self.info.cures
        wanted = [edge.wanted for edge, _, _ in case.edges]
        if case.edges and not any(wanted):
            return "let one of the tasks end without awaiting the other"
        if any(one is None or one.kind.family is not Family.LOCK for one in wanted):
            return unit
        alone = sum(count for _, _, count in case.edges) == 1
        return version if alone else order

    # ----

    def _follow(self, now: int) -> None:
        """Take up new knots, and count those that were untied."""
        graph = self.context.wait_for(now)
        tied: dict[frozenset[int], tuple[_Deadlock, _Tied]] = {}
        for knot in graph.knots() if graph is not None else ():
            if graph is not None and now - knot.since_ns >= STANDS_NS:
                key = frozenset(link.task.number for link in knot.links)
                tied[key] = self._take_up(graph, knot)
        for key, (case, knot_was) in self._tied.items():
            if key not in tied:
                case.record(now - knot_was.since_ns, now, knot_was.label, knot_was.request)
                for request, since in knot_was.requests:
                    self.record_impact(case, request, now - since)
        self._tied = tied

    def _take_up(self, graph: WaitForGraph, knot: Knot) -> tuple[_Deadlock, _Tied]:
        edges = self._edges(knot)
        case = self.case(frozenset(edge for edge, _, _ in edges))
        behind = graph.behind(knot)
        case.edges, case.behind = edges, len(behind)
        first = knot.links[0].task
        requests: dict[Request, int] = {}
        for task in (*(link.task for link in knot.links), *behind):
            request, link = self.context.waiting_request(task), graph.link(task)
            if request is not None and link is not None:
                requests.setdefault(request, link.since_ns)
        tied = _Tied(
            knot.since_ns,
            tuple(requests.items()),
            self.context.label(first),
            self.context.number(first),
        )
        return case, tied

    def _edges(self, knot: Knot) -> tuple[tuple[_Edge, str, int], ...]:
        groups = {link.resource.group for link in knot.links if link.resource is not None}
        counts = Counter[_Edge]()
        tasks: dict[_Edge, Task] = {}
        for link in knot.links:
            hold = next((hold for hold in link.task.holds if hold.resource.group in groups), None)
            held = hold.resource.group if hold is not None else None
            wanted = link.resource.group if link.resource is not None else None
            where = self._where(link)
            taken = self.context.place(hold.place) if hold is not None and where is None else None
            edge = _Edge(held, wanted, where, taken)
            counts[edge] += 1
            tasks.setdefault(edge, link.task)
        ordered = sorted(counts, key=lambda edge: (edge.held is None, -counts[edge]))
        return tuple((edge, self.context.label(tasks[edge]), counts[edge]) for edge in ordered)

    def _where(self, link: Link) -> Location | None:
        if link.wait is not None and link.wait.place:
            return self.context.place(link.wait.place)
        return self.context.awaits_at(link.task)

    def _clause(self, edge: _Edge, label: str, count: int) -> str:
        """`GET /a holds Lock and waits for it again in …`."""
        source = quoted(self.context.naming.source(edge.where))
        line = f" in {source}" if source else ""
        held = resource_name(self.context, edge.held) if edge.held is not None else ""
        if edge.taken is not None:
            held += f", taken in {quoted(self.context.naming.source(edge.taken))},"
        wanted = resource_name(self.context, edge.wanted) if edge.wanted is not None else ""
        if held and edge.held is edge.wanted:
            if count == 1:
                return f"{label} holds {held} and waits for it again{line}"
            if edge.held is not None and edge.held.instances > 1:
                return f"{count} tasks each hold one {held} and wait for another{line}"
            return f"{count} tasks hold all of {held} and wait for more of it{line}"
        if count == 1:
            holds = f"holds {held} and " if held else ""
            return f"{label} {holds}{'waits for ' + wanted if wanted else 'awaits a task'}{line}"
        holds = f"hold {held} and " if held else ""
        waits = f"wait for {wanted}" if wanted else "await tasks"
        return f"{count} tasks ({label}) {holds}{waits}{line}"
