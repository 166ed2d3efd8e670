"""Time travel: each key moves the window as it says, and no further than there is something."""

from dataclasses import replace
from itertools import pairwise

import pytest

from loopviz.clock import MS, SECOND
from loopviz.tui.draw.time_columns import ZOOMS_NS, Columns
from loopviz.tui.panels.axis import axis_time
from loopviz.tui.state.view_state import LIVE
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive


def block(seconds=6.7):
    """The block scenario, as the real model tells it."""
    stage = Stage(FakeRun("block"))
    stage.now += int((seconds - 6.7) * SECOND)
    return stage


def travel(play, size=(80, 24), stage=None):
    return drive(play, size, stage or block())


def visible_range(stage):
    columns = stage.app.controller.columns
    return columns.start_ns, columns.end_ns


@pytest.mark.parametrize("cell_ns", ZOOMS_NS)
@pytest.mark.parametrize("anchor", [0, 1000 * SECOND + 123 * MS])
def test_ticks_have_room_for_their_names(cell_ns, anchor):
    columns = Columns(cell_ns, 120, (anchor or 1000 * SECOND) - 7 * cell_ns)
    ticks = columns.ticks(anchor)
    assert len(ticks) >= 2
    assert all(0 <= at < 120 for at, _ in ticks)
    names = [(at, axis_time(before, columns.step_ns)) for at, before in ticks]
    for (later, _), (at, name) in pairwise(names):
        assert at + 1 + len(name) <= later


def test_names_of_times_are_as_exact_as_their_steps():
    assert axis_time(250 * MS, 50 * MS) == "-250ms"
    assert axis_time(12_400 * MS, 200 * MS) == "-12.4s"
    assert axis_time(1_250 * MS, 50 * MS) == "-1.25s"
    assert axis_time(4 * SECOND, SECOND) == "-4s"
    assert axis_time(150 * SECOND, 10 * SECOND) == "-2:30"
    assert axis_time(20 * 60 * SECOND, 600 * SECOND) == "-20min"
    assert axis_time(-2 * SECOND, SECOND) == "+2s"


def test_a_lesson_begins_at_its_own_zoom():
    stage = block()
    stage.run.scenario = replace(stage.run.scenario, zoom_ms=20)

    async def play(stage: Stage) -> None:
        assert "20 ms/column" in stage.text()
        await stage.press("4")
        assert stage.app.controller.columns.cell_ns == 20 * MS
        await stage.press("1", "-")
        assert "50 ms/column" in stage.text()
        await stage.press("+", "+")
        assert "10 ms/column" in stage.text()
        await stage.press("0")
        await stage.play(0.1)
        assert "20 ms/column" in stage.text()

    travel(play, stage=stage)


def test_zooming_goes_through_every_step_and_says_where_it_ends():
    async def play(stage: Stage) -> None:
        await stage.press("space", *["+"] * 20)
        assert stage.app.controller.view_state.cell_ns == MS
        assert "1 ms/column" in stage.text()
        assert "closest" in stage.text()
        seen = []
        for _ in ZOOMS_NS:
            seen.append(stage.app.controller.view_state.cell_ns)
            await stage.press("-")
        assert seen == list(ZOOMS_NS)
        assert "60 s/column is the furthest" in stage.text()
        await stage.press("0")
        assert stage.app.controller.view_state.cell_ns == 0
        assert "LIVE" in stage.lines()[0]

    travel(play)


def test_zooming_keeps_the_chosen_slice_in_its_column():
    async def play(stage: Stage) -> None:
        await stage.press("N")
        controller = stage.app.controller
        start = controller.view_state.slice_ns
        for key in "++++--++":
            before = controller.columns.at(start)
            await stage.press(key)
            assert abs(controller.columns.at(start) - before) <= 3

    travel(play)


