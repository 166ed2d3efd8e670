"""The loop's own times, histograms and series."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.stats.histogram import Histogram, quantiles
from loopviz.model.stats.series import Series
from loopviz.testing import Story

T0 = 1024 * SECOND


def fed(story, **options):
    model = Model(**options)
    story.feed(model)
    return model


def busy_between(model, start, end, now):
    """As the screen does it: interpolate the cumulative curve."""
    track = model.snapshot(now, now - start).loop.busy
    at = np.interp([start, end], track.times_ns, track.values)
    return at[1] - at[0]


def test_busy_idle_and_counts():
    story = Story().idle(10 * MS).callback("f", 2 * MS).step(1, 3 * MS).idle(5 * MS)
    model = fed(story.step(1, 4 * MS).polls().stops())
    loop = model.loop
    assert (loop.busy_ns, loop.idle_ns) == (9 * MS, 15 * MS)
    assert (loop.callbacks, loop.iterations) == (3, 3)
    assert loop.utilization == 9 / 24
    assert (loop.callback_all.max_ns, loop.callback_all.quantiles().count) == (4 * MS, 3)


def test_nothing_is_known_before_anything_has_come():
    model = Model()
    assert model.loop.utilization is None
    assert not model.seen
    snapshot = model.snapshot(T0, SECOND)
    assert snapshot.loop.running is None
    assert snapshot.requests == snapshot.findings == snapshot.marks == ()
    assert snapshot.comparison is None
    assert snapshot.health.events == 0


@pytest.mark.parametrize("portion", [1, 2, 3, 1000])
def test_batches_make_no_difference(portion):
    story = Story()
    for i in range(50):
        story.idle(i * MS).callback("f", i * 1000, waited=i, late=i * 10).step(1, 5000, waited=7)
    events, strings = story.batch()
    model = Model()
    for start in range(0, len(events), portion):
        model.feed(events[start : start + portion], strings)
    loop = model.loop
    assert loop.idle_ns == sum(range(50)) * MS
    assert loop.busy_ns == sum(range(50)) * 1000 + 49 * 5000
    assert loop.lag_all.quantiles().max_ns == 490
    assert loop.ready_delay_all.quantiles().count == 100
    assert model.health().events == len(events)


def test_the_busy_curve_is_exact_at_every_moment():
    story = Story()
    truth = []
    for i in range(1, 20):
        story.idle(i * MS)
        truth.append((story.now_ns, story.now_ns + i * MS // 3))
        story.callback("f", i * MS // 3)
    story.idle(0)
    model = fed(story)
    for start, end in truth:
        assert busy_between(model, start, end, story.now_ns) == end - start
        half = (start + end) // 2
        assert busy_between(model, half, end, story.now_ns) == end - half
    for (_, end), (start, _) in pairwise(truth):
        assert busy_between(model, end, start, story.now_ns) == 0


def test_the_open_callback_counts_up_to_now():
    story = Story().idle(100 * MS).callback("f")
    model = fed(story)
    now = story.now_ns + 50 * MS
    assert busy_between(model, T0, now, now) == 50 * MS
    assert model.snapshot(now, SECOND).loop.utilization_recent == pytest.approx(50 / 150)
    running = model.snapshot(now, SECOND).loop.running
    assert (running.since_ns, running.label, running.request) == (story.now_ns, "f", 0)


def test_idle_means_that_nothing_runs():
    model = fed(Story().callback("f", MS).idle(MS))
    assert model.snapshot(T0 + 2 * MS, SECOND).loop.running is None


def test_the_time_that_select_itself_takes_is_no_callback_s():
    """A poll that returns late, for want of the GIL, says when it was called: not `f`'s fault."""
    story = Story().idle(MS).callback("f", MS)
    called = story.now_ns
    story.runs(50 * MS).polls(called).callback("g", MS).idle(MS)
    model = fed(story)
    assert model.loop.callback_all.max_ns == MS
    assert model.findings() == ()


def test_lag_and_ready_delay_in_the_recent_window():
    story = Story()
    story.callback("old", MS, waited=90 * MS, late=90 * MS).idle(10 * SECOND)
    for ms in range(1, 101):
        story.callback("f", 0, waited=ms * MS, late=ms * 1000)
    story.idle(MS)
    loop = fed(story).snapshot(story.now_ns, SECOND).loop
    assert (loop.lag_recent.count, loop.lag_recent.p50_ns, loop.lag_recent.max_ns) == (
        100,
        50_000,
        100_000,
    )
    assert (loop.ready_delay_recent.p90_ns, loop.ready_delay_recent.p99_ns) == (90 * MS, 99 * MS)


def test_begin_counts_anew():
    story = Story().callback("f", 30 * MS, late=7 * MS).idle(70 * MS)
    model = fed(story)
    story.mark("scenario:block").feed(model)
    loop = model.loop
    assert (loop.callbacks, loop.iterations, loop.utilization) == (0, 0, None)
    assert loop.lag_all.quantiles().count == loop.callback_all.quantiles().count == 0
    assert model.findings() == ()
    story.callback("f", 10 * MS).idle(30 * MS)
    story.feed(model)
    assert (loop.callbacks, loop.iterations) == (1, 1)
    assert loop.utilization == 0.25


