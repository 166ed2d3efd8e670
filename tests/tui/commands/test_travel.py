"""Time travel: each key moves the window as it says, and no further than there is something."""

from itertools import pairwise

import pytest

from loopviz.clock import MS, SECOND
from loopviz.tui.draw.time_columns import ZOOMS_NS, Columns
from loopviz.tui.panels.axis import ago
from loopviz.tui.state.view_state import LIVE
from tests.tui.fake_run import FakeController
from tests.tui.stage import Stage, drive


def block(seconds=6.7):
    """The block scenario, as the real model tells it."""
    stage = Stage(FakeController("block"))
    stage.now += int((seconds - 6.7) * SECOND)
    return stage


def travel(play, size=(80, 24), stage=None):
    return drive(play, size, stage or block())


def window(stage):
    columns = stage.app.desk.columns
    return columns.start_ns, columns.end_ns


@pytest.mark.parametrize("cell_ns", ZOOMS_NS)
@pytest.mark.parametrize("anchor", [0, 1000 * SECOND + 123 * MS])
def test_ticks_have_room_for_their_names(cell_ns, anchor):
    columns = Columns(cell_ns, 120, (anchor or 1000 * SECOND) - 7 * cell_ns)
    ticks = columns.ticks(anchor)
    assert len(ticks) >= 2
    assert all(0 <= at < 120 for at, _ in ticks)
    names = [(at, ago(before, columns.step_ns)) for at, before in ticks]
    for (later, _), (at, name) in pairwise(names):
        assert at + 1 + len(name) <= later


def test_names_of_times_are_as_exact_as_their_steps():
    assert ago(250 * MS, 50 * MS) == "-250ms"
    assert ago(12_400 * MS, 200 * MS) == "-12.4s"
    assert ago(1_250 * MS, 50 * MS) == "-1.25s"
    assert ago(4 * SECOND, SECOND) == "-4s"
    assert ago(150 * SECOND, 10 * SECOND) == "-2:30"
    assert ago(20 * 60 * SECOND, 600 * SECOND) == "-20min"
    assert ago(-2 * SECOND, SECOND) == "+2s"


def test_zooming_goes_through_every_step_and_says_where_it_ends():
    async def play(stage: Stage) -> None:
        await stage.press("space", *["+"] * 20)
        assert stage.app.desk.look.cell_ns == MS
        assert "1 ms/column" in stage.text()
        assert "closest" in stage.text()
        seen = []
        for _ in ZOOMS_NS:
            seen.append(stage.app.desk.look.cell_ns)
            await stage.press("-")
        assert seen == list(ZOOMS_NS)
        assert "60 s/column is the furthest" in stage.text()
        await stage.press("0")
        assert stage.app.desk.look.cell_ns == 0
        assert "LIVE" in stage.lines()[0]

    travel(play)


def test_zooming_keeps_the_chosen_slice_in_its_column():
    async def play(stage: Stage) -> None:
        await stage.press("N")
        desk = stage.app.desk
        start = desk.look.slice_ns
        for key in "++++--++":
            before = desk.columns.at(start)
            await stage.press(key)
            assert abs(desk.columns.at(start) - before) <= 3

    travel(play)


def test_scrolling_goes_by_quarters_and_columns_and_ends_live():
    async def play(stage: Stage) -> None:
        desk = stage.app.desk
        await stage.press("h")
        cell, count = desk.columns.cell_ns, desk.columns.count
        first = window(stage)[1]
        assert stage.now - first == count // 4 * cell
        await stage.press("H", "shift+left")
        assert first - window(stage)[1] == 2 * cell
        await stage.press("L", "shift+right")
        assert window(stage)[1] == first
        assert "FROZEN" in stage.lines()[0]
        await stage.press("l")
        assert "LIVE" in stage.lines()[0]
        assert "nothing is newer" in stage.text()

    travel(play)


def test_scrolling_stops_where_the_detail_ends_and_says_so():
    async def play(stage: Stage) -> None:
        await stage.press(*"hhhhhhhhhhhh")
        start, end = window(stage)
        oldest = stage.app.desk.held.oldest_ns
        assert oldest > 0
        assert end == oldest + stage.app.desk.columns.cell_ns * stage.app.desk.columns.count
        assert "No more is kept than the last" in stage.text()
        await stage.press("h")
        assert window(stage) == (start, end)

    travel(play)


def test_recording_goes_on_while_frozen():
    async def play(stage: Stage) -> None:
        await stage.press("h")
        end = window(stage)[1]
        await stage.play(12)
        assert window(stage)[1] == end
        assert "+13 s behind" in stage.lines()[0]
        await stage.press("0")
        assert window(stage)[1] == stage.now

    travel(play)


def test_incidents_are_centred_one_by_one_and_their_request_is_chosen():
    async def play(stage: Stage) -> None:
        desk = stage.app.desk
        await stage.press("N")
        starts = []
        for _ in range(4):
            start = desk.look.slice_ns
            starts.append(start)
            columns = desk.columns
            assert columns.start_ns <= start < columns.end_ns
            stall = next(s for s in stage.app.scene.snapshot.loop.stalls if s.start_ns == start)
            assert desk.look.row == stall.request
            await stage.press("N")
        assert starts == sorted(starts, reverse=True)
        said = stage.text()
        assert "Incident" in said
        assert " ms in scenarios/block.py:" in said
        await stage.press("n")
        assert desk.look.slice_ns == starts[-1]

    travel(play)


