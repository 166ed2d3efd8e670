"""Zoomed out beyond the detail: loop and lag are known in seconds, the rest says why not."""

from loopviz.clock import MS, SECOND
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.overview import retention_note
from tests.tui.fake_run import T0, FakeRun
from tests.tui.stage import Stage, drive


def far_out(play):
    """A run of the block scenario that is long over its 65 s of detail, at 2 s a column."""

    async def begin(stage: Stage) -> None:
        stage.now += 170 * SECOND
        await stage.play()
        await stage.press(*["-"] * 5)
        assert "2 s/column" in stage.text()
        await play(stage)

    return drive(begin, stage=Stage(FakeRun("block")))


def cells(stage, row):
    """The time axis' cells of that row of the screen."""
    plan = stage.app.controller.plan
    return stage.lines()[row].ljust(plan.width)[plan.label : plan.label + plan.columns]


def row_of(stage, word):
    return next(i for i, line in enumerate(stage.lines()) if word in line[:30])


def detail(stage):
    """The first column that has details."""
    return stage.app.controller.columns.at(stage.app.scene.snapshot.oldest_ns)


def test_loop_lag_and_utilization_are_known_where_requests_are_not():
    async def live(stage: Stage) -> None:
        oldest = detail(stage)
        assert oldest > 15
        begin = stage.app.scene.snapshot.overview.start_s * SECOND
        assert stage.app.controller.columns.at(begin) < 0  # the run is longer than the window
        loop = cells(stage, row_of(stage, "LOOP"))[:oldest]
        assert "!" in loop
        assert " " not in loop
        assert " " not in cells(stage, row_of(stage, "0.3ms-1s"))[:oldest]
        ping = cells(stage, row_of(stage, "GET /ping"))
        assert not set(ping[: oldest - 1]) & set("█▒▏▉")
        assert ping[oldest:].strip()
        found = [row for row in range(24) if "kept for 6" in cells(stage, row)]
        assert len(found) == 1

    async def loop_view(stage: Stage) -> None:
        """It says why its heat map is blank, and knows the utilization."""
        found = [line for line in stage.lines() if "callbacks are kept for the last 6" in line]
        assert len(found) == 1
        begin = stage.app.controller.columns.at(stage.app.scene.snapshot.overview.start_s * SECOND)
        chart = cells(stage, row_of(stage, "UTILIZATION") + 4)[begin : detail(stage)]
        assert len(chart) > 30
        assert " " not in chart
        await stage.press("0")
        assert "are kept" not in stage.text()

    async def play(stage: Stage) -> None:
        await live(stage)
        await stage.press("space")
        await live(stage)
        await stage.press("space")
        await stage.resize(160, 50)
        await stage.press("4")
        await loop_view(stage)

    far_out(play)


def test_what_is_known_of_a_second_does_not_change_with_its_age():
    world = FakeRun("block").world
    world.advance(T0 + 30 * SECOND)
    early = world.snapshot()
    world.advance(T0 + 130 * SECOND)
    late = world.snapshot()
    assert late.oldest_ns > T0 + 30 * SECOND
    for figures in ("busy_ns", "stall_max_ns", "lag_max_ns"):
        before = getattr(early.overview, figures)[5:20].tolist()
        assert getattr(late.overview, figures)[5:20].tolist() == before
        assert max(before) > 50 * MS


def test_as_much_is_said_as_there_is_room_for():
    now = T0 + 100 * SECOND

    def kept(oldest_column, cell_ns=2 * SECOND):
        columns = Columns(cell_ns, 60, now)
        since = columns.start_ns + oldest_column * cell_ns
        return retention_note("requests", since, columns, now)

    assert kept(38) == "requests are kept for the last 44 s"
    assert kept(30) == "kept for the last 60 s"
    assert kept(16) == "kept for 88 s"
    assert kept(10) == kept(0) == ""
    assert kept(38, SECOND // 2) == ""
