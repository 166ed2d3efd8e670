"""The wait-for graph: which tasks can only go on once another one does, and which never will.

A task depends on the holders of the resource that it waits for (any of them may give a unit back),
on the tasks that it awaits (see `probe.wait_graph`), or on the workers of an executor that has not
taken up its job. What its only worker job waits for in a thread, it waits for, too. A task is
*stuck* if everything that could let it go on is itself stuck, or holds what it holds for ever
because its task has ended.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from loopviz.clock import SECOND
from loopviz.model.state.entities import Hold, Resource, Task, Wait
from loopviz.model.state.jobs import Jobs
from loopviz.wire.awaiting import Awaiting

__all__ = ["STANDS_NS", "Knot", "Link", "WaitForGraph", "leaked"]

STANDS_NS = 1 * SECOND
"""The age of its newest edge from which a knot is reported."""


class Link(NamedTuple):
    """What one task waits for: it cannot go on before another one does."""

    task: Task
    wait: Wait | None = None
    """The wait for a resource; None for an awaited task or a queued job."""
    executor: Resource | None = None
    """The executor in whose queue the task's job is; else None."""

    @property
    def resource(self) -> Resource | None:
        """What others hold; None if the task awaits another one itself."""
        return self.wait.resource if self.wait is not None else self.executor

    @property
    def since_ns(self) -> int:
        """Since when the edge exists, at the latest."""
        return self.wait.began_ns if self.wait is not None else self.task.end_ns


class Knot(NamedTuple):
    """Tasks none of which can go on before another one of them does."""

    links: tuple[Link, ...]
    """What each of them waits for, by the task's number."""

    @property
    def since_ns(self) -> int:
        """Since when it has been tied: its newest edge."""
        return max(link.since_ns for link in self.links)


class _Queue(NamedTuple):
    """The node of an executor's queue: an executor may be a resource with units, too."""

    executor: Resource


_Node = Task | Resource | _Queue


