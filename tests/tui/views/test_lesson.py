"""The lesson view: text, fixes and the source as it runs; live, scrolled, and back."""

from dataclasses import replace

import pytest

from loopviz.clock import SECOND
from loopviz.lab.catalogue import FixInfo
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.draw.palette import theme_named
from loopviz.tui.panels.code import draw_code
from loopviz.tui.panels.scene import Scene
from loopviz.tui.source import lesson_of
from loopviz.tui.state.actions import DEFAULT_KEYS
from tests.tui.fake_run import BLOCKING_LINE, SCENARIO, T0, FakeRun, line_of
from tests.tui.stage import Stage, drive

PLAIN_DEF = line_of("    elif plain_def.on:")
BLOCKING_NUMBER = str(BLOCKING_LINE.line)


def code(*on, run=None, width=78, **more):
    """The drawn source: (text, styles by segment) of each row."""
    run = run or FakeRun()
    run.world.fixes |= set(on)
    frame = run.frame(run.world.told_ns + 3 * SECOND, 6 * SECOND)
    scene = Scene(
        frame.scenario,
        frame.status,
        frame.snapshot,
        frame.snapshot.now_ns,
        frame.snapshot.now_ns,
        **{
            "theme": theme_named("dark"),
            "glyphs": BLOCKS,
            "keys": DEFAULT_KEYS,
            "lesson": lesson_of(SCENARIO),
        }
        | more,
    )
    return {strip.text[:4].strip(" ▶"): strip for strip in draw_code(scene, width)}, scene


def test_the_branch_that_runs_is_marked_not_by_colour_alone():
    lines, scene = code("plain_def")
    before, first, second = (str(PLAIN_DEF + n) for n in (-1, 0, 1))
    assert lines[first].text.rstrip() == f"  {first} ┃    elif plain_def.on:"
    marked = [n for n, strip in lines.items() if "┃" in strip.text]
    assert marked == [first, second]
    assert scene.theme.dim in {segment.style for segment in lines[before]}
    assert scene.theme.strong in {segment.style for segment in lines[second]}
    ascii_lines, _ = code("plain_def", glyphs=ASCII)
    assert [n for n, strip in ascii_lines.items() if "|" in strip.text] == [first, second]


def test_the_culprits_line_is_lit_with_what_it_did():
    lines, scene = code()
    text = lines[BLOCKING_NUMBER].text
    assert text.startswith(f"▶ {BLOCKING_NUMBER} ┃        time.sleep(0.05)")
    assert "◄ blocked the loop" in text
    assert "worst" in text
    assert {segment.style for segment in lines[BLOCKING_NUMBER]} <= {
        scene.theme.lit,
        scene.theme.lit_edge,
    }


def test_a_line_that_does_not_run_any_more_is_lit_no_more():
    run = FakeRun()
    run.frame(T0 + 2 * SECOND, SECOND)
    run.toggle("to_thread")
    lines, scene = code(run=run)
    assert "▶" not in lines[BLOCKING_NUMBER].text
    assert scene.theme.lit not in {segment.style for segment in lines[BLOCKING_NUMBER]}
    assert "◄ blocked the loop" in lines[BLOCKING_NUMBER].text


def test_a_note_without_room_has_a_row_of_its_own():
    lines, _ = code(width=44)
    assert "◄" not in lines[BLOCKING_NUMBER].text
    assert any("◄ blocked the loop" in strip.text for strip in lines.values())
    assert {strip.cell_length for strip in lines.values()} == {44}


def test_toggling_changes_the_picture_at_once_and_shows_the_branch():
    async def play(stage: Stage) -> None:
        await stage.press("i")
        await stage.press("c")
        text = stage.text()
        assert "[c async" in text
        assert "┃    elif async_library.on:" in text
        assert "┃        await asyncio.sleep(0.05)" in text
        assert "┃    else:" not in text
        await stage.press("pageup", "c")
        assert "┃    else:" in stage.text()

    drive(play, (80, 24))
    drive(play, (60, 16))


def test_what_to_watch_stands_before_the_source():
    async def play(stage: Stage) -> None:
        await stage.press("i")
        lines = stage.lines()
        (watch,) = (n for n, line in enumerate(lines) if line == " WHAT TO WATCH")
        (source,) = (n for n, line in enumerate(lines) if line.startswith(" scenarios/block.py"))
        assert watch < source

    drive(play, (80, 24))


def test_long_titles_go_on_in_the_next_row():
    title = "if engine.pool.checkedout() == 5: raise HTTPException(503) for whoever comes then"
    fixes = (FixInfo("a", title, "why"), *SCENARIO.fixes[1:])

    async def play(stage: Stage) -> None:
        await stage.press("i")
        left = [line[:47].rstrip() for line in stage.lines()[3:-3]]
        (at,) = (n for n, line in enumerate(left) if line.startswith(" a "))
        (end,) = (n for n, line in enumerate(left) if line.startswith(" b "))
        assert " ".join(line[7:].strip() for line in left[at:end]).startswith(title)

    run = FakeRun()
    run.scenario = replace(SCENARIO, fixes=fixes)
    drive(play, (120, 35), Stage(run))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=str)
