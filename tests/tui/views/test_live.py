"""The live view: the chosen request's breakdown, the way to its culprit, and the mouse."""

import re
from dataclasses import replace

import pytest

from loopviz.clock import MS
from loopviz.model.snapshot import RequestInfo, State
from loopviz.tui.commands.pointer import panel_at, wheel
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.draw.palette import theme_named
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.spans import LaneCells
from loopviz.tui.screens.main import MainScreen
from loopviz.tui.state.view_state import LIVE
from tests.tui.fake_run import BLOCKING_LINE, FakeRun
from tests.tui.stage import Stage, drive


def live(play, size=(80, 24), scenario="block", **options):
    return drive(play, size, Stage(FakeRun(scenario), **options))


def row_of(stage, start):
    return next(y for y, line in enumerate(stage.lines()) if line.startswith(start))


async def choose_victim(stage):
    """A GET /ping that was held up by a GET /report for longest."""
    requests = stage.app.scene.snapshot.requests
    pings = [r for r in requests if r.route == "GET /ping" and not r.open]
    victim = max(pings, key=lambda r: r.ready_ns)
    stage.app.controller.choose(victim.number)
    await stage.play()
    return victim


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (160, 50)])
def test_the_breakdown_says_who_held_it_up_and_enter_goes_there(size):
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        await stage.press("space")
        victim = await choose_victim(stage)
        text = stage.text()
        assert f"GET /ping #{victim.number}" in text
        line = f"block.py:{BLOCKING_LINE.line}"
        assert re.search(rf"ready +\d+ %.*GET /report #\d+ .*{line}", text)
        await stage.press("enter")
        assert controller.view_state.detail
        part = controller.views[LIVE].part(stage.app.scene)
        assert (part.kind, part.what) == ("ready", "GET /report")
        await stage.press("enter")
        assert controller.view_state.row == part.request
        assert controller.view_state.slice_ns == part.at_ns
        columns = controller.columns
        assert columns.start_ns <= part.at_ns < columns.end_ns
        culprit = controller.views[LIVE].request(stage.app.scene)
        assert culprit.route == "GET /report"
        kinds = {part.kind for part in controller.views[LIVE].breakdown(stage.app.scene).parts}
        assert "blocking" in kinds

    live(play, size)


def test_shares_are_of_the_whole_life():
    async def play(stage: Stage) -> None:
        await stage.press("space")
        await choose_victim(stage)
        await stage.press("enter")
        shares = [int(n) for n in re.findall(r"(\d+) %  ", "\n".join(stage.lines()[10:]))]
        assert 97 <= sum(shares) <= 103

    live(play)


def test_the_cursor_goes_over_the_parts_of_the_detail():
    async def play(stage: Stage) -> None:
        await stage.press("space")
        await choose_victim(stage)
        await stage.press("enter")
        view = stage.app.controller.views[LIVE]
        parts = view.breakdown(stage.app.scene).parts
        seen = []
        for _ in parts:
            seen.append(view.part(stage.app.scene))
            assert view.location(stage.app.scene) == seen[-1].location
            await stage.press("j")
        assert seen == list(parts)
        await stage.press("k")
        assert view.part(stage.app.scene) == parts[-2]
        await stage.press("escape")
        assert stage.app.controller.view_state.row is not None

    live(play)


def test_enter_freezes_what_is_to_be_read():
    async def play(stage: Stage) -> None:
        await stage.press("j", "enter")
        assert "FROZEN" in stage.lines()[0]
        row = stage.app.controller.view_state.row
        await stage.play(3)
        assert stage.app.controller.view_state.row == row

    live(play)


def test_a_chosen_request_that_goes_out_of_sight_keeps_its_breakdown():
    async def play(stage: Stage) -> None:
        await stage.press("space", "j")
        row = stage.app.controller.view_state.row
        await stage.press("h", "h", "h")
        assert f"#{row}" in stage.text()

    live(play)


def test_the_chosen_request_is_between_brackets_and_its_slice_too():
    async def play(stage: Stage) -> None:
        await stage.press("space", "j")
        line = stage.lines()[row_of(stage, "▶")]
        assert line.count("[") + line.count("◆") == 1
        await stage.press("N")
        line = stage.lines()[row_of(stage, "▶")]
        assert line.count("[") + line.count("◆") == 1

    live(play)


def test_waits_for_resources_and_threads_have_their_glyphs():
    def cells(*spans, glyphs=BLOCKS):
        request = RequestInfo(
            number=1,
            route="GET /",
            lane=0,
            spans=spans,
            start_ns=spans[0][0],
            end_ns=spans[-1][1],
            open=False,
            status=200,
            busy_ns=0,
            ready_ns=0,
            waiting_ns=0,
        )
        chars, _ = LaneCells(theme_named("dark"), glyphs).cells([request], Columns(100, 10, 1000))
        return "".join(chars)

    run, resource, thread = State.RUN, State.RESOURCE, State.THREAD
    spans = ((0, 100, run), (100, 500, resource), (500, 900, thread), (900, 1000, run))
    assert cells(*spans) == "█░░░░════█"
    assert cells(*spans, glyphs=ASCII) == "#....~~~~#"
    assert cells((0, 330, thread)) == "═══       "  # a third of a cell is less than nothing in it
    assert cells((0, 380, thread)) == "════      "
    assert cells((0, 430, thread), (430, 700, State.AWAIT))[3:6] == "═──"


def waits_for_the_gil(snapshot):
    """The same picture, had its stalls been waits for the GIL."""

    def state(of):
        return State.GIL if of is State.BLOCKING else of

    requests = [
        replace(request, spans=tuple((a, b, state(of)) for a, b, of in request.spans))
        for request in snapshot.requests
    ]
    stalls = tuple(replace(stall, cause="gil") for stall in snapshot.loop.stalls)
    loop = replace(snapshot.loop, stalls=stalls)
    return replace(snapshot, requests=tuple(requests), loop=loop)