def test_scrolling_goes_by_quarters_and_columns_and_ends_live():
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        await stage.press("h")
        cell, count = controller.columns.cell_ns, controller.columns.count
        first = visible_range(stage)[1]
        assert stage.now - first == count // 4 * cell
        await stage.press("H", "shift+left")
        assert first - visible_range(stage)[1] == 2 * cell
        await stage.press("L", "shift+right")
        assert visible_range(stage)[1] == first
        assert "FROZEN" in stage.lines()[0]
        await stage.press("l")
        assert "LIVE" in stage.lines()[0]
        assert "nothing is newer" in stage.text()

    travel(play)


def test_scrolling_stops_where_the_detail_ends_and_says_so():
    async def play(stage: Stage) -> None:
        await stage.press(*"hhhhhhhhhhhh")
        start, end = visible_range(stage)
        oldest = stage.app.controller.frozen.oldest_ns
        assert oldest > 0
        assert (
            end
            == oldest + stage.app.controller.columns.cell_ns * stage.app.controller.columns.count
        )
        assert "No more is kept than the last" in stage.text()
        await stage.press("h")
        assert visible_range(stage) == (start, end)

    travel(play)


def test_recording_goes_on_while_frozen():
    async def play(stage: Stage) -> None:
        await stage.press("h")
        end = visible_range(stage)[1]
        await stage.play(12)
        assert visible_range(stage)[1] == end
        assert "+13 s behind" in stage.lines()[0]
        await stage.press("0")
        assert visible_range(stage)[1] == stage.now

    travel(play)


def test_incidents_are_centred_one_by_one_and_their_request_is_chosen():
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        await stage.press("N")
        starts = []
        for _ in range(4):
            start = controller.view_state.slice_ns
            starts.append(start)
            columns = controller.columns
            assert columns.start_ns <= start < columns.end_ns
            stall = next(s for s in stage.app.scene.snapshot.loop.stalls if s.start_ns == start)
            assert controller.view_state.row == stall.request
            await stage.press("N")
        assert starts == sorted(starts, reverse=True)
        text = stage.text()
        assert "Incident" in text
        assert " ms in scenarios/block.py:" in text
        await stage.press("n")
        assert controller.view_state.slice_ns == starts[-1]

    travel(play)


def test_without_an_incident_it_says_so():
    async def play(stage: Stage) -> None:
        await stage.press("n")
        assert "No incident so far" in stage.text()
        assert "LIVE" in stage.lines()[0]

    travel(play, stage=Stage(FakeRun("dbpool")))


def test_slices_follow_one_another_without_a_gap():
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        await stage.press("space", "j", ".")
        request = next(
            r for r in stage.app.scene.snapshot.requests if r.number == controller.view_state.row
        )
        seen = []
        for _ in request.spans:
            seen.append(controller.view_state.slice_ns)
            await stage.press(".")
        assert seen == [start for start, *_ in request.spans]
        assert "That is the last slice" in stage.text()
        await stage.press(",")
        assert controller.view_state.slice_ns == seen[-2]
        assert f"slice {len(seen) - 1} of {len(seen)}" in stage.text()

    travel(play)


def test_slow_motion_replays_the_last_second_and_ends_where_it_began():
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        end = stage.now
        await stage.press("<")
        assert "REPLAY 0.1× ▶  +1.0 s behind" in stage.lines()[0]
        assert visible_range(stage)[1] == end - SECOND
        await stage.play(2)
        assert visible_range(stage)[1] == end - SECOND + 2 * SECOND // 10
        await stage.press("<")
        assert "REPLAY 0.05× ▶" in stage.lines()[0]
        await stage.press("space")
        assert "PAUSED" in stage.lines()[0]
        await stage.play(3)
        assert visible_range(stage)[1] == end - 800 * MS
        await stage.press("space", ">", ">", ">", ">")
        assert controller.view_state.speed == 1
        await stage.play(1)
        assert visible_range(stage)[1] == end
        assert "FROZEN" in stage.lines()[0]

    travel(play)


