"""The Textual app: one clock, one poll per frame, and what the keys do."""

import asyncio
import gc
import os
import signal
import threading
from typing import Any, ClassVar, Literal

from textual.app import App
from textual.binding import BindingType

from loopviz.catalogue import FixInfo
from loopviz.clock import MS, SECOND, Clock, monotonic_ns
from loopviz.lesson import Lesson
from loopviz.session import Controller, Frame
from loopviz.tui.actions import bindings
from loopviz.tui.pace import Pace
from loopviz.tui.paint.glyphs import ASCII, BLOCKS
from loopviz.tui.paint.palette import Looks, looks
from loopviz.tui.paint.scene import Scene
from loopviz.tui.screens.help import HelpScreen
from loopviz.tui.screens.live import LiveScreen
from loopviz.tui.screens.picker import PickerScreen
from loopviz.tui.source import lesson_of

__all__ = ["LoopvizApp"]

RATES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""What `[` and `]` step through."""

WINDOW_NS = 6 * SECOND + 200 * MS
"""History to ask for: the widest plan's window and a column."""

LEAVING_S = 2.0
"""How long the screen may take to leave the terminal in order, once a signal says so."""

NOTICE_NS = 6 * SECOND
"""How long an answer to a key stands."""

OFTEN_NS, SELDOM_NS = 100 * MS, 250 * MS
"""How often the header and the texts are painted."""


