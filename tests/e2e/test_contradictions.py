"""No screen of any lesson contradicts itself, and verdicts are as claimed: `pytest -m walk`."""

import asyncio
import time
from contextlib import closing
from itertools import cycle

import pytest

from loopviz.engine.session import Session
from loopviz.lab.catalogue import catalogue
from loopviz.tui.app import LoopvizApp
from tests.e2e.test_walk import LEAVES
from tests.tui.contradictions import contradictions

pytestmark = [pytest.mark.walk, pytest.mark.timeout(300)]

SIZES = ((80, 24), (120, 35), (160, 50))
BEFORE_S, BETWEEN_S, MOST_S = 7, 6, 60
"""How long the bug runs before a key, at first and again; how long a verdict may take."""

LESSONS = [(info.id, keys) for info in catalogue() for keys in ("each", "pairs")]


def presses(info, which):
    """Each fix by itself, or those that add to others."""
    letters = dict(zip("abcdef", info.fixes, strict=False))
    there = [letter for letter, fix in letters.items() if not fix.unavailable]
    if which == "each":
        return there
    return [
        one + other
        for one in there
        for other in there
        if one < other and (letters[one].adds or letters[other].adds)
    ]


@pytest.mark.parametrize(("scenario", "which"), LESSONS)
def test_what_the_screen_says(scenario, which):
    info = next(info for info in catalogue() if info.id == scenario)
    keys = presses(info, which)
    if keys:
        asyncio.run(_walk(info, keys))


async def _walk(info, presses):
    session, sizes = Session(info.id), cycle(SIZES)
    app = LoopvizApp(session)
    with closing(session):  # also if the screen is wrong: its load would disturb the next lesson
        async with app.run_test(size=next(sizes)) as pilot:
            while app.controller.scene is None or app.controller.scene.status.phase != "running":
                await pilot.pause(0.1)
            await _passes(app, pilot, BEFORE_S, sizes)
            for keys in presses:
                await pilot.press("1", *keys)
                fixes = [info.fixes["abcdef".index(letter)] for letter in keys]
                right = not (any(fix.wrong for fix in fixes) or f"{info.id} {keys[-1]}" in LEAVES)
                outcome = await _verdict(app, pilot, sizes, solved=right)
                print(f"{info.id} {keys}: {outcome}")
                assert (outcome == "solved") == right, f"{info.id} {keys}"
                await pilot.press("space")
                _check(app)
                await pilot.press("h")
                _check(app)
                await pilot.press("0", *keys)
                await _passes(app, pilot, BETWEEN_S, sizes)


async def _verdict(app, pilot, sizes, *, solved):
    """Whether it is solved, once it may be; else the first one that is not too early."""
    end = time.monotonic() + MOST_S
    outcome = ""
    while (outcome != "solved" if solved else outcome in ("", "early")) and time.monotonic() < end:
        await _passes(app, pilot, 1, sizes)
        verdict = app.controller.scene.verdict
        outcome = verdict.outcome if verdict else ""
    return outcome


async def _passes(app, pilot, seconds, sizes):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await pilot.pause(0.5)
        await pilot.resize_terminal(*next(sizes))
        for view in ("1", "5", "6"):
            await pilot.press(view)
            _check(app)


def _check(app):
    app.tick(whole=True)
    strips = app.screen._compositor.render_strips()
    text = "\n".join(strip.text.rstrip() for strip in strips)
    scene = app.controller.scene
    found = contradictions(scene, text) if scene.snapshot is not None else []
    assert not found, "\n".join([*found, text])
