"""The wait-for graph: which tasks can only go on once another one does, and which never will.

A task depends on the holders of the resource that it waits for (any of them may give a unit back),
on the tasks that it awaits (see `probe.wait_graph`), or on the workers of an executor that has not
taken up its job. A task is *stuck* if everything that could let it go on is itself stuck, or holds
what it holds for ever because its task has ended.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from loopviz.model.state.entities import Hold, Resource, Task, Wait
from loopviz.model.state.jobs import Jobs

__all__ = ["Await", "Knot", "Link", "WaitForGraph", "leaked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """What the probe has read of a suspended task. Source: `probe.wait_graph`."""

    at_ns: int
    place: str = ""
    """The user's line and what is awaited there, as `probe.await_site` writes it."""
    tasks: tuple[int, ...] = ()
    any_of: bool = False
    """One of the tasks is enough to go on; otherwise all are awaited."""


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


class WaitForGraph:
    """The graph at one moment. Build it when a wait is old, not for each event."""

    def __init__(
        self,
        tasks: Mapping[int, Task],
        waits: Iterable[Wait],
        jobs: Jobs | None = None,
        awaits: Mapping[int, Await] | None = None,
    ) -> None:
        """`waits`: the open ones. `tasks`: the live ones, by number."""
        self._tasks = tasks
        self._awaits = awaits or {}
        self._queued: dict[Task, Resource] = {}
        self._workers: dict[int, list[Task | None]] = {}
        self._links: dict[Task, Link] = {}
        for wait in waits:
            if wait is wait.task.waits[-1] and _blocks(wait):
                self._links[wait.task] = Link(wait.task, wait)
        if jobs is not None:
            self._add_jobs(jobs)
        for number, awaits_ in self._awaits.items():
            task = tasks.get(number)
            if task is not None and awaits_.tasks and task.end_ns <= awaits_.at_ns:
                self._links.setdefault(task, Link(task))
        self.stuck = self._stuck()
        """Tasks that cannot go on, whatever else happens on the loop."""

    def knots(self) -> "list[Knot]":
        """The stuck tasks that wait for each other, directly or through others: each once.

        A task that waits for what it holds itself is a knot of its own.
        """
        components = _components(self.stuck, lambda node: list(self._after(node)))
        knots = []
        for component in components:
            links = [self._links[node] for node in component if isinstance(node, Task)]
            if len(component) > 1:
                knots.append(Knot(tuple(sorted(links, key=lambda link: link.task.number))))
        return knots

    def leaks(self) -> "Iterator[tuple[Resource, tuple[Hold, ...]]]":
        """Resources that stuck tasks wait for, with the holds whose task has ended."""
        seen: set[Resource] = set()
        for task in self.stuck:
            resource = self._links[task].resource
            if resource is None or resource in seen:
                continue
            seen.add(resource)
            left = tuple(hold for hold in resource.holders.values() if leaked(hold))
            if left:
                yield resource, left

    def behind(self, knot: "Knot") -> list[Task]:
        """The stuck tasks outside a knot that cannot go on before one of it does."""
        before: dict[_Node, list[_Node]] = {}
        for task in self.stuck:
            for node in (task, *self._after(task)):
                for after in self._after(node):
                    before.setdefault(after, []).append(node)
        inside = {link.task for link in knot.links}
        reached: set[_Node] = set(inside)
        new: list[_Node] = list(inside)
        while new:
            more = [node for node in before.get(new.pop(), ()) if node not in reached]
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

    def _stuck(self) -> dict[Task, None]:
        """The greatest set of tasks each of which depends on others of the set."""
        stuck = dict.fromkeys(self._links)
        waiting_for: dict[Task, list[Task]] = {}
        for task in stuck:
            for other in self._successors(task):
                waiting_for.setdefault(other, []).append(task)
        doubtful = list(stuck)
        while doubtful:
            task = doubtful.pop()
            if task in stuck and not self._stays(self._links[task], stuck):
                del stuck[task]
                doubtful.extend(one for one in waiting_for.get(task, ()) if one in stuck)
        return stuck

    def _stays(self, link: Link, stuck: Mapping[Task, None]) -> bool:
        if link.wait is not None:
            resource = link.wait.resource
            holds = resource.holders.values()
            known = sum(hold.units for hold in holds if hold.task is not None)
            return known >= resource.in_use and all(
                hold.task in stuck or leaked(hold) for hold in holds if hold.task is not None
            )
        if link.executor is not None:
            return all(task in stuck for task in self._workers[link.executor.number])
        known_await = self._awaits[link.task.number]
        awaited = [self._tasks.get(number) for number in known_await.tasks]
        states = [task in stuck for task in awaited if task is not None]
        return bool(states) and (all(states) if known_await.any_of else any(states))

    def _successors(self, task: Task) -> Iterator[Task]:
        """The tasks on which it depends."""
        link = self._links.get(task)
        if link is None:
            return
        if link.wait is not None:
            for hold in link.wait.resource.holders.values():
                if hold.task is not None:
                    yield hold.task
        elif link.executor is not None:
            for worker in self._workers[link.executor.number]:
                if worker is not None:
                    yield worker
        else:
            for number in self._awaits[task.number].tasks:
                awaited = self._tasks.get(number)
                if awaited is not None:
                    yield awaited

    def _after(self, node: "_Node") -> "Iterator[_Node]":
        """The node's successors among stuck tasks, resources and the queues of executors."""
        if isinstance(node, Task):
            link = self._links[node]
            if link.wait is not None:
                yield link.wait.resource
            elif link.executor is not None:
                yield _Queue(link.executor)
            else:
                yield from (task for task in self._successors(node) if task in self.stuck)
            return
        if isinstance(node, Resource):
            tasks: Iterable[Task | None] = (hold.task for hold in node.holders.values())
        else:
            tasks = self._workers[node.executor.number]
        yield from (task for task in tasks if task is not None and task in self.stuck)


class _Queue(NamedTuple):
    """The node of an executor's queue: an executor may be a resource with units, too."""

    executor: Resource


_Node = Task | Resource | _Queue


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
    """Whether the task that holds it has ended, and so will not give it back."""
    return hold.task is not None and bool(hold.task.ended_ns)


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


def _all_at_work(executor: Resource, workers: Mapping[int, list[Task | None]]) -> bool:
    return len(workers.get(executor.number, ())) >= executor.capacity > 0
