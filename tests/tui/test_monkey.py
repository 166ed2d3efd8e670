"""A monkey at the keyboard and the mouse, and one that tears at the window's corner.

Whatever it does: no exception, every row as wide as the terminal, each frame shows its moment, and
afterwards a key answers. `pytest -m monkey` is the long storm: 10,000 events with each seed.
"""

import random
from dataclasses import replace

import pytest
from textual import events

from loopviz.clock import SECOND
from loopviz.engine.session import Status
from loopviz.tui.state.actions import ACTIONS
from tests.tui.endpoints import PLAYS
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive

SPARED = {"q", "ctrl+c", "E", "shift+e", "S", "shift+s"}
"""Keys that leave, open an editor or write a file."""

KEYS = sorted({key for action in ACTIONS for key in action.keys} - SPARED)
TYPED = [*"abcdefgi/ 0129xXyz.,<>+-=[]{}", "backspace", "delete", "ctrl+p", "ctrl+u", "f1", "f12"]
BOXED = [*"sqqj", "question_mark", "ctrl+p", "escape", "escape", "enter", "down", "slash"]
"""Keys that open, close and use boxes."""
SIZES = [(1, 1), (20, 5), (59, 15), (60, 16), (80, 24), (119, 36), (120, 40), (160, 50), (250, 70)]


class Monkey:
    """Does something to a stage, from a seed."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage, self.random = stage, random.Random(seed)
        self.size = (80, 24)
        self.did: list[str] = []
        app = stage.app
        for action in ACTIONS:
            if SPARED & set(action.keys):
                setattr(app, f"do_{action.command}", lambda *_: None)

    async def act(self) -> None:
        do = self.random.choices(
            [self.key, self.typed, self.boxes, self.mouse, self.resize, self.fate],
            [52, 10, 8, 24, 3, 1],
        )[0]
        self.did.append(await do())

    async def key(self) -> str:
        return self._press(self.random.choice(KEYS))

    async def typed(self) -> str:
        return self._press(self.random.choice(TYPED))

    async def boxes(self) -> str:
        """Several keys in one go on boxes that open and close, now and then as the size changes."""
        keys = self.random.choices(BOXED, k=self.random.randint(2, 8))
        for key in keys:
            if self.random.random() < 0.05:
                await self.resize()
            self._press(key)
        return f"at once {keys}"

    def _press(self, key: str) -> str:
        char = key if len(key) == 1 else {"space": " ", "slash": "/"}.get(key)
        if char == key:
            key = NAMES.get(char, key)
        self.stage.app.post_message(events.Key(key, char))
        return key

    async def mouse(self) -> str:
        width, height = self.size
        kinds = (
            events.MouseDown, events.MouseUp, events.MouseMove, events.MouseScrollUp,
            events.MouseScrollDown,
        )  # fmt: skip
        kind = self.random.choice(kinds)
        x, y = self.random.randrange(width), self.random.randrange(height)
        chance = self.random.random
        self.stage.app.post_message(
            kind(
                None,
                x=x,
                y=y,
                delta_x=self.random.randint(-3, 3),
                delta_y=self.random.randint(-2, 2),
                button=self.random.choice([0, 1, 1, 3]),
                shift=chance() < 0.1,
                meta=chance() < 0.05,
                ctrl=chance() < 0.1,
                screen_x=x,
                screen_y=y,
            )
        )
        return f"{kind.__name__} {x},{y}"

    async def resize(self) -> str:
        self.size = self.random.choice(
            [*SIZES, (self.random.randint(1, 250), self.random.randint(1, 70))]
        )
        await self.stage.resize(*self.size)
        return f"resize {self.size}"

    async def fate(self) -> str:
        """The run itself has its accidents; most of the time it is well."""
        run = self.stage.run
        phase = self.random.choice(["running", "running", "target-died", "load-died", "starting"])
        run.status = Status(phase, "" if phase == "running" else "It ended.")
        run.blank = self.random.random() < 0.2
        if run.scenario.fixes:
            fix = replace(run.scenario.fixes[0], unavailable="Not here.")
            odd = replace(run.scenario, fixes=(fix, *run.scenario.fixes[1:]))
            run.scenario = odd if self.random.random() < 0.3 else run.world.scenario
        return f"fate {phase}"


NAMES = {
    "/": "slash", ".": "full_stop", ",": "comma", "<": "less_than_sign", " ": "space",
    ">": "greater_than_sign", "+": "plus", "-": "minus", "=": "equals_sign",
    "[": "left_square_bracket", "]": "right_square_bracket", "{": "left_curly_bracket",
    "}": "right_curly_bracket",
}  # fmt: skip


def storm(seed: int, count: int) -> None:
    scenarios = list(PLAYS)
    stage = Stage(FakeRun(scenarios[seed % len(scenarios)], seed))
    monkey = Monkey(stage, seed)

    async def play(stage: Stage) -> None:
        for _ in range(count // 5):
            for _ in range(5):
                await monkey.act()
            await stage.play(monkey.random.choice([0.005, 0.034, 0.034, 0.1, 0.3]))
            assert stage.app._exception is None
            assert stage.app.is_running
            assert stage.app.scene.now_ns == stage.now
            width, height = stage.app.size
            assert (width, height) == monkey.size
            rows = stage.strips()
            assert len(rows) == height
            assert {row.cell_length for row in rows} == {width}
        await afterwards(stage)

    try:
        drive(play, stage=stage)
    except BaseException as error:
        error.add_note(f"seed {seed}, after {len(monkey.did)} events: {monkey.did[-25:]}")
        raise


async def afterwards(stage: Stage) -> None:
    """A person sits down again, and it is as if nothing had been."""
    stage.run.status, stage.run.blank = Status("running"), False
    await stage.resize(20, 5)
    await stage.play(0.1)
    await stage.resize(80, 24)
    await stage.play(0.1)
    for _ in range(6):
        await stage.press("escape")
    assert len(stage.app.screen_stack) == 1
    await stage.press("0", "1")
    await stage.play(0.5)
    assert "LIVE" in stage.lines()[0]
    assert stage.app.scene.end_ns == stage.now
    await stage.press("space")
    await stage.play(2)
    assert "FROZEN" in stage.lines()[0]
    assert stage.app.scene.end_ns == stage.now - 2 * SECOND
    await stage.press("0")
    await stage.play(0.5)
    assert "LIVE" in stage.lines()[0]
    assert "LOOP" in stage.text()
    await stage.press("question_mark")
    assert "help" in stage.text().lower()
    await stage.press("escape")


def test_a_short_storm():
    storm(1, 120)


@pytest.mark.monkey
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_long_storm(seed):
    storm(seed, 10_000)
