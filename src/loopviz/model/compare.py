"""Before and after: the same routes under the same load, either side of a change of fixes."""

from loopviz.clock import SECOND
from loopviz.model.histogram import quantiles
from loopviz.model.routes import Routes
from loopviz.model.snapshot import Comparison, RouteComparison

__all__ = ["NEEDED", "Phases"]

NEEDED = 30
"""Samples on either side before figures are compared."""
SETTLE_NS = 3 * SECOND // 10
"""A fix is on within this time; what was scheduled meanwhile counts for neither side."""
BEFORE_NS = 30 * SECOND
"""How far back "before" reaches."""


class Phases:
    """When which fixes were on."""

    def __init__(self) -> None:
        self._fixes: frozenset[str] = frozenset()
        self._before: tuple[frozenset[str], int, int] | None = None
        """Fixes, from and until when, of the phase before this one."""
        self._since = 0

    def begin(self, at: int) -> None:
        """Load starts, or changes: what was measured earlier is not to be compared."""
        self._before, self._since = None, at

    def assume(self, fix: str) -> None:
        """The fix was on from the start."""
        self._fixes |= {fix}

    def switch(self, fix: str, at: int, *, on: bool) -> None:
        """A fix was toggled. Toggles in one breath (within a second) count as one change."""
        fixes = self._fixes | {fix} if on else self._fixes - {fix}
        if self._before is None or at - self._since > SECOND:
            start = max(self._since + SETTLE_NS, at - BEFORE_NS)
            self._before = (self._fixes, start, at)
        self._fixes, self._since = fixes, at

    @property
    def fixes(self) -> frozenset[str]:
        return self._fixes

    def compare(self, routes: Routes, now: int) -> Comparison | None:
        """None until something was toggled."""
        if self._before is None:
            return None
        fixes, start, end = self._before
        compared = []
        for route in routes.routes:
            before = quantiles(route.between(start, end))
            after = quantiles(route.between(self._since + SETTLE_NS, now))
            enough = min(before.count, after.count) >= NEEDED
            compared.append(RouteComparison(route.name, before, after, enough))
        return Comparison(
            tuple(sorted(fixes)),
            tuple(sorted(self._fixes)),
            self._since,
            NEEDED,
            tuple(compared),
        )
