"""Small histograms: rows of ranges, bars to scale, before behind now."""

import pytest

from loopviz.clock import MS
from loopviz.model.snapshot.types import EDGES_NS
from loopviz.model.stats.histogram import Histogram
from loopviz.testing import Story
from loopviz.tui.draw.glyphs import ASCII
from loopviz.tui.panels.histogram import compact, draw_histogram, histogram_rows
from tests.tui.rendered import RenderedView


def buckets(*values):
    histogram = Histogram()
    for value in values:
        histogram.note(value)
    return histogram.buckets()


def scene(**options):
    return RenderedView("tasks", Story().idle(MS), **options).controller.scene


def drawn(counts, width=40, height=6, **options):
    strips = draw_histogram(counts, scene(), width, height, **options)
    assert [strip.cell_length for strip in strips] == [width] * height
    return [strip.text.rstrip() for strip in strips]


def test_every_value_is_in_its_range():
    for place, edge in enumerate(EDGES_NS):
        counts = buckets(edge + edge // 20, edge + edge // 20)
        assert counts[place + 1] == 2
        assert sum(counts) == 2
    assert buckets(10)[0] == 1
    assert buckets(10**12)[-1] == 1
    assert buckets() == ()


def test_ranges_are_told_in_one_unit():
    rows = histogram_rows(buckets(500, 3_000, 600_000, 1_500_000, 3 * 10**9), 40)
    labels = [label for label, *_ in rows]
    assert (labels[0], labels[2]) == ("<1µs", "2–5µs")
    assert {"0.5–1ms", "1–2ms", "2–5s"} < set(labels)


def test_ranges_are_joined_to_decades_and_then_from_below():
    counts = buckets(*(edge + edge // 20 for edge in EDGES_NS))
    decades = histogram_rows(counts, 10)
    assert [label for label, *_ in decades] == [
        *("1–10µs", "10–100µs", "0.1–1ms", "1–10ms", "10–100ms", "0.1–1s", "1–10s", "≥10s"),
    ]
    assert [now for _, now, _ in decades] == [3] * 8
    few = histogram_rows(counts, 3)
    assert [(label, now) for label, now, _ in few] == [("1µs–1s", 18), ("1–10s", 3), ("≥10s", 3)]


@pytest.mark.parametrize("height", range(1, 12))
def test_nothing_is_lost_when_ranges_are_joined(height):
    counts = buckets(500, *(edge + 1 for edge in EDGES_NS for _ in range(3)))
    rows = histogram_rows(counts, height)
    assert len(rows) <= height
    assert sum(now for _, now, _ in rows) == sum(counts)


def test_the_longest_bar_is_full_and_one_of_many_is_still_seen():
    rows = drawn(buckets(*[1_500] * 999, 3_000))
    assert rows[0].split() == ["1–2µs", "█" * 23, "999"]
    assert rows[1].split() == ["2–5µs", "▏", "1"]
    assert rows[2] == ""


def test_before_is_drawn_behind_to_its_own_scale():
    rows = drawn(buckets(*[1_500] * 10), before=buckets(*[1_500] * 50, *[3_000] * 50))
    assert rows[0].split() == ["1–2µs", "█" * 23, "10"]
    assert rows[1].split()[1] == "░" * 12


def test_ascii():
    strips = draw_histogram(buckets(1_500, 3_000, 10**12), scene(glyphs=ASCII), 40, 9)
    assert all(strip.text.isascii() for strip in strips)
    assert strips[0].text.split() == ["1-10us", "#" * 23, "2"]


def test_without_values_it_says_so():
    assert drawn((), empty="no step yet")[0] == " no step yet"


def test_compact():
    counts = (0, 9_999, 10_000, 123_456, 5_100_000, 10**10)
    assert [compact(n) for n in counts] == ["0", "9999", "10.0k", "123k", "5.1M", "10.0G"]
