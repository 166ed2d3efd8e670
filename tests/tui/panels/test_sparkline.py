"""Sparklines, and which numbers they show beside counters and queues."""

from dataclasses import replace

import numpy as np
import pytest

from loopviz.clock import SECOND
from loopviz.model.snapshot import CounterValue, Track
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.draw.sparkline import sparkline
from tests.tui.fake_run import T0
from tests.tui.panels.test_gauges import COUNTED, Gauges, resource


@pytest.mark.parametrize(
    ("values", "most", "bars"),
    [
        ([], 0, ""),
        ([0, 0, 0], 0, "▁▁▁"),
        ([0, 1, 7], 0, "▁▂█"),
        ([0, 1, 1000], 0, "▁▂█"),
        ([5, 5, 5], 0, "███"),
        ([5, 5, 5], 10, "▅▅▅"),
        ([-3, 0, 4], 0, "▁▁█"),
    ],
)
def test_a_sparkline(values, most, bars):
    assert sparkline(values, BLOCKS, most) == bars


def test_it_is_drawn_in_ascii():
    assert sparkline([0, 4, 8], ASCII) == ".+@"


def counted(key, history, *, bad=False):
    value = history[-1]
    return CounterValue(key=key, title=key, bad=bad, value=value, recent=0, history=tuple(history))


def test_counters_show_their_growth_on_one_scale():
    every = (counted("in", range(0, 168, 8)), counted("out", range(0, 84, 4)))
    (row,) = Gauges(scenario=COUNTED)(counters=every)
    assert row == f" in 160 {'█' * 20}    out 80 {'▅' * 20}"


def test_one_that_falls_shows_how_high_it_was():
    every = (counted("open", [0] * 18 + [4, 8, 0]),)
    (row,) = Gauges(scenario=COUNTED)(counters=every)
    assert row == f" open 0 {'▁' * 17}▅█▁"


def test_where_there_is_no_room_the_numbers_stay():
    every = tuple(counted(f"a_long_name_{i}", range(21)) for i in range(3))
    (row,) = Gauges(scenario=COUNTED)(counters=every, width=60)
    assert row.split() == ["a_long_name_0", "20", "a_long_name_1", "20", "a_long_name_2", "20"]


def test_a_queue_without_a_limit_shows_how_long_it_was():
    queue = resource("jobs", 40, 0, kind="asyncio.Queue")
    times = np.array([T0 + s * SECOND for s in range(1, 11)])
    track = Track(times_ns=times, values=np.arange(4, 44, 4))
    (row,) = Gauges()(replace(queue, in_use_track=track), at=10.2)
    assert row == " jobs ▁▂▂▃▃▄▄▄▄▅▅▆▆▆▆▇▇███ 40 items, no limit"
    assert Gauges()(replace(queue, in_use_track=track), at=30)[0].count("█") == 20
    quiet = replace(track, values=track.values * 0)
    assert Gauges()(replace(queue, in_use_track=quiet)) == [" jobs 40 items, no limit"]
