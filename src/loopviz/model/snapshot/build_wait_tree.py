"""Builds the tree of who waits for whom.

What a task waits for stands below it: the tasks that it awaits, or those that hold the resource
that it waits for. Siblings that do the same, with the same below them, are folded into one node.
A task or resource for which several wait stands in full at the first place only.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import replace
from itertools import islice, pairwise

from loopviz.model.names import Naming, Site
from loopviz.model.snapshot.types import Location
from loopviz.model.snapshot.wait_tree import Cut, Role, WaitNode, WaitTree
from loopviz.model.state.doing import Doing, Doings
from loopviz.model.state.entities import Resource, Task
from loopviz.model.state.trace import Trace
from loopviz.model.state.wait_for import STANDS_NS, WaitForGraph
from loopviz.wire.awaiting import Awaiting
from loopviz.wire.kinds import Family

__all__ = ["MOST_NODES", "MOST_TASKS", "build_wait_tree"]

MOST_TASKS, MOST_NODES = 1000, 1000
"""Bounds on the tasks that are looked at, oldest first, and on the nodes of a tree."""
_DEEPEST = 30
"""Deeper nodes have nothing below them; what they wait for stands at the root."""


def build_wait_tree(
    trace: Trace,
    naming: Naming,
    where: Callable[[Site], Location | None],
    awaits: Iterable[Awaiting],
    awaits_at_ns: int,
    now: int,
) -> WaitTree:
    """The tree at `now`. `awaits`: as read at `awaits_at_ns`, 0: never."""
    awaits = tuple(awaits)
    live = trace.tasks.live
    graph = WaitForGraph(live, trace.resources.waits, trace.jobs, awaits, awaits_at_ns)
    standing = [knot for knot in graph.knots() if now - knot.since_ns >= STANDS_NS]
    tied = [[link.task for link in knot.links] for knot in standing]
    builder = _Builder(trace, naming, where, Doings(trace, awaits, awaits_at_ns))
    nodes, rest = builder.build(list(islice(live.values(), MOST_TASKS)), tied)
    return WaitTree(
        at_ns=now,
        nodes=nodes,
        live=len(live),
        rest=rest + max(len(live) - MOST_TASKS, 0),
        read_ns=awaits_at_ns,
    )


class _Branch:
    """Tasks that do the same, and what they alone wait for."""

    def __init__(self, role: Role, tasks: list[Task], doing: Doing, signature: Hashable) -> None:
        self.role = role
        self.tasks = tasks
        """The one that has waited longest first; none: a holder that is not known."""
        self.doing = doing
        self.signature = signature
        """Equal for branches that can be folded."""
        self.below: list[_Branch] = []
        """The tasks that they await, folded."""
        self.elsewhere = False
        """Whether others wait for this task, too: it is in full where it is met first."""
        self.folded: list[Task] = []
        """The tasks of other branches that were folded into this one, with all below them."""

    def everyone(self) -> Iterator[Task]:
        """Its tasks, and those below them."""
        yield from self.tasks
        yield from self.folded
        for branch in self.below:
            yield from branch.everyone()


class _Builder:
    """Grows branches from tasks, and makes nodes of them, from the roots down."""

    def __init__(
        self,
        trace: Trace,
        naming: Naming,
        where: Callable[[Site], Location | None],
        present: Doings,
    ) -> None:
        self._trace, self._naming, self._where, self._present = trace, naming, where, present
        self._doings: dict[Task, Doing] = {}
        self._known_holders: dict[tuple[Resource, str], list[tuple[Role, Task | None]]] = {}
        self._awaiters: Counter[Task] = Counter()
        self._tied: frozenset[Task] = frozenset()
        self._nodes: list[WaitNode] = []
        self._keys: set[tuple[str, int]] = set()
        self._seen: dict[Task, int] = {}
        """The tasks that have a node or are counted in one, and the number of that node."""
        self._path: set[Task] = set()
        self._resources: set[tuple[Resource, str]] = set()
        self._resource_path: list[tuple[Resource, str]] = []

    def build(self, tasks: list[Task], tied: list[list[Task]]) -> tuple[tuple[WaitNode, ...], int]:
        """The nodes, and how many of the tasks have none. `tied`: the tasks of each deadlock."""
        self._tied = frozenset(task for knot in tied for task in knot)
        doings = [self._doing(task) for task in tasks]
        self._awaiters.update(one for doing in doings for one in dict.fromkeys(doing.tasks))
        needed = set(self._awaiters)
        for doing in doings:
            self._holders(doing)
        for holders in self._known_holders.values():
            needed.update(task for _, task in holders if task is not None)
        for knot in tied:
            if knot[0] not in self._seen:
                first, *_ = _folded(self._grow(task, "", set()) for task in knot)
                self._print(first, 0, ("", 0))
        roots = [self._grow(task, "", set()) for task in tasks if task not in needed]
        for branch in sorted(_folded(roots), key=self._order):
            self._print(branch, 0, ("", 0))
        for task in tasks:
            if (
                task not in self._seen and len(self._nodes) < MOST_NODES
            ):  # they wait in a circle, or stand too deep
                self._print(self._grow(task, "", set()), 0, ("", 0))
        return _with_parents(self._nodes), sum(task not in self._seen for task in tasks)

    def _order(self, branch: _Branch) -> tuple[bool, int, int]:
        """Those that wait for others go first, then by how many tasks a branch has."""
        alone = not branch.below and not self._holders(branch.doing)
        return alone, -sum(1 for _ in branch.everyone()), branch.tasks[0].number

    # ---- branches

    def _doing(self, task: Task) -> Doing:
        doing = self._doings.get(task)
        if doing is None:
            doing = self._doings[task] = self._present.of(task)
        return doing

    def _grow(self, task: Task, role: Role, above: set[Task]) -> _Branch:
        """A task with the tasks that it alone awaits."""
        doing = self._doing(task)
        below = []
        if len(above) < _DEEPEST:
            above.add(task)
            for one in dict.fromkeys(doing.tasks):
                if self._awaiters[one] > 1 or one in above:
                    below.append(self._mention(one, "awaited", number=one.number))
                else:
                    below.append(self._grow(one, "awaited", above))
            above.discard(task)
        below = _folded(below)
        resource = doing.resource.number if doing.resource is not None else 0
        line = (doing.site.path, doing.site.line) if doing.site is not None else None
        signature = (
            role, self._label(task), task in self._tied, doing.how, doing.what, line,
            resource, doing.any_of, doing.jobs, tuple((b.signature, len(b.tasks)) for b in below),
        )  # fmt: skip
        branch = _Branch(role, [task], doing, signature)
        branch.below = below
        return branch

    def _mention(self, task: Task, role: Role, **told_apart_by: int) -> _Branch:
        """A task that has a node of its own elsewhere, or may have."""
        mention = (role, self._label(task), *told_apart_by.items())
        branch = _Branch(role, [task], self._doing(task), mention)
        branch.elsewhere = True
        return branch

    def _holders(self, doing: Doing) -> list[tuple[Role, Task | None]]:
        """Those who can let a task go on that waits for a resource."""
        resource = doing.resource
        if resource is None or doing.how == "take":
            return []
        known = self._known_holders.get((resource, doing.how))
        if known is None:
            known = self._known_holders[resource, doing.how] = self._find_holders(doing, resource)
        return known

    def _find_holders(self, doing: Doing, resource: Resource) -> list[tuple[Role, Task | None]]:
        if doing.how == "queued":
            working = self._present.working.get(resource, ())
            return [("worker", task) for task in dict.fromkeys(working)]
        if resource.group.kind.family is Family.QUEUE:
            return [("taker", resource.taker)] if resource.taker is not None else []
        if not resource.group.kind.holdable:
            return []
        holders = dict.fromkeys(hold.task for hold in resource.holders.values())
        return [("holder", task) for task in holders]

    def _grow_holders(self, doing: Doing) -> list[_Branch]:
        branches = []
        for role, task in self._holders(doing):
            if task is None:
                unknown = Doing("unknown", 0)
                branches.append(_Branch("unknown", [], unknown, (role, "unknown")))
            else:
                branches.append(self._once(task, role))
        return _folded(branches)

    def _once(self, task: Task, role: Role) -> _Branch:
        """The task in full, unless it has a node or is counted in one."""
        if task not in self._seen:
            return self._grow(task, role, set())
        return self._mention(task, role, path=task in self._path, node=self._seen[task])

    # ---- nodes

    def _print(self, branch: _Branch, depth: int, parent: tuple[str, int]) -> None:
        """The branch, and what is below it."""
        if len(self._nodes) >= MOST_NODES:
            return
        cut: Cut = ""
        if branch.elsewhere:
            first = branch.tasks[0]
            if first in self._seen:
                cut = "circle" if first in self._path else "above"
            else:
                branch = self._grow(first, branch.role, set())
        elif any(task in self._seen for task in branch.tasks):
            for one in _folded(self._once(task, branch.role) for task in branch.tasks):
                self._print(one, depth, parent)
            return
        resource = branch.doing.resource
        shared = (resource, branch.doing.how) if resource is not None else None
        has_holders = shared is not None and bool(self._holders(branch.doing))
        if not cut and has_holders and shared in self._resources:
            cut = "circle" if shared in self._resource_path else "above"
        elif not cut and depth >= _DEEPEST and (branch.below or has_holders):
            cut = "deep"
        node = self._node(branch, depth, parent, cut)
        self._nodes.append(node)
        if node.key[0] == "again":
            return
        number = len(self._nodes)
        self._seen.update(dict.fromkeys(branch.tasks, number))
        if not cut:
            self._print_below(branch, depth + 1, node.key, shared if has_holders else None)
        for task in branch.folded:
            self._seen.setdefault(task, number)

    def _print_below(
        self,
        branch: _Branch,
        depth: int,
        parent: tuple[str, int],
        shared: tuple[Resource, str] | None,
    ) -> None:
        self._path.update(branch.tasks)
        for one in branch.below:
            self._print(one, depth, parent)
        if shared is not None:
            self._resources.add(shared)
            self._resource_path.append(shared)
            for one in self._grow_holders(branch.doing):
                self._print(one, depth, parent)
            self._resource_path.pop()
        self._path.difference_update(branch.tasks)

    def _node(self, branch: _Branch, depth: int, parent: tuple[str, int], cut: Cut) -> WaitNode:
        doing, tasks = branch.doing, branch.tasks
        resource = doing.resource
        what = resource.group.display(self._naming) if resource is not None else doing.what
        since = min((self._doing(task).since_ns for task in tasks), default=0)
        again = branch.elsewhere and bool(cut)
        return WaitNode(
            depth=depth,
            key=self._key(branch, parent, again=again),
            role=branch.role,
            task=tasks[0].number if tasks else 0,
            label=self._label(tasks[0]) if tasks else "",
            count=max(len(tasks), 1),
            how=doing.how,
            what=what,
            kind=resource.group.kind.id if resource is not None else "",
            in_use=resource.in_use if resource is not None else 0,
            capacity=resource.capacity if resource is not None else 0,
            of=len(dict.fromkeys(doing.tasks)) or doing.jobs,
            any_of=doing.any_of,
            since_ns=since,
            location=self._where(doing.site) if doing.site is not None else None,
            deadlock=any(task in self._tied for task in tasks),
            cut=cut,
            parent=False,
        )

    def _key(self, branch: _Branch, parent: tuple[str, int], *, again: bool) -> tuple[str, int]:
        if len(branch.tasks) == 1 and not again:
            key = "task", branch.tasks[0].number
        else:
            about = branch.tasks[0].number if again else branch.signature
            key = "again" if again or not branch.tasks else "fold", _hash((parent, about))
        while key in self._keys:
            key = key[0], key[1] + 1
        self._keys.add(key)
        return key

    def _label(self, task: Task) -> str:
        return self._trace.label(task).rpartition(".<locals>.")[2]


def _folded(branches: Iterable[_Branch]) -> list[_Branch]:
    """The branches, equal ones as one, in which the task that has waited longest goes first."""
    groups: dict[Hashable, list[_Branch]] = {}
    for branch in branches:
        groups.setdefault(branch.signature, []).append(branch)
    found = []
    for same in groups.values():
        first, *others = sorted(same, key=lambda branch: branch.doing.since_ns)
        for other in others:
            first.tasks += other.tasks
            first.folded += other.folded
            first.folded += [task for below in other.below for task in below.everyone()]
        found.append(first)
    return found


def _hash(of: object) -> int:
    return zlib.crc32(repr(of).encode())


def _with_parents(nodes: list[WaitNode]) -> tuple[WaitNode, ...]:
    """The nodes, with `parent` set where the next one is deeper."""
    parents = {at for at, (one, after) in enumerate(pairwise(nodes)) if after.depth > one.depth}
    return tuple(replace(n, parent=True) if at in parents else n for at, n in enumerate(nodes))
