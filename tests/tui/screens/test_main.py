"""The whole screen: at every size without a crash, in every phase of a run, in every theme."""

from dataclasses import replace

import pytest
from rich.color import Color

from loopviz.engine.session import Status
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive


def shown(size, *keys, seconds=0.0, stage=None):
    texts = []

    async def play(stage: Stage) -> None:
        if keys:
            await stage.press(*keys)
        if seconds:
            await stage.play(seconds / 2)
            await stage.play(seconds / 2)
        texts.append(stage.text())

    drive(play, size, stage)
    return texts[0]


def test_header_says_what_runs_and_compare_waits_for_samples():
    text = shown((80, 24), "a", seconds=0.5)
    first = text.splitlines()[0]
    assert "LIVE" in first
    assert "[a to_thread] b plain_def  c async_library " in first
    assert "×1.0 32 rps" in first
    assert "TOO EARLY (" in text


def test_finding_that_is_over_is_told_calmly():
    text = shown((80, 24), "a", seconds=6)
    assert "ended" in text
    assert "▼" in text.split("FINDING")[1]  # better, by its sign


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (40, 10), (59, 40), (200, 15)])
def test_too_small_is_one_sentence(size):
    text = shown(size)
    words = "".join(text.split())
    if size[0] > 8 and size[1] > 8:
        assert f"thisterminalis{size[0]}×{size[1]}" in words
    assert "LOOP" not in text


@pytest.mark.parametrize("width", [60, 81, 119, 120, 300])
def test_no_row_is_wider_than_the_terminal(width):
    async def play(stage: Stage) -> None:
        for height in (16, 18, 20, 22, 36, 60):
            await stage.resize(width, height)
            await stage.play(0.1)
            strips = stage.app.screen._compositor.render_strips()
            assert len(strips) == height
            assert {strip.cell_length for strip in strips} == {width}
            text = stage.text()
            assert "LOOP" in text
            assert "GET /ping" in text
            assert "q quit" in text

    drive(play, (width, 24))


def test_resize_to_too_small_and_back():
    async def play(stage: Stage) -> None:
        before = stage.text()
        await stage.resize(40, 10)
        await stage.play()
        assert "loopviz needs 60×16" in stage.text()
        await stage.resize(80, 24)
        await stage.play()
        assert stage.text() == before

    drive(play)


def test_no_color_emits_no_colour_and_tells_states_apart(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def play(stage: Stage) -> None:
        styles = stage.styles()
        assert styles
        assert not [s for s in styles if s.color or s.bgcolor]
        text = stage.text()
        for glyph in "█▒▓!":
            assert glyph in text
        await stage.press("s")
        assert not [s for s in stage.styles() if s.color or s.bgcolor]

    drive(play, stage=Stage())


def test_theme_changes_every_ground():
    async def play(stage: Stage) -> None:
        dark = {s.bgcolor for s in stage.styles()}
        await stage.press("T")
        light = {s.bgcolor for s in stage.styles()}
        assert Color.parse("#101317") in dark
        assert not dark & light

    drive(play)


def test_starting_and_dead_say_so():
    run = FakeRun()
    run.blank = True
    run.status = Status("starting")

    async def play(stage: Stage) -> None:
        assert "STARTING" in stage.lines()[0]
        assert "Starting block" in stage.lines()[1]
        run.blank = False
        run.status = Status("target-died", "The app ended with exit code 1.")
        await stage.play(0.1)
        assert "TARGET DIED" in stage.lines()[0]
        assert "The app ended with exit code 1." in stage.lines()[1]
        assert "R restart" in stage.lines()[1]
        run.status = Status("load-died", "The load ended.")
        await stage.play(0.1)
        assert "LOAD DIED" in stage.lines()[0]
        await stage.press("R")
        assert "LIVE" in stage.lines()[0]
        assert ("restart",) in run.calls

    drive(play, stage=Stage(run))


def test_untrusted_text_cannot_reach_the_terminal():
    bad = "GET /\x1b[31mevil\x07\u202e"

    def evil(real):
        requests = tuple(replace(r, route=bad) for r in real.requests)
        routes = tuple(replace(r, route=bad) for r in real.routes)
        findings = tuple(replace(f, sentence=bad, title=bad) for f in real.findings)
        return replace(real, requests=requests, routes=routes, findings=findings)

    for size in ((80, 24), (160, 50)):
        run = FakeRun()
        run.made = evil
        text = shown(size, stage=Stage(run))
        assert "evil" in text
        assert not {"\x1b", "\x07", "\u202e"} & set(text)
