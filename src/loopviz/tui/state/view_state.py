"""The view state, what the person has chosen to see: a frozen value that commands replace."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

__all__ = ["FIX_LETTERS", "LESSON", "LIVE", "TASKS", "THEMES", "VIEWS", "Key", "ViewState"]

FIX_LETTERS = "abcdef"
"""The default keys of fixes, by their place in the scenario."""

THEMES = ("dark", "light", "contrast")
"""The themes that can be chosen on a terminal with 256 colours or more."""

LIVE, TASKS, LESSON = "live", "tasks", "lesson"

VIEWS: tuple[tuple[str, str], ...] = (
    (LIVE, "Live"),
    (TASKS, "Tasks"),
    ("resources", "Resources"),
    ("loop", "Loop"),
    ("diagnose", "Diagnose"),
    ("compare", "Compare"),
    ("log", "Log"),
)
"""Name and word of each; the keys 1, 2, … are their places. The lesson has a key of its own."""

Key = Hashable
"""The identity of a row: it stays the same while the row moves."""


@dataclass(frozen=True, slots=True)
class ViewState:
    """The view, the moment, the row, and how rows are filtered and sorted.

    Times are moments of the run's clock in nanoseconds. `chosen`, `filters` and `orders` are by
    view, so that each is found again as it was left.
    """

    view: str = LIVE
    """One of `VIEWS`, or `lesson`."""
    end_ns: int = 0
    """The last moment that is shown; 0: now."""
    cell_ns: int = 0
    """The duration of a column of the time axis; 0: the scenario's, or the plan's."""
    speed: float = 0.0
    """The speed of the replay, in which `end_ns` moves; 0: there is none."""
    paused: bool = False
    """The replay stands still."""
    until_ns: int = 0
    """The end of the replay."""
    time_range: tuple[int, int] | None = None
    """The selected range of time."""
    chosen: Mapping[str, Key] = field(default_factory=dict)
    """The row with the cursor, as its view names it."""
    slice_ns: int = 0
    """Start of the selected slice of the chosen request; 0: none is."""
    detail: bool = False
    """The chosen row is opened."""
    filters: Mapping[str, str] = field(default_factory=dict)
    typing: bool = False
    """The filter of this view is being typed."""
    orders: Mapping[str, int] = field(default_factory=dict)
    """The place of each view's order in `View.ORDERS`."""
    tree: bool = False
    """The tasks are shown as the tree of who waits for whom."""
    loop: int = 0
    """The number of the loop that is shown alone; 0: all are."""
    pins: frozenset[Key] = frozenset()
    """Rows that stay on top; a key belongs to one view only."""

    @property
    def frozen(self) -> bool:
        """True if a moment of the past is shown. Recording continues."""
        return self.end_ns != 0

    @property
    def playing(self) -> bool:
        """True if the moment that is shown moves on by itself."""
        return bool(self.speed) and self.frozen and not self.paused

    @property
    def row(self) -> Key | None:
        """The chosen row of this view."""
        return self.chosen.get(self.view)

    @property
    def filter(self) -> str:
        """The filter of the view, in small letters; empty: all is shown."""
        return self.filters.get(self.view, "").lower()

    @property
    def order(self) -> int:
        return self.orders.get(self.view, 0)

    def choose(self, key: Key | None) -> "ViewState":
        """The cursor of this view goes to that row, or away."""
        chosen = {view: row for view, row in self.chosen.items() if view != self.view}
        if key is not None:
            chosen[self.view] = key
        return replace(self, chosen=chosen, slice_ns=0, detail=self.detail and key is not None)

    def of_loop(self, number: int) -> "ViewState":
        """That loop is shown alone; 0: all are. Rows are named by each loop's own numbers."""
        return replace(self, loop=number, chosen={}, pins=frozenset(), detail=False, slice_ns=0)

    def filtered(self, text: str) -> "ViewState":
        """The view shows only what has the text in it."""
        return replace(self, filters={**self.filters, self.view: text})

    def live(self) -> "ViewState":
        """Back to what happens now."""
        return replace(
            self, end_ns=0, speed=0.0, paused=False, until_ns=0, time_range=None, slice_ns=0
        )

    def for_new_run(self) -> "ViewState":
        """The state for another run: the same view and orders, tree or table, nothing else."""
        return ViewState(self.view, orders=self.orders, tree=self.tree)