def test_a_click_on_a_fix_switches_to_it(size):
    async def play(stage: Stage) -> None:
        await stage.press("i", "j")
        await stage.play()
        (at,) = (y for y, line in enumerate(stage.lines()) if line.startswith(" b ( )"))
        await stage.pilot.click(offset=(10, at))
        await stage.pilot.click(offset=(size[0] - 3, at + 3))
        assert stage.run.calls == [("toggle", "plain_def")]

    drive(play, size)


def test_below_the_source_stand_the_requests_as_they_are():
    async def play(stage: Stage) -> None:
        await stage.press("i")
        text = stage.text()
        assert "── REQUESTS ─ now ─" in text
        (row,) = (line for line in stage.lines() if "GET /report" in line and "▓" in line)
        await stage.play(1)
        assert row not in stage.text()
        await stage.press("space")
        assert "── REQUESTS ─ as of the freeze ─" in stage.text()

    drive(play, (160, 50))


def test_it_scrolls_to_its_end_and_no_further():
    async def play(stage: Stage) -> None:
        await stage.press("i")
        assert "above" not in stage.text()
        assert SCENARIO.lesson[:40] in stage.text()
        assert SCENARIO.link not in stage.text()
        await stage.press(*["pagedown"] * 9)
        assert SCENARIO.link in stage.text()
        assert "more rows" not in stage.text()
        end = stage.text()
        await stage.press("j")
        assert stage.text() == end
        await stage.press("k")
        assert stage.text() != end
        await stage.press(*["pageup"] * 9)
        assert SCENARIO.lesson[:40] in stage.text()

    drive(play)


def loop_row(stage):
    return next(line for line in stage.lines() if line.startswith(" LOOP "))


def test_the_run_goes_on_meanwhile_and_esc_goes_back():
    async def play(stage: Stage) -> None:
        before = stage.text()
        polls = len(stage.run.polls)
        await stage.press("i")
        loop = loop_row(stage)
        await stage.play(1)
        assert len(stage.run.polls) > polls
        assert loop_row(stage) != loop
        await stage.press("escape")
        assert "LESSON" not in stage.text()
        assert "GET /ping" in stage.text()
        assert stage.text() != before
        await stage.press("i", "i")
        assert "LESSON" not in stage.text()

    drive(play)


def test_wrong_and_missing_fixes_say_so_and_a_missing_one_answers_its_key():
    scenario = replace(
        SCENARIO,
        fixes=(
            FixInfo("to_thread", "threads", "The GIL stays.", wrong=True),
            FixInfo("queue", "a real queue", "It lasts.", unavailable="celery is not there."),
        ),
    )
    run = FakeRun()
    run.scenario = scenario

    async def play(stage: Stage) -> None:
        assert " a to_thread (b queue) " in stage.lines()[0]
        await stage.press("b")
        assert " celery is not there." in stage.lines()
        assert run.calls == []
        await stage.play(7)
        assert "celery" not in stage.text()
        await stage.press("i")
        assert "celery is not there." in stage.text()
        assert "looks right" not in stage.text()
        await stage.press("a")
        assert "looks right but is not: The GIL stays." in stage.text()
        await stage.press("escape")
        assert "looks right but is not: The GIL stays." in stage.text()

    drive(play, stage=Stage(run))


def test_without_a_file_there_is_still_a_lesson():
    run = FakeRun()
    run.scenario = replace(SCENARIO, path=SCENARIO.path.with_name("missing.py"))

    async def play(stage: Stage) -> None:
        await stage.press("i")
        assert SCENARIO.lesson[:40] in stage.text()
        assert "It is in none of the functions" in stage.text()

    drive(play, stage=Stage(run))


@pytest.mark.parametrize(
    ("built_in", "shown"), [(True, "scenarios/block.py"), (False, "_scenarios/block.py")]
)
def test_the_file_is_named_alike_wherever_loopviz_is_installed(
    tmp_path, monkeypatch, built_in, shown
):
    """In the wheel, the built-in scenarios lie in loopviz/_scenarios."""
    path = tmp_path / "_scenarios" / "block.py"
    path.parent.mkdir()
    path.write_text(SCENARIO.path.read_text())
    if built_in:
        monkeypatch.setattr("loopviz.lab.catalogue.builtin_folder", lambda: path.parent)
    run = FakeRun()
    run.scenario = replace(SCENARIO, path=path)

    async def play(stage: Stage) -> None:
        await stage.press("i")
        assert f" {shown} as it runs" in stage.text()

    drive(play, stage=Stage(run), size=(100, 60))


def test_a_changed_file_and_a_sentence_of_the_run_are_told():
    run = FakeRun()

    async def play(stage: Stage) -> None:
        run.status = replace(run.status, changed=True, why="Worker 2 ended.")
        await stage.play(0.1)
        assert "changed: R reloads" in stage.lines()[0]
        assert "Worker 2 ended." in stage.lines()[1]
        assert {strip.cell_length for strip in stage.app.screen._compositor.render_strips()} == {80}
        await stage.press("R")
        assert run.calls == [("restart",)]

    drive(play, stage=Stage(run))
