"""No two places on the screen contradict each other, whatever is pressed: see `contradictions`."""

from itertools import cycle
from types import SimpleNamespace

import pytest

from loopviz.model.snapshot import CounterValue
from loopviz.tui.panels.verdict import verdict_word
from tests.tui.contradictions import contradictions, what_grows_grows
from tests.tui.endpoints import PLAYS
from tests.tui.fake_run import FakeRun
from tests.tui.simulation import known
from tests.tui.stage import Stage, drive

SIZES = ((80, 24), (120, 35), (160, 50))
VIEWS = ("1", "5", "6")
"""Live, Diagnose, Compare."""
BEFORE_S, SEEN_S = 8.0, (1.0, 3.5, 12.0)
"""How long the bug runs, and when the screen is read after a key."""

SOLVED = {
    *("block a", "block b", "block c", "cpu a", "cpu c", "dbpool a", "dbpool c"),
    *("race a", "race b", "race c", "stampede a", "stampede b", "workers ab"),
}
"""Who is told so in the end; of all others the trouble goes on, or another begins."""


ALWAYS = {
    *("block a", "cpu a", "cpu b", "dbpool c", "dbpool d", "race c", "stampede b", "stampede c"),
    *("workers a", "workers ab"),
}


def presses(scenario):
    """Each fix by itself, then those that add to it."""
    fixes = known(scenario).fixes
    letters = dict(zip("abcdef", fixes, strict=False))
    singles = list(letters)
    return singles + [
        one + other
        for one in singles
        for other in singles
        if one < other and (letters[one].adds or letters[other].adds)
    ]


def cases():
    """Of each kind of outcome some always; all of them in a walk."""
    for scenario in PLAYS:
        for keys in presses(scenario):
            walk = () if f"{scenario} {keys}" in ALWAYS else (pytest.mark.walk,)
            yield pytest.param(scenario, keys, marks=walk, id=f"{scenario}-{keys}")


@pytest.mark.parametrize(("scenario", "keys"), list(cases()))
def test_a_fix(scenario, keys):
    sizes = cycle(SIZES)

    async def play(stage: Stage) -> None:
        await runs(stage, BEFORE_S)
        await read(stage, next(sizes))
        await stage.press(*keys)
        at_s = 0.0
        for seen_s in SEEN_S:
            await runs(stage, seen_s - at_s)
            at_s = seen_s
            await read(stage, next(sizes))
        solved = verdict_word(stage.app.controller.scene) == "SOLVED"
        assert solved == (f"{scenario} {keys}" in SOLVED), stage.text()
        await stage.press("space")
        await read(stage, next(sizes))
        await stage.press("h", "h", "h")
        await read(stage, next(sizes))
        await stage.press("0", *keys)
        for _ in range(2):
            await runs(stage, 3.2)
            await read(stage, next(sizes))
        assert verdict_word(stage.app.controller.scene) != "SOLVED", "without a fix"

    drive(play, SIZES[1], Stage(FakeRun(scenario)))


def test_a_rule_reads_of_each_counter_what_is_its_own():
    def found(text, **lost):
        bad = (
            CounterValue(key="ghosts", title="orphans", bad=True, value=17, recent=9),
            CounterValue(key="lost", title="half-written", bad=True, value=3, recent=0, **lost),
        )
        return list(what_grows_grows(SimpleNamespace(snapshot=SimpleNamespace(counters=bad)), text))

    row = " orphans 17 ▁▁█ ▲ +3/s  half-written 3 ▁▃▂"
    assert not found(row)
    assert not found(f"{row} stopped", still=True)
    assert found(f"{row} stopped") == [
        "'stopped' of a counter that moves: half-written 3 ▁▃▂ stopped"
    ]
    assert found(" orphans 17 .:=  stopped   half-written 3 stopped", still=True) == [
        "'stopped' of a counter that moves: orphans 17 .:=  stopped"
    ]


async def runs(stage: Stage, seconds: float) -> None:
    """Time passes, with frames often enough for what is measured between them."""
    while seconds > 0:
        await stage.play(min(seconds, 1.0))
        seconds -= 1.0


async def read(stage: Stage, size: tuple[int, int]) -> None:
    """Each view."""
    await stage.resize(*size)
    for view in VIEWS:
        await stage.press(view)
        await stage.play()
        text = stage.text()
        found = contradictions(stage.app.controller.scene, text)
        assert not found, "\n".join([*found, text])
    await stage.press("1")
