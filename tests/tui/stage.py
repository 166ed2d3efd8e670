"""An app driven frame by frame, on a clock of its own."""

import asyncio
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot
from textual.strip import Strip

from loopviz.clock import MS, SECOND
from loopviz.tui._textual import screen_rows
from loopviz.tui.app import LoopvizApp
from loopviz.tui.widgets.lines import LineWidget
from tests.tui.fake_run import T0, FakeRun
from tests.tui.style_names import StyleNames


class Stage:
    """An app, its run and its clock. `play` moves time on and draws one frame."""

    def __init__(self, run: FakeRun | None = None, **options):
        self.now = T0 + 6 * SECOND + 700 * MS
        self.run = run or FakeRun()
        self.app = LoopvizApp(self.run, clock=lambda: self.now, fps=0, **options)
        self.pilot: Pilot = None  # type: ignore[assignment]

    async def play(self, seconds: float = 0.0) -> None:
        self.now += int(seconds * SECOND)
        self.app.tick(whole=True)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def resize(self, width: int, height: int) -> None:
        await self.pilot.resize_terminal(width, height)
        while self.app._resize_event is not None:  # Textual lays out some milliseconds later
            await asyncio.sleep(0.002)
        await self.pilot.pause()

    def lines(self) -> list[str]:
        strips = self.app.screen._compositor.render_strips()
        return [strip.text.rstrip() for strip in strips]

    def text(self) -> str:
        return "\n".join(self.lines()) + "\n"

    def strips(self) -> list[Strip]:
        """The rows as the terminal gets them: a box, and what shows around it."""
        return screen_rows(self.app)

    def dump(self) -> str:
        """Text, then the names of the styles of each row; of a box, without what is behind it."""
        box = self.app.screen.query("#box")
        strips = box.first(LineWidget).lines if box else self.strips()
        text = "\n".join(strip.text.rstrip() for strip in strips)
        return f"{text}\n{'-' * 20} styles\n{StyleNames(self.app.controller.theme).dump(strips)}"

    def styles(self):
        """Every style on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return {segment.style for strip in strips for segment in strip if segment.style}


def beyond_ascii(text: str) -> set[str]:
    """What `--ascii` promises not to draw: all but a few signs that every font has."""
    return {char for char in text if ord(char) > 126} - set("–×·…→")


def drive(play: Callable[[Stage], Awaitable[None]], size=(80, 24), stage: Stage | None = None):
    """Run `play` on a stage of this size, to its end; returns the stage."""
    stage = stage or Stage()

    async def run() -> None:
        async with stage.app.run_test(size=size) as pilot:
            stage.pilot = pilot
            await stage.play()
            await play(stage)

    asyncio.run(run())
    return stage
