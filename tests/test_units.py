"""Durations as they are shown."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.units import duration, duration_text, size_text, took


@pytest.mark.parametrize(
    ("ns", "cell", "cell_of_short", "sentence"),
    [
        (0, "0.0ms", "0", "0 ms"),
        (MS // 20 - 1, "0.0ms", "<0.1ms", "0 ms"),
        (MS // 10, "0.1ms", "0.1ms", "0 ms"),
        (9_940_000, "9.9ms", "9.9ms", "10 ms"),
        (9_960_000, "10ms", "10ms", "10 ms"),
        (999 * MS, "999ms", "999ms", "999 ms"),
        (SECOND, "1.0s", "1.0s", "1.0 s"),
        (200 * SECOND, "200s", "200s", "200.0 s"),
    ],
)
def test_each_place_has_its_form(ns, cell, cell_of_short, sentence):
    assert (duration(ns), took(ns), duration_text(ns)) == (cell, cell_of_short, sentence)


def test_a_space_between_figure_and_unit():
    assert duration(212 * MS, " ") == "212 ms"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (60_000, "60 kB"), (12e6, "12 MB")],
)
def test_a_size_in_a_sentence(size, text):
    assert size_text(size) == text