def test_waits_for_the_gil_are_drawn_and_named_as_such():
    async def play(stage: Stage) -> None:
        assert " GIL" not in stage.text()
        stage.run.made = waits_for_the_gil
        await stage.play()
        requests = stage.app.scene.snapshot.requests
        culprit = next(r for r in requests if any(span[2] is State.GIL for span in r.spans))
        stage.app.controller.choose(culprit.number)
        await stage.play()
        text = stage.text()
        assert "▚ GIL   " in text
        assert "▓▓" not in text
        assert re.search(r"▚ GIL +\d+ %.*its step waited while report had the GIL", text)
        victim = await choose_victim(stage)
        assert f"GET /ping #{victim.number}" in stage.text()
        line = f"block.py:{BLOCKING_LINE.line}"
        assert re.search(rf"ready +\d+ %.*held up by the GIL .*{line}", stage.text())

    live(play, (160, 50))


@pytest.mark.parametrize("glyphs", [BLOCKS, ASCII])
def test_every_state_has_a_glyph_of_its_own(glyphs):
    signs = [glyphs.of(state) for state in State]
    assert all(len(sign) == 1 for sign in signs)
    alike = 1 if glyphs is ASCII else 0  # there the bang is what blocks
    assert len({*signs, glyphs.bang, glyphs.only, glyphs.pointer}) == len(State) + 3 - alike


@pytest.mark.parametrize("name", ["dark", "light", "sixteen"])
def test_every_state_has_a_colour_of_its_own(name):
    assert len({theme_named(name).of(state).color for state in State}) == len(State)


async def mouse(stage, *events):
    """Pairs of an event's name and a place on the screen."""
    for what, at, *more in events:
        options = more[0] if more else {}
        if what == "click":
            await stage.pilot.click(offset=at, **options)
        else:
            await getattr(stage.pilot, what)(offset=at)
    await stage.pilot.pause()


def test_a_click_chooses_a_lane_a_request_and_a_slice():
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        y = row_of(stage, " GET /ping") if " GET /ping" in stage.text() else row_of(stage, "!GET")
        await mouse(stage, ("click", (3, y)))
        assert controller.views[LIVE].lanes.chosen == ("GET /ping", 0)
        assert not controller.view_state.frozen
        columns, plan, view = controller.columns, controller.plan, controller.views[LIVE]
        shown = [r for r in view.requests_on(("GET /ping", 0), stage.app.scene) if not r.open]
        inside = [r for r in shown if r.start_ns > columns.start_ns]
        request = max(inside, key=lambda r: r.end_ns - r.start_ns)
        x = plan.label + columns.at((request.start_ns + request.end_ns) // 2)
        await mouse(stage, ("click", (x, y)))
        assert controller.view_state.frozen
        assert controller.view_state.row == request.number
        await mouse(stage, ("click", (x, y)))
        starts = [start for start, *_ in request.spans]
        assert controller.view_state.slice_ns in starts

    live(play)


def test_dragging_over_the_timeline_selects_a_range(monkeypatch):
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        left = controller.plan.label
        await mouse(
            stage,
            ("mouse_down", (left + 10, 6)),
            ("hover", (left + 20, 6)),
            ("mouse_up", (left + 20, 6)),
        )
        assert controller.view_state.frozen
        start, end = controller.view_state.time_range
        assert (end - start) == 11 * controller.columns.cell_ns
        assert controller.columns.at(start) == 10
        assert "RANGE of" in stage.text()

    # Textual's pilot moves the mouse without its button: say that it is held
    original = MainScreen.on_mouse_move

    def held(self, event):
        event.button = 1
        original(self, event)

    monkeypatch.setattr(MainScreen, "on_mouse_move", held)
    live(play)


def test_a_range_without_anything_in_it_says_so():
    async def play(stage: Stage) -> None:
        await stage.press("space")
        stage.app.controller.view_state = stage.app.controller.view_state.choose(None)
        controller = stage.app.controller
        controller.view_state = replace(
            controller.view_state,
            time_range=(controller.columns.start_ns, controller.columns.start_ns + MS // 10),
        )
        await stage.play()
        assert "RANGE of 0.1 ms" in stage.text()

    live(play)


def test_the_wheel_scrolls_time_and_with_ctrl_it_zooms():
    async def play(stage: Stage) -> None:
        controller, plan = stage.app.controller, stage.app.controller.plan
        at = (plan.label + 5, 6)
        wheel(controller, *at, 1)
        assert not controller.view_state.frozen  # nothing is newer than now
        wheel(controller, *at, -1)
        await stage.play()
        assert (
            stage.now - controller.view_state.end_ns
            == plan.columns // 10 * controller.columns.cell_ns
        )
        cell = controller.columns.cell_ns
        wheel(controller, *at, -1, zooming=True)
        assert controller.columns.cell_ns < cell
        await stage.press("2")
        end = controller.view_state.end_ns
        wheel(controller, 5, 10, 1)
        assert controller.view_state.end_ns == end
        assert controller.view_state.row is not None

    live(play)


def test_what_is_clicked_belongs_to_the_panel_that_lies_there():
    async def play(stage: Stage) -> None:
        plan = stage.app.controller.plan
        for name, (x, y, width, height) in plan.panels.items():
            assert panel_at(plan, x, y) == (name, 0, 0)
            last = panel_at(plan, x + width - 1, y + height - 1)
            assert last == (name, width - 1, height - 1)
        assert panel_at(plan, 500, 500)[0] == ""

    live(play, (160, 50))
