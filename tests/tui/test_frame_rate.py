"""The frame rate falls while writes pile up, and comes back."""

from itertools import pairwise

from loopviz.clock import SECOND
from loopviz.tui.frame_rate import Pace


def painted(pace, start_ns, backlog):
    """Frames painted in a second of thirty ticks."""
    return sum(pace.due(start_ns + i * SECOND // 30, backlog) for i in range(30))


def test_pace_falls_and_recovers():
    pace = Pace()
    assert painted(pace, 0, 0) == 30
    assert pace.fps == 30
    falling = [painted(pace, second * SECOND, 10) for second in range(1, 4)]
    assert falling[-1] <= 5
    later = [painted(pace, second * SECOND, 0) for second in range(4, 18)]
    assert later[0] <= 5
    assert later[-1] == 30


def test_no_second_frame_waits_for_the_terminal():
    pace = Pace()
    assert pace.due(0, 0)
    assert not pace.due(SECOND // 30, 1)
    assert pace.due(SECOND // 15, 0)


def test_a_moment_of_delay_changes_nothing():
    pace = Pace()
    ticks = [SECOND * i // 30 for i in range(60)]
    frames = [pace.due(now, 1 if place in (20, 21) else 0) for place, now in enumerate(ticks)]
    assert sum(frames) == 58


def test_a_slow_link_is_tried_ever_more_seldom():
    """It takes seven frames a second: at fifteen, each is late."""
    pace = Pace()
    tries = []
    free_ns = 0
    for tick in range(120 * 30):
        now_ns = tick * SECOND // 30
        before = pace._step
        if pace.due(now_ns, int(now_ns < free_ns)):
            free_ns = max(free_ns, now_ns) + SECOND // 7
        if pace._step < before:
            tries.append(now_ns // SECOND)
    gaps = [b - a for a, b in pairwise(tries)]
    assert len(tries) <= 6
    assert gaps == sorted(gaps)
    assert gaps[-1] > 20
