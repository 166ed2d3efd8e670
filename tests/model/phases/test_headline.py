"""The headline: when it is said to have moved, and when it is too early for that."""

import numpy as np
import pytest

from loopviz.clock import MS, SECOND
from loopviz.lab.catalogue import catalogue
from loopviz.model.phases.confidence import intervals
from loopviz.model.phases.headline import Reading, compare_readings
from loopviz.model.phases.metric import Metric
from loopviz.model.stats.histogram import quantiles

P99, LOST = Metric("p99_ms", "GET /a"), Metric("counter", "lost")


def latencies(count, usual_ms, worst_ms=0, every=20):
    """So many requests, each `every`th of which takes `worst_ms`."""
    values = np.arange(count) * 1_000 + usual_ms * MS
    if worst_ms:
        values[::every] += (worst_ms - usual_ms) * MS
    found = quantiles(values)
    return Reading(
        value=found.p99_ns,
        count=count,
        lasted_ns=5 * SECOND,
        intervals=intervals(values),
        quantiles=(found.p50_ns, found.p90_ns, found.p99_ns),
    )


def counted(count, seconds):
    return Reading(value=count / seconds, count=count, lasted_ns=seconds * SECOND)


def moved(metric, before, after):
    found = compare_readings(metric, "x", before, after, None)
    return found.moved, found.progress


def test_a_quantile_that_certainly_moved():
    assert moved(P99, latencies(400, 50), latencies(400, 5))[0] == -1
    assert moved(P99, latencies(400, 5), latencies(400, 50))[0] == 1
    assert moved(P99, latencies(400, 5), latencies(400, 5))[0] == 0


def test_a_lower_quantile_decides_early_if_it_has_moved_by_far():
    assert moved(P99, latencies(400, 50), latencies(40, 5)) == (-1, "40 of 368 samples")
    assert moved(P99, latencies(400, 50), latencies(40, 40))[0] is None
    assert moved(P99, latencies(400, 50), latencies(20, 5))[0] is None, "30 are needed"


def test_more_samples_than_there_were_before_are_not_waited_for():
    """The p90 decides if of the p99 too few samples are from before: more do not come."""
    assert moved(P99, latencies(100, 5), latencies(34, 5)) == (None, "34 of 36 samples")
    assert moved(P99, latencies(100, 5), latencies(36, 5)) == (0, "36 of 36 samples")


def test_counts_differ_by_two_standard_deviations():
    assert moved(LOST, counted(90, 10), counted(0, 4))[0] == -1
    assert moved(LOST, counted(90, 10), counted(32, 4))[0] == 0
    assert moved(LOST, counted(0, 10), counted(30, 4))[0] == 1


def test_what_seldom_grew_must_have_had_time_to():
    assert moved(LOST, counted(10, 10), counted(0, 2)) == (None, "2 of 3 s")
    assert moved(LOST, counted(10, 10), counted(0, 4))[0] == -1


def test_without_a_value_it_is_too_early():
    assert moved(P99, latencies(99, 5), Reading(lasted_ns=SECOND))[0] is None


@pytest.mark.parametrize(("after", "cured"), [(20, True), (31, False)])
def test_a_level_is_cured_at_three_fifths(after, cured):
    metric = Metric("in_use", "asyncio.Queue")
    before = Reading(value=50.0, lasted_ns=9 * SECOND)
    found = compare_readings(metric, "x", before, Reading(value=after, lasted_ns=9 * SECOND), None)
    assert (found.moved, found.cured) == (-1, cured)
    assert found.words == f"x 50 → {after}"


def test_cured_is_against_what_it_is_without_a_fix():
    """From one cure to the next it does not move."""
    before, after, without = (latencies(400, ms) for ms in (5, 5, 50))
    found = compare_readings(P99, "x", before, after, without)
    assert (found.moved, found.cured) == (0, True)


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("p99_ms GET /ping", Metric("p99_ms", "GET /ping")),
        ("utilization", Metric("utilization")),
        ("utilization GET /ping", None),
        ("counter", None),
        ("findings slow-callback", None),
        ("", None),
    ],
)
def test_metrics(text, metric):
    assert Metric.of(text) == metric


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("p99_ms GET /ping", "p99 GET /ping"),
        ("waiting_max asyncio.Lock", "waiting asyncio.Lock"),
        ("in_use asyncio.Queue", "queue length"),
        ("in_use_max anyio.Semaphore", "in use anyio.Semaphore"),
        ("utilization", "utilization"),
    ],
)
def test_titles(text, title):
    assert Metric.of(text).title == title


@pytest.mark.parametrize("info", catalogue(), ids=lambda info: info.id)
def test_each_lesson_has_a_headline_that_it_can_measure(info):
    metric = Metric.of(info.headline)
    assert metric is not None
    if metric.name == "counter":
        assert metric.subject in [counter.key for counter in info.counters]
    elif metric.figure in ("p50", "p90", "p99", "errors"):
        assert metric.subject in [load.name for load in info.load]