def test_without_an_incident_it_says_so():
    async def play(stage: Stage) -> None:
        await stage.press("n")
        assert "No incident so far" in stage.text()
        assert "LIVE" in stage.lines()[0]

    travel(play, stage=Stage(FakeController("dbpool")))


def test_slices_follow_one_another_without_a_gap():
    async def play(stage: Stage) -> None:
        desk = stage.app.desk
        await stage.press("space", "j", ".")
        request = next(r for r in stage.app.scene.snapshot.requests if r.number == desk.look.row)
        seen = []
        for _ in request.spans:
            seen.append(desk.look.slice_ns)
            await stage.press(".")
        assert seen == [start for start, *_ in request.spans]
        assert "That is the last slice" in stage.text()
        await stage.press(",")
        assert desk.look.slice_ns == seen[-2]
        assert f"slice {len(seen) - 1} of {len(seen)}" in stage.text()

    travel(play)


def test_slow_motion_replays_the_last_second_and_ends_where_it_began():
    async def play(stage: Stage) -> None:
        desk = stage.app.desk
        end = stage.now
        await stage.press("<")
        assert "REPLAY ×1/10" in stage.lines()[0]
        assert window(stage)[1] == end - SECOND
        await stage.play(2)
        assert window(stage)[1] == end - SECOND + 2 * SECOND // 10
        await stage.press("<")
        assert "REPLAY ×1/20" in stage.lines()[0]
        await stage.press("space")
        assert "PAUSED" in stage.lines()[0]
        await stage.play(3)
        assert window(stage)[1] == end - 800 * MS
        await stage.press("space", ">", ">", ">", ">")
        assert desk.look.speed == 1
        await stage.play(1)
        assert window(stage)[1] == end
        assert "FROZEN" in stage.lines()[0]

    travel(play)


def test_a_range_is_moved_widened_and_dropped():
    async def play(stage: Stage) -> None:
        desk = stage.app.desk
        await stage.press("v")
        cell = desk.columns.cell_ns
        start, end = desk.look.span
        await stage.press("h", "h", "l")
        assert desk.look.span == (start - cell, end - cell)
        await stage.press("-")
        assert desk.look.span == (start - 2 * cell, end)
        await stage.press("+", "+")
        assert desk.look.span == (start, end - 2 * cell)
        assert "RANGE" in stage.text()
        assert "[" in stage.lines()[3]
        await stage.press("escape")
        assert desk.look.span is None
        assert "RANGE" not in stage.text()

    travel(play)


def test_a_range_is_that_of_the_chosen_incident():
    async def play(stage: Stage) -> None:
        await stage.press("N", "v")
        start, end = stage.app.desk.look.span
        assert start == stage.app.desk.look.slice_ns
        assert 20 * MS <= end - start < SECOND

    travel(play)


def test_the_cursor_follows_its_lane_while_live_and_stays_while_frozen():
    async def play(stage: Stage) -> None:
        desk = stage.app.desk
        await stage.press("j")
        lane = desk.views[LIVE].lanes.chosen
        seen = set()
        for _ in range(6):
            await stage.play(0.5)
            seen.add(desk.look.row)
            assert desk.views[LIVE].lanes.chosen == lane
        assert len(seen) > 2
        await stage.press("space")
        row = desk.look.row
        await stage.play(2)
        assert desk.look.row == row
        assert sum(line.startswith("▶") for line in stage.lines()) == 1

    travel(play)


def test_rows_are_chosen_top_to_bottom_pinned_and_filtered():
    async def play(stage: Stage) -> None:
        desk = stage.app.desk

        def at() -> int:
            return next(y for y, line in enumerate(stage.lines()) if line.startswith("▶"))

        await stage.press("space", "j")
        first = at()
        assert "GET /report" in stage.lines()[first]
        await stage.press("j")
        assert at() > first
        await stage.press("G", "p")
        lane = desk.views[LIVE].lanes.chosen
        await stage.press("escape")
        assert desk.look.row is None
        assert stage.lines()[first].startswith(f"▲{lane[0]}")
        desk.look = desk.look.filtered("ping")
        await stage.play()
        assert "GET /report" not in "".join(line[:16] for line in stage.lines())

    travel(play)


def test_what_stands_still_is_not_painted_again(monkeypatch):
    async def play(stage: Stage) -> None:
        painted = []
        main, desk = stage.app._main, stage.app.desk
        show = main._show
        monkeypatch.setattr(
            main, "_show", lambda name, lines: (painted.append(name), show(name, lines))
        )
        await stage.press("space")
        await stage.play(4)  # by now all is known of that moment
        frames = 0
        painted.clear()
        for _ in range(60):
            stage.now += SECOND // 30
            before = len(painted)
            stage.app.tick()
            frames += len(painted) > before
        assert set(painted) == {"header"}
        assert 7 <= frames <= 9  # two seconds, four times each
        await stage.press("0", *["-"] * 5)
        assert desk.look.cell_ns >= SECOND
        painted.clear()
        for _ in range(60):
            stage.now += SECOND // 30
            stage.app.tick()
        assert 6 <= painted.count("lanes") <= 12

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
        desk = stage.app.desk
        await stage.press("N", "enter", "v")
        for _ in range(6):
            await stage.press("escape")
        assert not desk.look.frozen
        assert desk.look.row is None
        assert desk.look.span is None

    travel(play)
