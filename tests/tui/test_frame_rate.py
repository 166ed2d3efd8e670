"""The frame rate falls while writes pile up, and comes back."""

from dataclasses import replace
from itertools import pairwise

from loopviz.clock import MS, SECOND
from loopviz.tui.frame_rate import FrameRate
from tests.tui.stage import drive


def drawn(pace, start_ns, backlog):
    """Frames drawn in a second of thirty ticks."""
    return sum(draws(pace, start_ns + i * SECOND // 30, backlog) for i in range(30))


def draws(pace, now_ns, backlog):
    """Whether a frame is drawn then."""
    due = pace.due(now_ns, backlog)
    if due:
        pace.drawn(now_ns)
    return due


def test_pace_falls_and_recovers():
    pace = FrameRate()
    assert drawn(pace, 0, 0) == 30
    assert pace.fps == 30
    falling = [drawn(pace, second * SECOND, 10) for second in range(1, 4)]
    assert falling[-1] <= 5
    later = [drawn(pace, second * SECOND, 0) for second in range(4, 18)]
    assert later[0] <= 5
    assert later[-1] == 30


def test_no_second_frame_waits_for_the_terminal():
    pace = FrameRate()
    assert draws(pace, 0, 0)
    assert not draws(pace, SECOND // 30, 1)
    assert draws(pace, SECOND // 15, 0)


def test_a_moment_of_delay_changes_nothing():
    pace = FrameRate()
    ticks = [SECOND * i // 30 for i in range(60)]
    frames = [draws(pace, now, 1 if place in (20, 21) else 0) for place, now in enumerate(ticks)]
    assert sum(frames) == 58


def test_a_slow_link_is_tried_ever_more_seldom():
    """It takes seven frames a second: at eight, each is late."""
    pace = FrameRate()
    tries = []
    free_ns = 0
    for tick in range(120 * 30):
        now_ns = tick * SECOND // 30
        before = pace._step
        if draws(pace, now_ns, int(now_ns < free_ns)):
            free_ns = max(free_ns, now_ns) + SECOND // 7
        if pace._step < before:
            tries.append(now_ns // SECOND)
    gaps = [b - a for a, b in pairwise(tries)]
    assert len(tries) <= 6
    assert gaps == sorted(gaps)
    assert gaps[-1] > 20


def test_a_timeline_that_moves_fast_is_drawn_no_more_often_than_asked_for():
    drawn = []

    async def play(stage):
        stage.app.controller.view_state = replace(stage.app.controller.view_state, cell_ns=10 * MS)
        await stage.play()
        main, show = stage.app._main, stage.app._main.show
        main._frame_ns = SECOND * 9 // 150
        main.show = lambda *args, **options: (drawn.append(stage.now), show(*args, **options))
        for _ in range(60):
            stage.now += SECOND // 60
            stage.app.tick()

    drive(play)
    gaps = [b - a for a, b in pairwise(drawn)]
    assert len(drawn) == 15
    assert max(gaps) - min(gaps) <= 1
