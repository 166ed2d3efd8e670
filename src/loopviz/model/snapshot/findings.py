"""The part of a snapshot that says what is wrong: findings, their moments and their impacts.

Frozen, in integer nanoseconds; see `snapshot`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest
from typing import Literal, NamedTuple

from loopviz.model.snapshot.types import Location
from loopviz.wire.endpoint_work import EndpointWork

__all__ = [
    "MOMENTS",
    "Consequence",
    "Finding",
    "Impact",
    "Moment",
    "latest",
    "merge_consequences",
    "merge_impacts",
    "worst_first",
]

MOMENTS = 8
"""How many of its last moments a finding keeps."""
_CONSEQUENCES = 5
"""How many consequences a finding keeps."""


class Moment(NamedTuple):
    """One occurrence of what a finding is about."""

    at_ns: int
    """When it was over."""
    lasted_ns: int
    """0: it has no length."""
    label: str
    """The task or route that did it, or that it befell; empty: not known."""
    request: int
    """The number of the request to show, 0: none is known."""


class Impact(NamedTuple):
    """What a finding cost the requests of one route."""

    route: str
    requests: int
    waited_ns: int


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows from a finding, and is no finding of its own for that reason."""

    rule: str
    """The rule that would have found it."""
    sentence: str
    """It goes on after "and so"."""
    count: int
    waited_ns: int
    """How long requests waited for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something is wrong, with its evidence."""

    rule: str
    severity: Literal["error", "warning"]
    title: str
    sentence: str
    count: int
    worst_ns: int
    total_ns: int
    last_ns: int
    """When it was last seen."""
    location: Location | None
    source: str
    """The culprit line's text, stripped; empty if unknown."""
    victims: int
    victim_wait_ns: int
    suggested_fix: str
    """A fix's key, empty if the scenario has none for it."""
    advice: str = ""
    """What to do about it, in words for this code."""
    lesson: str = ""
    """The id of the scenario that teaches it; empty: none does."""
    consequences: tuple[Consequence, ...] = ()
    """What follows from it, the worst first."""
    moments: tuple[Moment, ...] = ()
    """The last ones, newest first."""
    impacts: tuple[Impact, ...] = ()
    """By route, the longest wait first; of very many routes, the first that occurred."""
    open: int = 0
    """How many of `count` have not ended."""
    open_ns: int = 0
    """How long the longest of these has lasted."""
    work: EndpointWork | None = None
    """What FastAPI did, if the location is that of an endpoint that did not run itself."""

    @property
    def harm_ns(self) -> int:
        """How long requests waited for it; if none is known to have, how long it lasted."""
        return self.victim_wait_ns if self.victims else self.total_ns

    @property
    def once(self) -> bool:
        """Whether it happened once, and is over."""
        return self.count == 1 and not self.open


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first; then by the harm done, and by how often."""
    return tuple(sorted(findings, key=lambda f: (f.severity != "error", -f.harm_ns, -f.count)))


def latest(moments: Iterable[Moment]) -> tuple[Moment, ...]:
    """The last `MOMENTS` of them, newest first."""
    return tuple(nlargest(MOMENTS, moments))


def merge_consequences(consequences: Iterable[Consequence]) -> tuple[Consequence, ...]:
    """The worst first; of the same sentence, one with both counts."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for one in consequences:
        count, waited = sums.get((one.rule, one.sentence), (0, 0))
        sums[one.rule, one.sentence] = count + one.count, waited + one.waited_ns
    merged = (Consequence(*what, *figures) for what, figures in sums.items())
    worst = sorted(merged, key=lambda one: (-one.waited_ns, -one.count, one.sentence))
    return tuple(worst[:_CONSEQUENCES])


def merge_impacts(impacts: Iterable[Impact]) -> tuple[Impact, ...]:
    """One impact for each route, the longest wait first."""
    sums: dict[str, tuple[int, int]] = {}
    for route, requests, waited in impacts:
        before = sums.get(route, (0, 0))
        sums[route] = before[0] + requests, before[1] + waited
    by_route = (Impact(route, *impact) for route, impact in sums.items())
    return tuple(sorted(by_route, key=lambda one: (-one.waited_ns, -one.requests, one.route)))