class WaitForGraph:
    """The graph at one moment. Build it when a wait is old, not for each event."""

    def __init__(
        self,
        tasks: Mapping[int, Task],
        waits: Iterable[Wait],
        jobs: Jobs | None = None,
        awaits: Iterable[Awaiting] = (),
        awaits_at_ns: int = 0,
    ) -> None:
        """`waits`: the open ones. `tasks`: the live ones, by number. `awaits`: as read then."""
        self._tasks = tasks
        self._awaits = {awaiting.task: awaiting for awaiting in awaits}
        self._queued: dict[Task, Resource] = {}
        self._workers: dict[int, list[Task | None]] = {}
        self._links: dict[Task, Link] = {}
        busy = _with_several_jobs(jobs)
        for wait in waits:
            alone = wait.job is None or wait.task not in busy
            if wait is wait.task.waiting and alone and _blocks(wait):
                self._links[wait.task] = Link(wait.task, wait)
        if jobs is not None:
            self._add_jobs(jobs)
        for number, awaiting in self._awaits.items():
            task = tasks.get(number)
            if task is not None and awaiting.tasks and task.end_ns <= awaits_at_ns:
                self._links.setdefault(task, Link(task))
        self._edges: dict[_Node, tuple[_Node, ...]] = {}
        """What each node depends on: linear in the waits and holds, as resources are nodes."""
        for link in self._links.values():
            self._add_edges(link)
        self._before: dict[_Node, list[_Node]] = {}
        for node, successors in self._edges.items():
            for successor in successors:
                self._before.setdefault(successor, []).append(node)
        self._stuck_nodes = self._find_stuck()
        self.stuck = [task for task in self._links if task in self._stuck_nodes]
        """Tasks that cannot go on, whatever else happens on the loop."""

    def knots(self) -> "list[Knot]":
        """The stuck tasks that wait for each other, directly or through others: each once.

        A task that waits for what it holds itself is a knot of its own.
        """
        components = _components(self.stuck, self._stuck_successors)
        knots = []
        for component in components:
            links = [self._links[node] for node in component if isinstance(node, Task)]
            if len(component) > 1:
                knots.append(Knot(tuple(sorted(links, key=lambda link: link.task.number))))
        return knots

    def behind(self, knot: "Knot") -> list[Task]:
        """The stuck tasks outside a knot that cannot go on before one of it does."""
        inside = {link.task for link in knot.links}
        reached: set[_Node] = set(inside)
        new: list[_Node] = list(inside)
        while new:
            nodes = self._before.get(new.pop(), ())
            more = [node for node in nodes if node in self._stuck_nodes and node not in reached]
            reached.update(more)
            new.extend(more)
        return [task for task in self.stuck if task in reached and task not in inside]

    def link(self, task: Task) -> Link | None:
        """What the task depends on; None if nothing is known that it waits for."""
        return self._links.get(task)

    # ----

    def _add_jobs(self, jobs: Jobs) -> None:
        for job in jobs.open.values():
            number = job.resource.number
            if job.started_ns and not job.ended_ns:
                self._workers.setdefault(number, []).append(job.task)
            elif job.task is not None and job.submitted_ns and not job.started_ns:
                self._queued[job.task] = job.resource
        for task, executor in self._queued.items():
            if not task.waits and not task.ended_ns and _all_at_work(executor, self._workers):
                self._links.setdefault(task, Link(task, executor=executor))

    def _add_edges(self, link: Link) -> None:
        if link.wait is not None:
            node: _Node = link.wait.resource
            self._edges[link.task] = (node,)
            if node not in self._edges:
                holds = link.wait.resource.holders.values()
                self._edges[node] = tuple(hold.task for hold in holds if hold.task is not None)
        elif link.executor is not None:
            node = _Queue(link.executor)
            self._edges[link.task] = (node,)
            workers = self._workers[link.executor.number]
            self._edges[node] = tuple(task for task in workers if task is not None)
        else:
            awaited = map(self._tasks.get, self._awaits[link.task.number].tasks)
            self._edges[link.task] = tuple(task for task in awaited if task is not None)

    def _find_stuck(self) -> set[_Node]:
        """The greatest set of nodes each of which depends on others of the set."""
        stuck = set(self._edges)
        doubtful = list(stuck)
        while doubtful:
            node = doubtful.pop()
            if node in stuck and not self._stays(node, stuck):
                stuck.remove(node)
                doubtful.extend(one for one in self._before.get(node, ()) if one in stuck)
        return stuck

    def _stays(self, node: _Node, stuck: set[_Node]) -> bool:
        if isinstance(node, Resource):
            holds = [hold for hold in node.holders.values() if hold.task is not None]
            return sum(hold.units for hold in holds) >= node.in_use and all(
                hold.task in stuck or leaked(hold) for hold in holds
            )
        states = [successor in stuck for successor in self._edges[node]]
        if isinstance(node, _Queue):
            return len(states) == len(self._workers[node.executor.number]) and all(states)
        link = self._links[node]
        if link.resource is None and not self._awaits[node.number].any_of:
            return any(states)
        return bool(states) and all(states)

    def _stuck_successors(self, node: _Node) -> list[_Node]:
        return [successor for successor in self._edges[node] if successor in self._stuck_nodes]


def _components(
    starts: Iterable[_Node], after: Callable[[_Node], list[_Node]]
) -> list[list[_Node]]:
    """The strongly connected components that can be reached; Tarjan's algorithm, without recursion.

    A node with an edge to itself does not make a component of more than one node.
    """
    index: dict[_Node, int] = {}
    low: dict[_Node, int] = {}
    stack: list[_Node] = []
    on_stack: set[_Node] = set()
    work: list[tuple[_Node, Iterator[_Node]]] = []
    found: list[list[_Node]] = []

    def enter(node: _Node) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        work.append((node, iter(after(node))))

    for start in starts:
        if start in index:
            continue
        enter(start)
        while work:
            node, successors = work[-1]
            for successor in successors:
                if successor not in index:
                    enter(successor)
                    break
                if successor in on_stack:
                    low[node] = min(low[node], index[successor])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.append(member)
                        if member is node:
                            break
                    found.append(component)
    return found


def leaked(hold: Hold) -> bool:
    """Whether who holds it has ended, and so will not give it back."""
    return hold.owner_ended


def _blocks(wait: Wait) -> bool:
    """Whether the task waits for units that only their holders give back."""
    resource = wait.resource
    return (
        not wait.idle
        and resource.group.kind.holdable
        and not resource.group.handed_over
        and bool(resource.holders)
        and resource.in_use >= resource.capacity > 0
    )


def _with_several_jobs(jobs: Jobs | None) -> set[Task]:
    """The tasks that have several jobs, one of which may go on while another one waits."""
    counts = Counter(job.task for job in jobs.open.values()) if jobs is not None else {}
    return {task for task, count in counts.items() if task is not None and count > 1}


def _all_at_work(executor: Resource, workers: Mapping[int, list[Task | None]]) -> bool:
    return len(workers.get(executor.number, ())) >= executor.capacity > 0
