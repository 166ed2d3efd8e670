"""The Textual app: one clock, one poll per frame, and what the keys do."""

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from textual.app import SuspendNotSupported
from textual.driver import Driver
from textual.events import Event, Key, Paste, Resize
from textual.geometry import Size

from loopviz.clock import MS, SECOND, Clock, monotonic_ns
from loopviz.engine.session import RunControl
from loopviz.engine.terminal import Terminal
from loopviz.lab.catalogue import ScenarioInfo
from loopviz.model.snapshot import Location
from loopviz.signals import handled
from loopviz.tui._textual import CellsApp, has_exited, queued_writes
from loopviz.tui.commands import COMMANDS
from loopviz.tui.commands.filtering import pasted, typed
from loopviz.tui.commands.tour import taken_by_tour
from loopviz.tui.controller import Controller
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.draw.palette import light_ground, theme_named
from loopviz.tui.draw.text import clean
from loopviz.tui.driver import reporting_driver
from loopviz.tui.editor import Editor, openable_place, run_editor, save_svg, start_detached
from loopviz.tui.frame_rate import FrameRate
from loopviz.tui.gc_schedule import GcSchedule
from loopviz.tui.panels.scene import Scene
from loopviz.tui.screens.box import BoxScreen
from loopviz.tui.screens.help import HelpScreen
from loopviz.tui.screens.main import MainScreen
from loopviz.tui.screens.picker import PickerScreen
from loopviz.tui.screenshot import screenshot_svg
from loopviz.tui.state.action import Action
from loopviz.tui.state.actions import action_named, make_keymap
from loopviz.tui.state.double_press import DoublePress
from loopviz.tui.state.view_state import THEMES

__all__ = ["FPS", "LoopvizApp"]

FPS = 15
"""Frames a second at most. What scrolls fast looks no smoother with more: cells are wide."""
TICKS = 2
"""Ticks of the clock for each, so that a column is drawn soon after it has begun."""

EXIT_TIMEOUT_S = 2.0
"""How long the screen may take to leave the terminal in order after a signal."""

HEADER_INTERVAL_NS, TEXTS_INTERVAL_NS = 90 * MS, 240 * MS
"""The shortest interval at which the header, and the texts, are drawn."""

POLL_INTERVAL_NS = 90 * MS
"""The run is polled for each frame, and at least this often."""

QUIT_KEYS = ("ctrl+c", "ctrl+q")
"""Keys that end loopviz whatever is open. All other keys are the keymap's."""