def test_a_range_is_moved_widened_and_dropped():
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        await stage.press("v")
        cell = controller.columns.cell_ns
        start, end = controller.view_state.time_range
        await stage.press("h", "h", "l")
        assert controller.view_state.time_range == (start - cell, end - cell)
        await stage.press("-")
        assert controller.view_state.time_range == (start - 2 * cell, end)
        await stage.press("+", "+")
        assert controller.view_state.time_range == (start, end - 2 * cell)
        assert "RANGE" in stage.text()
        assert "[" in stage.lines()[3]
        await stage.press("escape")
        assert controller.view_state.time_range is None
        assert "RANGE" not in stage.text()

    travel(play)


def test_a_range_is_that_of_the_chosen_incident():
    async def play(stage: Stage) -> None:
        await stage.press("N", "v")
        start, end = stage.app.controller.view_state.time_range
        assert start == stage.app.controller.view_state.slice_ns
        assert 20 * MS <= end - start < SECOND

    travel(play)


def test_the_cursor_follows_its_lane_while_live_and_stays_while_frozen():
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        await stage.press("j")
        lane = controller.views[LIVE].lanes.chosen
        seen = set()
        for _ in range(6):
            await stage.play(0.5)
            seen.add(controller.view_state.row)
            assert controller.views[LIVE].lanes.chosen == lane
        assert len(seen) > 2
        await stage.press("space")
        row = controller.view_state.row
        await stage.play(2)
        assert controller.view_state.row == row
        assert sum(line.startswith("▶") for line in stage.lines()) == 1

    travel(play)


def test_rows_are_chosen_top_to_bottom_pinned_and_filtered():
    async def play(stage: Stage) -> None:
        controller = stage.app.controller

        def at() -> int:
            return next(y for y, line in enumerate(stage.lines()) if line.startswith("▶"))

        await stage.press("space", "j")
        first = at()
        assert "GET /report" in stage.lines()[first]
        await stage.press("j")
        assert at() > first
        await stage.press("G", "p")
        lane = controller.views[LIVE].lanes.chosen
        await stage.press("escape")
        assert controller.view_state.row is None
        assert stage.lines()[first].startswith(f"▲{lane[0]}")
        controller.view_state = controller.view_state.filtered("ping")
        await stage.play()
        assert "GET /report" not in "".join(line[:16] for line in stage.lines())

    travel(play)


def test_what_stands_still_is_not_drawn_again(monkeypatch):
    async def play(stage: Stage) -> None:
        drawn = []
        main, controller = stage.app._main, stage.app.controller
        show = main._show
        monkeypatch.setattr(
            main, "_show", lambda name, lines: (drawn.append(name), show(name, lines))
        )
        await stage.press("space")
        await stage.play(4)  # by now all is known of that moment
        frames = 0
        drawn.clear()
        for _ in range(60):
            stage.now += SECOND // 30
            before = len(drawn)
            stage.app.tick()
            frames += len(drawn) > before
        assert set(drawn) == {"header"}
        assert 7 <= frames <= 9  # two seconds, four times each
        await stage.press("0", *["-"] * 5)
        assert controller.view_state.cell_ns >= SECOND
        drawn.clear()
        for _ in range(60):
            stage.now += SECOND // 30
            stage.app.tick()
        assert 6 <= drawn.count("lanes") <= 12

    travel(play)


def test_resizing_to_nothing_and_back_changes_nothing():
    async def play(stage: Stage) -> None:
        await stage.press("N", "enter")
        before = stage.text()
        for size in ((20, 5), (1, 1), (250, 70), (60, 16), (80, 24)):
            await stage.resize(*size)
            await stage.play()
        assert stage.text() == before
        await stage.press("0")
        assert "LIVE" in stage.lines()[0]

    travel(play)


def test_esc_goes_back_step_by_step_to_now():
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        await stage.press("N", "enter", "v")
        for _ in range(6):
            await stage.press("escape")
        assert not controller.view_state.frozen
        assert controller.view_state.row is None
        assert controller.view_state.time_range is None

    travel(play)
