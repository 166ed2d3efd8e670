"""Who waits for whom, as a tree. It is built on request, and is no part of each snapshot.

Frozen, in integer nanoseconds; see `snapshot`.
"""

from dataclasses import dataclass
from typing import Literal

from loopviz.model.snapshot.types import Location

__all__ = ["Cut", "How", "Role", "WaitNode", "WaitTree"]

Role = Literal["", "awaited", "holder", "taker", "worker", "unknown"]
"""How the node above depends on a node: it awaits that task, or waits for a resource that the task
holds; the task took the last item out of the full queue; the task's job runs on the executor.
`unknown`: a unit is held, and by which task is not known. Empty: at the root."""

How = Literal[
    "runs", "ready", "task", "gather", "wait", "wait_for", "TaskGroup", "shield",
    "resource", "take", "job", "queued", "await", "unread", "ended", "unknown",
]  # fmt: skip
"""What a task does. `task` to `shield`: it awaits other tasks, through that; `resource`: it waits
for a unit, or for an event; `take`: for an item; `job`: a worker runs a job for it; `queued`: its
job is in an executor's queue; `await`: for something else, such as a socket; `unread`: it waits,
and for what is not known yet."""

Cut = Literal["", "circle", "above", "deep"]
"""Why nothing stands below a node: it stands above in the same branch, so they wait in a circle; it
stands somewhere above, with all that is below it; the branch is too deep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitNode:
    """A task, or several that do the same for the same and have the same below them."""

    depth: int
    """0 for a root. What a node waits for follows it, one deeper."""
    key: tuple[str, int]
    """Stays the same from one tree to the next: `("task", number)`, `("fold", …)` for several
    tasks, `("again", …)` for one that has a node of its own elsewhere."""
    role: Role
    task: int
    """The task's number; of several, of the one that has waited longest; 0: not known."""
    label: str
    count: int
    """How many tasks it stands for."""
    how: How
    what: str
    """The name of the resource, the job's function, or what is awaited (`socket`, `sleep`)."""
    kind: str
    """The resource's kind, see `wire.kinds`."""
    in_use: int
    capacity: int
    """Of the resource: units in use, and how many there are (0: not known)."""
    of: int
    """How many tasks each of them awaits, or how many jobs it has."""
    any_of: bool
    """Whether the end of one of these tasks is enough."""
    since_ns: int
    """Since when it has been doing that; of several, the earliest."""
    location: Location | None
    """Where in the code; None: not known."""
    deadlock: bool
    """Whether it is one of a circle none of which can go on."""
    cut: Cut
    parent: bool
    """Whether nodes stand below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitTree:
    """The tree of all live tasks at one moment. Roots are tasks that nobody waits for.

    Each live task has a node, is counted in the node of several, or is one of `rest`.
    """

    at_ns: int
    nodes: tuple[WaitNode, ...]
    """In the order of their rows."""
    live: int
    rest: int
    """How many tasks have no node, since there are so many."""
    read_ns: int
    """When the probe read which tasks await others; 0: never."""