def test_a_loss_is_a_number_and_a_mark_and_nothing_is_made_up_for_it():
    story = Story().idle(10 * MS).callback("f", 10 * MS)
    story.callback("g")
    model = fed(story)
    story.runs(5 * SECOND)
    model.lost(1234, story.now_ns)
    story.callback("h", 10 * MS).idle(10 * MS).feed(model)
    assert (model.loop.busy_ns, model.loop.idle_ns) == (20 * MS, 20 * MS)
    assert model.findings() == ()
    snapshot = model.snapshot(story.now_ns, 10 * SECOND)
    assert snapshot.health.dropped_events == 1234
    assert [(m.kind, m.at_ns, m.text) for m in snapshot.marks] == [
        ("gap", story.now_ns - 20 * MS, "1234 events lost")
    ]


def test_what_was_known_before_a_loss_stays_where_it_was():
    """The busy curve stands still in the gap; it is not smeared over it."""
    story = Story().idle(10 * MS).callback("f", 10 * MS).callback("g")
    known = story.now_ns
    model = fed(story)
    story.runs(5 * SECOND)
    model.lost(1, story.now_ns)
    story.callback("h", 10 * MS).idle(10 * MS).feed(model)
    assert busy_between(model, known - 10 * MS, known, story.now_ns) == 10 * MS
    assert busy_between(model, known, known + 5 * SECOND, story.now_ns) == 0


def test_a_loop_that_never_idles():
    """For minutes: utilization stays 1, and memory stays bounded."""
    model = Model()
    story = Story().idle(SECOND)
    for _ in range(300):
        for _ in range(10):
            for _ in range(10):
                story.callback("f", 10 * MS, waited=MS)
            story.polls()
        story.feed(model)
    snapshot = model.snapshot(story.now_ns, 10 * SECOND)
    assert snapshot.loop.utilization_recent == pytest.approx(1)
    assert busy_between(model, story.now_ns - SECOND, story.now_ns, story.now_ns) == SECOND
    assert len(model.loop.ready_delay) < 20_000  # of 30,000


# Histogram


values = st.lists(st.integers(0, 10**13), min_size=1, max_size=300)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(values=values)
def test_the_histogram_is_within_a_bin_of_the_truth(values):
    array = np.array(values, np.int64)
    histogram = Histogram()
    for part in np.array_split(array, 3):
        histogram.add(part)
    seen, exact = histogram.quantiles(), quantiles(array)
    assert (seen.count, seen.max_ns) == (exact.count, exact.max_ns) == (len(values), max(values))
    for name in ("p50_ns", "p90_ns", "p99_ns"):
        truth = getattr(exact, name)
        assert abs(getattr(seen, name) - truth) <= truth / 32
        assert getattr(seen, name) <= seen.max_ns


@settings(max_examples=200, deadline=None, derandomize=True)
@given(values=values)
def test_exact_quantiles_are_the_smallest_value_that_so_many_are_not_above(values):
    seen = quantiles(np.array(values, np.int64))
    for share, value in ((50, seen.p50_ns), (90, seen.p90_ns), (99, seen.p99_ns)):
        not_above = sum(v <= value for v in values)
        assert not_above * 100 >= share * len(values)
        assert value in values
        below = sum(v < value for v in values)
        assert below * 100 < share * len(values)


def test_small_and_odd_values():
    histogram = Histogram()
    assert histogram.quantiles().count == 0
    histogram.add(np.array([], np.int64))
    histogram.add(np.array([-5, 0, 31, 63], np.int64))
    seen = histogram.quantiles()
    assert (seen.count, seen.p50_ns, seen.p90_ns, seen.max_ns) == (4, 0, 63, 63)
    histogram.add(np.array([2**60], np.int64))
    assert histogram.quantiles().max_ns == 2**60
    assert quantiles(np.array([], np.int64)).count == 0


def test_a_hundredth_part():
    """p99 of a thousand: ten are above it, at most."""
    array = np.arange(1, 1001)
    assert (quantiles(array).p50_ns, quantiles(array).p90_ns, quantiles(array).p99_ns) == (
        500,
        900,
        990,
    )


# Series


def test_a_series_grows_and_forgets_and_old_views_stay_valid():
    series = Series(size=4)
    series.extend(np.arange(10), np.arange(10) * 2)
    times, values = series.times, series.values
    for start in range(10, 50_000, 1000):
        series.extend(np.arange(start, start + 1000), np.arange(start, start + 1000) * 2)
        series.forget_before(start - 2000)
    assert times.tolist() == list(range(10))
    assert values.tolist() == list(range(0, 20, 2))
    newest = int(series.times[-1])
    assert (series.values == series.times * 2).all()
    assert (np.diff(series.times) == 1).all()
    assert series.since(newest - 1).tolist() == [2 * newest - 2, 2 * newest]
    assert len(series) <= 3001
    assert len(series._times) <= 16_384


def test_a_series_of_nothing():
    series = Series()
    series.forget_before(5)
    assert len(series) == 0
    assert series.since(0).tolist() == []
    series.extend(np.array([], np.int64), np.array([], np.int64))
    series.extend(np.array([5]), np.array([7]))
    assert (series.times.tolist(), series.since(5).tolist(), series.since(6).tolist()) == (
        [5],
        [7],
        [],
    )
