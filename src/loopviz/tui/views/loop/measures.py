"""The measures of a loop: ready delay, callbacks, iterations, lag; now and before."""

from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray
from rich.style import Style

from loopviz.clock import MS
from loopviz.model.snapshot import Distribution, LoopDistributions, LoopStats, Track
from loopviz.model.snapshot.types import EDGES_NS
from loopviz.model.stats.histogram import quantiles
from loopviz.tui.draw.text import duration
from loopviz.tui.panels.histogram import compact
from loopviz.tui.panels.lag import lateness_style
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import Column

__all__ = ["COLUMNS", "MEASURES", "Measure", "MeasureRow", "baseline_text", "measure_rows"]


Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Measure:
    """One of them. `key` is its name in `LoopStats` and in `LoopDistributions`."""

    key: str
    title: str
    what: str
    """The name of what is counted."""
    help: str

    def track(self, loop: LoopStats) -> Track:
        """The measure's values over time."""
        track: Track = getattr(loop, self.key)
        return track


MEASURES = (
    Measure(
        "ready_delay",
        "ready delay",
        "callbacks",
        "how long a callback that could run waited until it did",
    ),
    Measure("callback", "callback", "callbacks", "how long a callback, or a task's step, ran"),
    Measure(
        "iteration",
        "iteration",
        "iterations",
        "how long the loop took to run all that was ready, once",
    ),
    Measure("lag", "lag", "timers", "how late timers ran: the app's, and ours every 20 ms"),
)


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """A row of the table: a measure, now and before."""

    measure: Measure
    now: Distribution
    before: Distribution


def measure_rows(loop: LoopStats, scene: Scene) -> list[MeasureRow]:
    """Every measure."""
    earlier = _earlier(loop)
    return [
        MeasureRow(measure, _now(measure.track(loop), scene), attrgetter(measure.key)(earlier))
        for measure in MEASURES
    ]


def _now(track: Track, scene: Scene) -> Distribution:
    """Over the last seconds that the picture shows."""
    values = _recent(track, scene)
    return Distribution(quantiles=quantiles(values), buckets=_buckets(values))


def _recent(track: Track, scene: Scene) -> Ints:
    assert scene.snapshot is not None
    end_ns = scene.end_ns
    first, last = np.searchsorted(track.times_ns, (end_ns - scene.snapshot.recent_ns, end_ns))
    return track.values[first:last]


def baseline_text(loop: LoopStats, scene: Scene) -> str:
    """The name of the baseline: `with no fix on`, `with a on`, `since the start`."""
    comparison = scene.snapshot.comparison if scene.snapshot else None
    if loop.before is None or comparison is None:
        return "since the start"
    letters = [scene.letter(fix) for fix in comparison.before_fixes]
    return f"with {' '.join(letters)} on" if any(letters) else "with no fix on"


def _earlier(loop: LoopStats) -> LoopDistributions:
    return loop.whole if loop.before is None else loop.before


def _buckets(values: Ints) -> tuple[int, ...]:
    if not len(values):
        return ()
    places = np.searchsorted(EDGES_NS, values, side="right")
    return tuple(np.bincount(places, minlength=len(EDGES_NS) + 1).tolist())


def _callback_time(ns: int) -> str:
    """As `duration`, but with two digits below 0.1 ms: callbacks are short."""
    return duration(ns) if ns >= MS // 10 else f"{ns / MS:.2f}ms"


def _figure(
    title: str, period: str, figure: str, help_text: str = "", *, width: int = 6, spare: int = 0
) -> Column:
    """A column of one figure of `now` or `before`."""
    of = attrgetter(f"{period}.quantiles")

    def text(row: MeasureRow) -> str:
        return _callback_time(getattr(of(row), figure)) if of(row).count else "-"

    def style(row: MeasureRow, scene: Scene) -> Style:
        return (
            lateness_style(getattr(of(row), figure), scene.theme, scene.theme.text)
            if period == "now"
            else scene.theme.dim
        )

    return Column(title, width, text, help_text, style, spare=spare)


COLUMNS = (
    Column("measure", 11, lambda row: row.measure.title, "", left=True, wide=True),
    _figure("p50", "now", "p50_ns", "half took no longer than this, over the last seconds"),
    _figure("p90", "now", "p90_ns", "nine of ten took no longer", spare=4),
    _figure("p99", "now", "p99_ns", "99 of 100 took no longer"),
    _figure("max", "now", "max_ns", "the longest"),
    Column(
        "n",
        6,
        lambda row: compact(row.now.quantiles.count),
        "how many there were",
        lambda _, scene: scene.theme.dim,
        spare=5,
    ),
    _figure("was p50", "before", "p50_ns", "before, or since the start", width=7, spare=6),
    _figure("was p99", "before", "p99_ns", width=7, spare=2),
    _figure("was max", "before", "max_ns", width=7, spare=3),
)
"""The columns of the table; some are left out on narrow terminals."""