class LoopvizApp(App[None]):
    """Shows what the controller says, `fps` times a second; closes the controller at the end.

    `fps=0` starts no clock: call `tick()` for each frame (tests do, with a clock of their own).
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { overflow: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]

    def __init__(
        self,
        controller: Controller,
        *,
        clock: Clock = monotonic_ns,
        fps: int = 30,
        ascii_only: bool = False,
        theme_name: str = "dark",
    ) -> None:
        super().__init__()
        self._controller, self._clock, self._fps = controller, clock, fps
        self._glyphs = ASCII if ascii_only else BLOCKS
        self._looks = looks(self._palette_name(theme_name))
        self._pace = Pace()
        self._live = LiveScreen()
        self._held: Frame | None = None
        self._held_ns = 0
        self._often_ns = self._seldom_ns = -SECOND
        self._scenario = ""
        self._lesson: Lesson | None = None
        self._view: Literal["live", "lesson"] = "live"
        self._notice = ("", 0)
        """What to say, and until when."""
        self._closed = False
        self.failure: Exception | None = None
        """What ended the screen, if it was a defect."""
        self.scene: Scene | None = None
        """What is on the screen."""

    def _palette_name(self, wanted: str) -> str:
        if self.no_color:
            return "none"
        return "sixteen" if self.console.color_system == "standard" else wanted

    def get_default_screen(self) -> LiveScreen:
        return self._live

    def on_mount(self) -> None:
        self._live.paint_ground(self._looks)
        self.tick()
        if self._fps:
            gc.collect()
            gc.freeze()
            gc.set_threshold(20_000, 20)  # frames make many short-lived objects, and no cycles
            self.set_interval(1 / self._fps, self.tick)

    async def run_async(self, **options: Any) -> None:
        """As Textual's, which `run` calls; at the end, however it came, the controller closes."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):  # leave the terminal as we found it
            loop.add_signal_handler(number, self._leave, 128 + number)
        try:
            await super().run_async(**options)
        finally:
            self._closed = True
            self._controller.close()

    def _handle_exception(self, error: Exception) -> None:
        """A defect ends the screen and is kept for `screen.show` to say; tests see it at once."""
        if self.is_headless:
            super()._handle_exception(error)
        else:
            self.failure = self.failure or error
            self.exit(return_code=1)

    def on_resize(self) -> None:
        self.tick(whole=True)

    def tick(self, whole: bool = False) -> None:
        """One frame: poll, then paint if it is due; everything if `whole`."""
        if self._closed:
            return
        now_ns = self._clock()
        frame = self._controller.poll(now_ns, WINDOW_NS)
        if not whole and not (self._pace.due(now_ns, self._backlog()) and self._live.due(now_ns)):
            return
        if frame.scenario.id != self._scenario:
            self._scenario = frame.scenario.id
            self._lesson = lesson_of(frame.scenario)
            self._held = None
            self._live.forget()
            whole = True
        held = self._held
        notice, until_ns = self._notice
        self.scene = scene = Scene(
            frame.scenario,
            frame.status,
            held.snapshot if held else frame.snapshot,
            self._held_ns if held else now_ns,
            now_ns,
            self._looks,
            self._glyphs,
            frozen=held is not None,
            fps=self._pace.fps,
            view=self._view,
            lesson=self._lesson,
            notice=notice if now_ns < until_ns else "",
        )
        often = whole or now_ns - self._often_ns >= OFTEN_NS
        seldom = whole or now_ns - self._seldom_ns >= SELDOM_NS
        self._often_ns = now_ns if often else self._often_ns
        self._seldom_ns = now_ns if seldom else self._seldom_ns
        self._live.show(scene, often=often, seldom=seldom)

    def _leave(self, code: int) -> None:
        """A signal ends us. Textual's driver may wait for ever for a terminal that has gone."""
        self.exit(None, code)
        last_resort = threading.Timer(LEAVING_S, os._exit, (code,))  # the guard tidies up
        last_resort.daemon = True
        last_resort.start()

    def _backlog(self) -> int:
        """Writes that wait for the terminal; 0 where the driver has no such queue."""
        thread = getattr(self._driver, "_writer_thread", None)
        queue = getattr(thread, "_queue", None)
        return queue.qsize() if queue is not None else 0

    def action_fix(self, place: int) -> None:
        if self.scene and place < len(self.scene.scenario.fixes):
            self._toggle(self.scene.scenario.fixes[place])

    def _toggle(self, fix: FixInfo) -> None:
        """Flip it; one that is not there says why."""
        if fix.unavailable:
            self._notice = (fix.unavailable, self._clock() + NOTICE_NS)
        else:
            self._notice = ("", 0)
            self._controller.toggle(fix.key)
        self.tick(whole=True)

    def action_suggested(self) -> None:
        """Apply the suggested fix; a second press does not take it off again."""
        if self.scene and (fix := self.scene.suggested):
            self._toggle(fix)

    def action_slower(self) -> None:
        self._step_rate(-1)

    def action_faster(self) -> None:
        self._step_rate(1)

    def _step_rate(self, by: int) -> None:
        if self.scene is None:
            return
        rate = self.scene.status.rate
        steps = [r for r in RATES if (r < rate - 1e-9 if by < 0 else r > rate + 1e-9)]
        if steps:
            self._controller.set_rate(steps[-1] if by < 0 else steps[0])
            self.tick(whole=True)

    def action_freeze(self) -> None:
        """Hold the picture, or go live again. The held snapshot is immutable, so it is kept."""
        if self._held:
            self._held = None
        elif self.scene and self.scene.snapshot:
            self._held = Frame(self.scene.scenario, self.scene.status, self.scene.snapshot)
            self._held_ns = self.scene.end_ns
        self.tick(whole=True)

    def action_scenarios(self) -> None:
        current = self.scene.scenario.id if self.scene else ""
        picker = PickerScreen(self._looks, self._glyphs, self._controller.entries(), current)
        self.push_screen(picker, self._picked)

    def _picked(self, scenario_id: str | None) -> None:
        if scenario_id is not None:
            self._held = None
            self._notice = ("", 0)
            self._controller.switch(scenario_id)
            self.tick(whole=True)

    def action_next(self, by: int) -> None:
        """The next scenario of the catalogue that is not broken; after the last, the first."""
        whole = [entry.id for entry in self._controller.entries() if not entry.error]
        if self.scene and whole:
            current = self.scene.scenario.id
            at = whole.index(current) + by if current in whole else 0
            self._picked(whole[at % len(whole)])

    def action_lesson(self) -> None:
        self._view = "live" if self._view == "lesson" else "lesson"
        self.tick(whole=True)

    def action_leave(self) -> None:
        if self._view == "lesson":
            self.action_lesson()

    def action_scroll(self, by: int) -> None:
        if self._view == "lesson":
            self._live.scroll_lesson(by)
            self.tick(whole=True)

    def action_help(self) -> None:
        self.push_screen(HelpScreen(self._looks, self._glyphs))

    def action_restart(self) -> None:
        """Anew from its file; the picture begins anew, too."""
        if self.scene:
            said = self._controller.restart()
            if said:
                self._notice = (said, self._clock() + NOTICE_NS)
            else:
                self._held = None
                self._scenario = ""
            self.tick(whole=True)

    def action_theme(self) -> None:
        """Dark or light; nothing to choose in sixteen colours or none."""
        name = {"dark": "light", "light": "dark"}.get(self._name_of(self._looks))
        if name:
            self._looks = looks(name)
            self._live.paint_ground(self._looks)
            self.tick(whole=True)

    @staticmethod
    def _name_of(value: Looks) -> str:
        return value.palette.name if value.palette else "none"
