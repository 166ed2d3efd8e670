"""Evidence that several rules share: how long queues stood, and what holders did meanwhile."""

from collections.abc import Iterable
from itertools import islice

from loopviz.model.findings.case import Subject
from loopviz.model.findings.context import Context
from loopviz.model.snapshot import Location
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.wire.kinds import Family

__all__ = [
    "HolderStats",
    "StandingQueue",
    "all_of",
    "first_line",
    "is_lock",
    "quoted",
    "resource_name",
]

_PLACES = 50
"""How many places of holders are distinguished."""


class StandingQueue:
    """How long a queue stood without a break, at most. Add waits in the order of their ends."""

    __slots__ = ("end", "longest", "start")

    def __init__(self) -> None:
        self.start = self.end = self.longest = 0

    def add(self, start: int, end: int) -> None:
        """Someone waited from `start` to `end`."""
        if start > self.end:
            self.start = start
        self.start, self.end = min(self.start, start), max(self.end, end)
        self.longest = max(self.longest, self.end - self.start)


class HolderStats:
    """How long the units of a resource were held, and where their holders spent that time."""

    __slots__ = ("count", "places", "total_ns")

    def __init__(self) -> None:
        self.count = self.total_ns = 0
        self.places: dict[int, int] = {}

    def add(self, place: int, lasted: int) -> None:
        """A unit was held for `lasted` ns, most of it at that place."""
        self.count += 1
        self.total_ns += lasted
        if place in self.places or len(self.places) < _PLACES:
            self.places[place] = self.places.get(place, 0) + lasted

    def where(self, context: Context) -> Location | None:
        """The user's line where most of the time went."""
        best = sorted(self.places.items(), key=lambda item: -item[1])
        return first_line(context, (place for place, _ in islice(best, 5)))

    @property
    def mean_ns(self) -> int:
        return self.total_ns // self.count if self.count else 0


def first_line(context: Context, places: Iterable[int]) -> Location | None:
    """The first of the places that is a line of the user's code."""
    lines = (context.place(place) for place in places)
    return next((line for line in lines if line is not None), None)


def all_of(count: int) -> str:
    """`Both`, `All 5`, to begin a sentence with."""
    return "Both" if count == 2 else f"All {count}"


def quoted(source: str) -> str:
    """A line of code as sentences quote it: without its comment and its closing colon.

    One that goes on below ends in `…`.
    """
    text = source.partition("  # ")[0].removesuffix(":")
    return f"{text}…" if text.endswith(("(", "[", "{")) else text


def resource_name(context: Context, group: ResourceGroup) -> str:
    """The name of a resource for people."""
    return group.display(context.naming)


def made_at(where: Location | None) -> tuple[Subject, ...]:
    """The line that makes tasks, as something that one case can account for; None: it is nobody's.

    How such a task ended may be told already.
    """
    return () if where is None else ((f"task made at {where.path}", where.line),)


def is_lock(group: ResourceGroup) -> bool:
    """Whether only one task at a time can have it."""
    family = group.kind.family
    return family is Family.LOCK or (family is Family.SEMAPHORE and group.capacity == 1)
