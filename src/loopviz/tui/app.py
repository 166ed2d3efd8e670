"""The Textual app: one clock, one poll per frame, and what the keys do."""

import asyncio
import gc
import os
import signal
import threading
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from loopviz.clock import MS, SECOND, Clock, monotonic_ns
from loopviz.session import Controller
from loopviz.tui.actions import ACTIONS
from loopviz.tui.commands import COMMANDS
from loopviz.tui.desk import Desk
from loopviz.tui.pace import Pace
from loopviz.tui.paint.glyphs import ASCII, BLOCKS
from loopviz.tui.paint.palette import Looks, looks
from loopviz.tui.paint.scene import Scene
from loopviz.tui.screens.help import HelpScreen
from loopviz.tui.screens.main import MainScreen
from loopviz.tui.screens.picker import PickerScreen

__all__ = ["LoopvizApp"]

LEAVING_S = 2.0
"""How long the screen may take to leave the terminal in order, once a signal says so."""

OFTEN_NS, SELDOM_NS = 100 * MS, 250 * MS
"""How often the header and the texts are painted."""


class LoopvizApp(App[None]):
    """Shows what the controller says, `fps` times a second; closes the controller at the end.

    `fps=0` starts no clock: call `tick()` for each frame (tests do, with a clock of their own).
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { overflow: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"do({action.name!r})", action.word, show=False, priority=key == "ctrl+c")
        for action in ACTIONS
        for key in action.keys
    ]

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
        glyphs = ASCII if ascii_only else BLOCKS
        self.desk = Desk(controller, clock, looks(self._palette_name(theme_name)), glyphs)
        self._pace = Pace()
        self._main = MainScreen(self.desk)
        self._often_ns = self._seldom_ns = -SECOND
        self._closed = False
        self.failure: Exception | None = None
        """What ended the screen, if it was a defect."""

    @property
    def scene(self) -> Scene | None:
        """What is on the screen."""
        return self.desk.scene

    def _palette_name(self, wanted: str) -> str:
        if self.no_color:
            return "none"
        return "sixteen" if self.console.color_system == "standard" else wanted

    def get_default_screen(self) -> MainScreen:
        return self._main

    def on_mount(self) -> None:
        self._main.paint_ground(self.desk.looks)
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
        self._controller.poll()
        due = whole or (self._pace.due(now_ns, self._backlog()) and self._main.due(now_ns))
        if not due:
            return
        before = self.desk.scene
        self.desk.fps = self._pace.fps
        scene = self.desk.see(now_ns)
        whole = whole or before is None or before.scenario.id != scene.scenario.id
        often = whole or now_ns - self._often_ns >= OFTEN_NS
        seldom = whole or now_ns - self._seldom_ns >= SELDOM_NS
        self._often_ns = now_ns if often else self._often_ns
        self._seldom_ns = now_ns if seldom else self._seldom_ns
        self._main.show(scene, often=often, seldom=seldom)

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

    def action_do(self, name: str) -> None:
        """What the action of that name does; then the frame that shows it."""
        action = next(action for action in ACTIONS if action.name == name)
        command, _, rest = action.command.partition("(")
        given = (rest.rstrip(")"),) if rest else ()
        arguments = [word.strip("'") if word.startswith("'") else int(word) for word in given]
        own = getattr(self, f"do_{command}", None)
        if own is not None:
            own(*arguments)
        else:
            COMMANDS[command](self.desk, *arguments)
        self.tick(whole=True)

    def do_scenarios(self) -> None:
        current = self.scene.scenario.id if self.scene else ""
        desk = self.desk
        picker = PickerScreen(desk.looks, desk.glyphs, self._controller.entries(), current)
        self.push_screen(picker, self._picked)

    def _picked(self, scenario_id: str | None) -> None:
        if scenario_id is not None:
            self._controller.switch(scenario_id)
            self.desk.restarted()
            self.tick(whole=True)

    def do_help(self) -> None:
        self.push_screen(HelpScreen(self.desk.looks, self.desk.glyphs))

    def do_quit(self) -> None:
        self.exit()

    def do_theme(self) -> None:
        """Dark or light; nothing to choose in sixteen colours or none."""
        name = {"dark": "light", "light": "dark"}.get(self._name_of(self.desk.looks))
        if name:
            self.desk.looks = looks(name)
            self._main.paint_ground(self.desk.looks)

    @staticmethod
    def _name_of(value: Looks) -> str:
        return value.palette.name if value.palette else "none"