class LoopvizApp(CellsApp):
    """Shows the run, at most `fps` times a second; closes it at the end.

    `fps=0` starts no clock: call `tick()` for each frame (tests do, with a clock of their own).
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { overflow: hidden; }"

    def __init__(
        self,
        run: RunControl,
        *,
        clock: Clock = monotonic_ns,
        fps: int = FPS,
        ascii_only: bool = False,
        theme_name: str = "",
        keys: Mapping[str, Sequence[str]] | None = None,
        present: bool = False,
        terminal: Terminal | None = None,
    ) -> None:
        """`theme_name` empty: as the terminal's ground is; `keys`: others, by action.

        `terminal` hears when the screen takes it and when it has given it back.
        """
        self._terminal = terminal
        super().__init__()
        self._run, self._clock, self._fps = run, clock, fps
        glyphs = ASCII if ascii_only else BLOCKS
        colours = theme_named(self._palette_name(theme_name or ("contrast" if present else "")))
        self.controller = Controller(run, clock, colours, glyphs, make_keymap(keys))
        self.controller.present = present
        self._frame_rate = FrameRate()
        self._gc_schedule = GcSchedule()
        self._double = DoublePress()
        self._theme_before = theme_named(self._palette_name(theme_name))
        # a little less, since the clock's ticks are not exact
        self._main = MainScreen(self.controller, SECOND * 9 // (10 * fps) if fps else 0)
        self._often_ns = self._seldom_ns = self._polled_ns = -SECOND
        self._run_closed = self._away = self._ends = False
        self._ticked_ns = monotonic_ns()
        self.signalled = 0
        """The exit code that stands for the signal that ended the screen, if one did."""
        self.failure: Exception | None = None
        """The internal error that ended the screen, if one did."""

    @property
    def scene(self) -> Scene | None:
        """The frame that is on the screen."""
        return self.controller.scene

    def _palette_name(self, wanted: str) -> str:
        if self.no_color:
            return "none"
        if self.console.color_system == "standard":
            return "sixteen"
        return wanted or ("light" if light_ground(os.environ) else "dark")

    def get_default_screen(self) -> MainScreen:
        return self._main

    def get_driver_class(self) -> type[Driver]:
        driver = super().get_driver_class()
        return driver if self._terminal is None else reporting_driver(driver, self._terminal)

    def on_mount(self) -> None:
        self._main.use_theme(self.controller.theme)
        self.tick()
        if self._fps:
            self._gc_schedule.begin()
            self.call_every(1 / (TICKS * self._fps), self.tick)
        if not self.is_headless:
            from loopviz.tui.hangup import watch_server, watch_terminal  # noqa: PLC0415

            loop = asyncio.get_running_loop()
            call, leave = loop.call_soon_threadsafe, partial(self._leave, loop)
            if self.is_web:
                watch_server(lambda: self._ticked_ns, partial(call, leave, 1))
            else:
                watch_terminal(partial(call, leave, 128 + signal.SIGHUP))

    def run(self, **options: Any) -> None:
        try:
            super().run(**options)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)  # it has left; see `_leave`

    async def run_async(self, **options: Any) -> None:
        """As Textual's, which `run` calls. Whatever ends it, the run is closed."""
        with handled(partial(self._leave, asyncio.get_running_loop())):
            try:
                await super().run_async(**options)
            finally:
                self._run_closed = True
                self._gc_schedule.end()
                self._run.close()

    def handle_error(self, error: Exception) -> None:
        """End the screen, and keep the error for `open_tui.show` to report."""
        self.failure = self.failure or error
        self.exit(return_code=1)

    def on_main_screen_pointed(self, event: MainScreen.Pointed) -> None:
        if (
            event.action and self.screen is self._main and not has_exited(self)
        ):  # as it was at the click
            self.act(event.action)
        else:
            self.tick(whole=True)

    def on_resize(self) -> None:
        self.tick(whole=True)

    def tick(self, whole: bool = False) -> None:
        """One frame: poll, then draw if it is due; everything if `whole`."""
        if self._run_closed:
            return
        now_ns = self._clock()
        due = whole or (
            self._frame_rate.due(now_ns, queued_writes(self)) and self._main.due(now_ns)
        )
        if due or now_ns - self._polled_ns >= POLL_INTERVAL_NS:
            self._polled_ns = now_ns
            self._run.poll()
            if self._ends and self._run.over:
                self.exit()
                return
        self._ticked_ns = monotonic_ns()
        if self._away:
            return
        if not whole:
            self._gc_schedule.collect(now_ns)
        if not due:
            return
        before = self.controller.scene
        self.controller.fps = self._frame_rate.fps
        scene = self.controller.next_scene(now_ns)
        whole = whole or before is None or before.scenario.id != scene.scenario.id
        often = whole or now_ns - self._often_ns >= HEADER_INTERVAL_NS
        seldom = whole or now_ns - self._seldom_ns >= TEXTS_INTERVAL_NS
        self._often_ns = now_ns if often else self._often_ns
        self._seldom_ns = now_ns if seldom else self._seldom_ns
        self._main.show(scene, often=often, seldom=seldom, whole=whole)
        self._frame_rate.drawn(now_ns)

    def _leave(self, loop: asyncio.AbstractEventLoop, code: int) -> None:
        """End the screen within `EXIT_TIMEOUT_S`. Signal handlers call this.

        Textual's driver may wait for ever for a terminal that nobody reads. No thread keeps the
        time: the handler may have interrupted code that has the locks which starting one needs.
        """
        loop.call_soon_threadsafe(self.exit, None, code)
        if not self.signalled:
            self.signalled = code
            signal.signal(signal.SIGALRM, lambda *_: os._exit(code))  # the guard tidies up
            signal.setitimer(signal.ITIMER_REAL, EXIT_TIMEOUT_S)

    async def on_event(self, event: Event) -> None:
        """Keys and pasted text take effect here, one after the other, as they were pressed.

        Textual would put each into the queue of the screen that is open when it arrives. Of several
        in one read, some then reach a box that the one before has closed, and others the screen
        below one that has opened. Here keys pressed at once do what they do when pressed slowly.
        """
        if isinstance(event, Key) and not event.is_forwarded:
            self._press(event)
        elif isinstance(event, Paste) and not event.is_forwarded:
            self._paste(event)
        elif isinstance(event, Resize):
            await super().on_event(self._measured(event))
        else:
            await super().on_event(event)

    def _measured(self, event: Resize) -> Resize:
        """The event with the size that the terminal has by now.

        Of two signals in quick succession the second interrupts the handler of the first. Textual's
        then posts the size that it read first last, and nothing would correct it.
        """
        if self.is_headless or self.is_web or event.pixel_size is not None:
            return event  # its size is not from a signal
        size = Size(*shutil.get_terminal_size())
        return event if size == event.size else Resize(size, size)

    def _press(self, event: Key) -> None:
        """A key belongs to the box, if one is open: to what is below only if none is."""
        if has_exited(self):  # whatever was pressed after it, loopviz ends
            return
        if event.key in QUIT_KEYS:
            self.do_quit()
        elif isinstance(box := self.screen, BoxScreen):
            if not event.is_printable and self.controller.keys.name(event.key) == "screenshot":
                self.act("screenshot")
                return
            box.press(event)
            if self.screen is not box:
                self._double.closed(event.key, event.time)
        elif not self._double.repeats(event.key, event.time):
            self._press_main(event)

    def _press_main(self, event: Key) -> None:
        """A key on the main screen: what the keymap says, or a letter of what is typed."""
        if self.controller.view_state.typing:
            typed(self.controller, event.key, event.character)
            self.tick(whole=True)
        elif (name := self.controller.keys.name(event.key)) is not None:
            self.act(name)

    def _paste(self, event: Paste) -> None:
        """Into the filter, if that is being typed."""
        if self.screen is self._main and self.controller.view_state.typing:
            pasted(self.controller, event.text)
            self.tick(whole=True)

    def act(self, name: str) -> None:
        """Carry out the action of that name, and draw the frame that shows it."""
        self.controller.show_pressed(name)
        if taken_by_tour(self.controller, name):
            self.tick(whole=True)
            return
        action = action_named(name)
        given = () if action.argument is None else (action.argument,)
        own = getattr(self, f"do_{action.command}", None)
        if own is not None:
            own(*given)
        else:
            COMMANDS[action.command](self.controller, *given)
        self._gc_schedule.pressed(self._clock())
        self.tick(whole=True)

    def do_scenarios(self) -> None:
        current = self.scene.scenario.id if self.scene else ""
        self.push_screen(PickerScreen(self.controller, self._run.entries(), current), self._picked)

    def _picked(self, scenario_id: str | None) -> None:
        if scenario_id is not None:
            self._run.switch(scenario_id)
            self.controller.restarted()
            self.tick(whole=True)

    def do_palette(self) -> None:
        from loopviz.tui.screens.command_palette import CommandPaletteScreen  # noqa: PLC0415 - start-up counts

        self.push_screen(CommandPaletteScreen(self.controller, self._run.entries()), self._found)

    def _found(self, found: Action | ScenarioInfo | None) -> None:
        match found:
            case Action():
                self.act(found.name)
            case ScenarioInfo():
                self._picked(found.id)

    def do_help(self) -> None:
        self.push_screen(HelpScreen(self.controller))

    def do_quit(self) -> None:
        """Leave; if a program takes a while to end, once it has, or is told to a second time."""
        self._ends = self._run.end_soon()
        if not self._ends:
            self.exit()
        self.tick(whole=True)

    def do_present(self) -> None:
        """Presenter's mode, with the strongest colours; or out of it, with those from before."""
        controller = self.controller
        controller.present = not controller.present
        before, self._theme_before = self._theme_before, controller.theme
        if controller.theme.palette and controller.theme.palette.name in THEMES:
            controller.theme = before if not controller.present else theme_named("contrast")
            self._main.use_theme(controller.theme)

    def do_theme(self) -> None:
        """The next theme; nothing to choose in sixteen colours or none."""
        controller = self.controller
        name = controller.theme.palette.name if controller.theme.palette else "none"
        if name not in THEMES:
            controller.notify("Colours can be chosen where the terminal has 256 of them or more.")
            return
        controller.theme = theme_named(THEMES[(THEMES.index(name) + 1) % len(THEMES)])
        self._main.use_theme(controller.theme)

    def do_copy(self) -> None:
        """The chosen line's place goes to the clipboard, by the terminal's own means (OSC 52)."""
        if location := self._chosen_line("copy"):
            place = clean(openable_place(location))
            self.copy_to_clipboard(place)
            self.controller.notify(f"Copied {place}, if the terminal allows it.")

    def do_edit(self) -> None:
        """Open the chosen line in the person's editor. Recording continues."""
        location = self._chosen_line("edit")
        if location is None:
            return
        editor = Editor(os.environ)
        if not editor.name:
            self.controller.notify(
                "No editor is set: say which with EDITOR=vim, for example, and restart loopviz."
            )
            return
        command = editor.command(location.path or location.file, location.line)
        if not editor.window:
            self.run_worker(self._edit(command))
            return
        try:
            start_detached(command)
            self.controller.notify(f"{editor.name} opens {openable_place(location)}.")
        except OSError as error:
            self.controller.notify(
                f"{editor.name} cannot be started ({error.strerror}): see $EDITOR."
            )

    async def _edit(self, command: Sequence[str]) -> None:
        """Lend the terminal to the editor until it ends."""
        problem = ""
        try:
            with self.suspend():
                self._away = True
                before = signal.signal(signal.SIGINT, lambda *_: None)  # ctrl+c is the editor's
                try:
                    problem = await asyncio.to_thread(run_editor, command)
                finally:
                    signal.signal(signal.SIGINT, before)
                    self._away = False
        except SuspendNotSupported:
            problem = (
                "An editor needs a terminal: in the browser, $VISUAL must have a window of its own."
            )
        self.controller.notify(problem)
        self.refresh(layout=True)
        self.tick(whole=True)

    def _chosen_line(self, what: str) -> Location | None:
        scene, controller = self.scene, self.controller
        location = controller.view.location(scene) if scene else None
        if location is None:
            down = controller.keys.label("down")
            controller.notify(f"No line to {what}: go to a row that has one, with {down}.")
        return location

    def do_screenshot(self) -> None:
        scenario = clean(self.scene.scenario.id) if self.scene else "none"
        time = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        self.controller.notify(
            save_svg(screenshot_svg(self, self.controller.theme), f"loopviz-{scenario}-{time}")
        )
