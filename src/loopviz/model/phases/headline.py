"""The headline: the one figure that a scenario is about, and whether a change has moved it."""

from dataclasses import dataclass
from math import sqrt

from loopviz.clock import MS, SECOND
from loopviz.model.phases.confidence import SHARES, Interval, differ, samples_for
from loopviz.model.phases.metric import Metric
from loopviz.units import duration

__all__ = ["NEEDED", "HeadlineComparison", "Reading", "compare_readings"]

NEEDED = 30
"""Samples that each phase needs before the two are compared."""
CURED_AT = 0.6
"""A figure is cured at this share of what it is without a fix."""
_MUCH, _LITTLE = 0.5, 0.2
"""Relative changes. A lower quantile that has moved by `_MUCH` decides before the headline's own
has enough samples; a figure without a confidence interval has moved from `_LITTLE` on."""
_FEW = 3
"""How many times something has to be expected before its absence says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The headline in one phase."""

    value: float | None = None
    """None: there was nothing to measure."""
    count: int = 0
    """Samples; of a counter, by how much it grew."""
    lasted_ns: int = 0
    intervals: tuple[Interval, ...] = ()
    """Of the quantiles in `SHARES`, if it is one of them."""
    quantiles: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineComparison:
    """The headline in both phases."""

    metric: Metric
    title: str
    """`p99 GET /ping`, `lost votes`."""
    before: float | None
    after: float | None
    without: float | None
    """What it was when no fix was on; None: that was not measured."""
    moved: int | None
    """-1: it has become better, 1: worse, 0: neither; None: it is too early to say."""
    cured: bool
    """Whether it is far better than without a fix."""
    progress: str
    """How far the measurement is: `81 of 368 samples`, `2 of 5 s`."""
    few_before: bool = False
    """There were too few samples before the change: no time will make it comparable."""

    @property
    def by(self) -> float:
        """By which share of the larger one the two differ."""
        before, after = self.before or 0.0, self.after or 0.0
        return abs(after - before) / (max(before, after) or 1.0)

    @property
    def words(self) -> str:
        """`p99 GET /ping 61 ms → 4.1 ms`."""
        was, now = (self._shown(value) for value in (self.before, self.after))
        return f"{self.title} {was} → {now}"

    def _shown(self, value: float | None) -> str:
        if value is None:
            return "–"
        match self.metric.unit:
            case "duration":
                return duration(int(value), " ")
            case "share":
                return f"{value:.0%}".replace("%", " %")
            case "rate":
                return f"{value:.1f}/s"
        return f"{value:,.0f}"


def compare_readings(
    metric: Metric, title: str, before: Reading, after: Reading, without: Reading | None
) -> HeadlineComparison:
    """What has become of the headline since `before`, and against `without` a fix."""
    moved = _moved(metric, before, after)
    reference = without or before
    cured = moved is not None and _moved(metric, reference, after) == -1
    if cured and metric.unit != "rate" and after.value is not None and reference.value:
        cured = after.value <= CURED_AT * reference.value
    return HeadlineComparison(
        metric=metric,
        title=title,
        before=before.value,
        after=after.value,
        without=without.value if without is not None else None,
        moved=moved,
        cured=cured,
        progress=_progress(metric, before, after),
        few_before=_has_few(metric, before),
    )


def _has_few(metric: Metric, before: Reading) -> bool:
    return before.count < NEEDED and (_place(metric) is not None or metric.name == "errors")


def _progress(metric: Metric, before: Reading, after: Reading) -> str:
    place = _place(metric)
    if _has_few(metric, before):
        return f"only {before.count} of {NEEDED} samples before"
    if place is not None:
        needed = max(NEEDED, samples_for(SHARES[_decisive(place, before)]))
        return f"{min(after.count, needed)} of {needed} samples"
    if metric.name == "errors":
        return f"{min(after.count, NEEDED)} of {NEEDED} samples"
    needed_s = -(-_long_enough_ns(metric, before) // SECOND)
    return f"{min(after.lasted_ns // SECOND, needed_s)} of {needed_s} s"


def _place(metric: Metric) -> int | None:
    """Which of the compared quantiles it is; the maximum is judged by the highest of them."""
    figures = {"p50_ms": 0, "p90_ms": 1, "p99_ms": 2, "max_ms": 2}
    return figures.get(metric.name)


def _decisive(place: int, before: Reading) -> int:
    """The highest quantile up to that one of which there are enough samples from before."""
    return max(at for at in range(place + 1) if at == 0 or before.count >= samples_for(SHARES[at]))


def _long_enough_ns(metric: Metric, before: Reading) -> int:
    """How long the phase must have lasted: a counter that seldom grew must have had time to."""
    if metric.unit == "rate" and before.value:
        return int(min(max(2 * SECOND, _FEW * SECOND / before.value), 15 * SECOND))
    return 2 * SECOND


def _moved(metric: Metric, before: Reading, after: Reading) -> int | None:
    if before.value is None or after.value is None:
        return None
    if (place := _place(metric)) is not None:
        return _moved_quantile(place, before, after)
    if metric.unit == "rate":
        if after.lasted_ns < _long_enough_ns(metric, before):
            return None
        return _moved_rate(before, after)
    if metric.name == "errors":
        if min(before.count, after.count) < NEEDED:
            return None
        return _moved_share(before, after)
    if after.lasted_ns < 2 * SECOND:
        return None
    small = {"level": 2.0, "share": 0.05, "duration": 2.0 * MS}[metric.unit]
    if abs(after.value - before.value) < max(small, _LITTLE * before.value):
        return 0
    return _sign(after.value - before.value)


def _moved_quantile(place: int, before: Reading, after: Reading) -> int | None:
    """By the highest quantile that has certainly moved; a lower one must have moved by far."""
    if min(before.count, after.count) < NEEDED:
        return None
    assert before.value is not None
    assert after.value is not None
    for at in range(place, -1, -1):
        if not differ(before.intervals[at], after.intervals[at]):
            continue
        was, now = before.quantiles[at], after.quantiles[at]
        by = abs(now - was) / max(was, now, 1)
        same_way = _sign(now - was) == _sign(after.value - before.value)
        if at == place and by >= 0.05:
            return _sign(now - was)
        if at < place and by >= _MUCH and same_way:
            return _sign(now - was)
    return 0 if after.count >= samples_for(SHARES[_decisive(place, before)]) else None


def _moved_rate(before: Reading, after: Reading) -> int:
    """Two counts differ if they are two standard deviations apart, as Poisson counts are."""
    was, now = before.value or 0.0, after.value or 0.0
    spread = 0.0
    for one in (before, after):
        seconds = max(one.lasted_ns, 1) / SECOND
        spread += max(one.count, 1) / seconds**2
    return _sign(now - was) if abs(now - was) > 2 * sqrt(spread) else 0


def _moved_share(before: Reading, after: Reading) -> int:
    """Two shares differ if they are two standard deviations apart."""
    was, now = before.value or 0.0, after.value or 0.0
    spread = sum(
        (one.value or 0.0) * (1 - (one.value or 0.0)) / one.count + 1 / (4 * one.count**2)
        for one in (before, after)
    )
    return _sign(now - was) if abs(now - was) > 2 * sqrt(spread) else 0


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
