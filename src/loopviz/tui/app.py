"""The Textual app: one clock, one poll per frame, and what the keys do."""

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from textual.app import App, SuspendNotSupported
from textual.driver import Driver
from textual.events import Event, Key, Paste, Resize
from textual.geometry import Size

from loopviz.clock import MS, SECOND, Clock, monotonic_ns
from loopviz.engine.session import RunControl
from loopviz.engine.terminal import Terminal
from loopviz.model.snapshot import Location
from loopviz.signals import handled
from loopviz.tui.commands import COMMANDS
from loopviz.tui.controller import Desk
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.draw.palette import light_ground, looks
from loopviz.tui.draw.text import clean
from loopviz.tui.driver import telling
from loopviz.tui.editor import Editor, open_window, place_of, run_editor, save
from loopviz.tui.frame_rate import Pace
from loopviz.tui.gc_schedule import Sweep
from loopviz.tui.panels.scene import Scene
from loopviz.tui.screens.box import BoxScreen
from loopviz.tui.screens.help import HelpScreen
from loopviz.tui.screens.main import MainScreen
from loopviz.tui.screens.picker import PickerScreen
from loopviz.tui.screenshot import picture_of
from loopviz.tui.state.actions import keymap, named
from loopviz.tui.state.double_press import DoublePress
from loopviz.tui.state.line_edit import typed
from loopviz.tui.state.view_state import THEMES

__all__ = ["LoopvizApp"]

LEAVING_S = 2.0
"""How long the screen may take to leave the terminal in order, once a signal says so."""

OFTEN_NS, SELDOM_NS = 100 * MS, 250 * MS
"""How often the header and the texts are painted."""

POLL_NS = 60 * MS
"""What the target tells is taken in for each frame, and this often at least."""

ALWAYS_QUIT = ("ctrl+c", "ctrl+q")
"""Keys that end loopviz whatever is open; the others are the keymap's."""


class LoopvizApp(App[None]):
    """Shows what the controller says, `fps` times a second; closes the controller at the end.

    `fps=0` starts no clock: call `tick()` for each frame (tests do, with a clock of their own).
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { overflow: hidden; }"

    def __init__(
        self,
        controller: RunControl,
        *,
        clock: Clock = monotonic_ns,
        fps: int = 30,
        ascii_only: bool = False,
        theme_name: str = "",
        keys: Mapping[str, Sequence[str]] | None = None,
        terminal: Terminal | None = None,
    ) -> None:
        """`theme_name` empty: as the terminal's ground is; `keys`: others, by action.

        `terminal` hears when the screen takes it and when it has given it back.
        """
        self._terminal = terminal
        super().__init__()
        self._controller, self._clock, self._fps = controller, clock, fps
        glyphs = ASCII if ascii_only else BLOCKS
        colours = looks(self._palette_name(theme_name))
        self.desk = Desk(controller, clock, colours, glyphs, keymap(keys))
        self._pace = Pace()
        self._sweep = Sweep()
        self._double = DoublePress()
        self._main = MainScreen(self.desk)
        self._often_ns = self._seldom_ns = self._polled_ns = -SECOND
        self._closed = self._away = False
        self._ticked_ns = monotonic_ns()
        self.signalled = 0
        """The exit code that stands for the signal that ended the screen, if one did."""
        self.failure: Exception | None = None
        """What ended the screen, if it was a defect."""

    @property
    def scene(self) -> Scene | None:
        """What is on the screen."""
        return self.desk.scene

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
        return driver if self._terminal is None else telling(driver, self._terminal)

    def on_mount(self) -> None:
        self._main.paint_ground(self.desk.looks)
        self.tick()
        if self._fps:
            self._sweep.begin()
            self.set_interval(1 / self._fps, self.tick)
        if self._driver is not None and not self.is_headless:
            from loopviz.tui.hangup import watch_server, watch_terminal  # noqa: PLC0415

            loop = asyncio.get_running_loop()
            call, leave = loop.call_soon_threadsafe, partial(self._leave, loop)
            if self._driver.is_web:
                watch_server(lambda: self._ticked_ns, partial(call, leave, 1))
            else:
                watch_terminal(0, partial(call, leave, 128 + signal.SIGHUP))

    def run(self, **options: Any) -> None:
        try:
            super().run(**options)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)  # it has left; see `_leave`

    async def run_async(self, **options: Any) -> None:
        """As Textual's, which `run` calls; at the end, however it came, the controller closes."""
        with handled(partial(self._leave, asyncio.get_running_loop())):
            try:
                await super().run_async(**options)
            finally:
                self._closed = True
                self._sweep.end()
                self._controller.close()

    def _handle_exception(self, error: Exception) -> None:
        """A defect ends the screen and is kept for `screen.show` to say; tests see it at once."""
        if self.is_headless:
            super()._handle_exception(error)
        else:
            self.failure = self.failure or error
            self.exit(return_code=1)

    def on_main_screen_pointed(self, event: MainScreen.Pointed) -> None:
        if event.action and self.screen is self._main and not self._exit:  # as it was at the click
            self.act(event.action)
        else:
            self.tick(whole=True)

    def on_resize(self) -> None:
        self.tick(whole=True)

    def tick(self, whole: bool = False) -> None:
        """One frame: poll, then paint if it is due; everything if `whole`."""
        if self._closed:
            return
        now_ns = self._clock()
        due = whole or (self._pace.due(now_ns, self._backlog()) and self._main.due(now_ns))
        if due or now_ns - self._polled_ns >= POLL_NS:
            self._polled_ns = now_ns
            self._controller.poll()
        self._ticked_ns = monotonic_ns()
        if self._away:
            return
        if not whole:
            self._sweep.sweep(now_ns)
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
        self._main.show(scene, often=often, seldom=seldom, whole=whole)

    def _leave(self, loop: asyncio.AbstractEventLoop, code: int) -> None:
        """End the screen, which may take no longer than `LEAVING_S`; a signal's handler calls this.

        Textual's driver may wait for ever for a terminal that nobody reads. No thread keeps the
        time: the handler may have interrupted code that has the locks which starting one needs.
        """
        loop.call_soon_threadsafe(self.exit, None, code)
        if not self.signalled:
            self.signalled = code
            signal.signal(signal.SIGALRM, lambda *_: os._exit(code))  # the guard tidies up
            signal.setitimer(signal.ITIMER_REAL, LEAVING_S)

    def _backlog(self) -> int:
        """Writes that wait for the terminal; 0 where the driver has no such queue."""
        thread = getattr(self._driver, "_writer_thread", None)
        queue = getattr(thread, "_queue", None)
        return queue.qsize() if queue is not None else 0

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
        driver = self._driver
        if driver is None or driver.is_headless or driver.is_web or event.pixel_size is not None:
            return event  # its size is not from a signal
        size = Size(*shutil.get_terminal_size())
        return event if size == event.size else Resize(size, size)

    def _press(self, event: Key) -> None:
        """A key belongs to the box, if one is open: to what is below only if none is."""
        if self._exit:  # whatever was pressed after it, loopviz ends
            return
        if event.key in ALWAYS_QUIT:
            self.do_quit()
        elif isinstance(box := self.screen, BoxScreen):
            box.press(event)
            if self.screen is not box:
                self._double.closed(event.key, event.time)
        elif not self._double.repeats(event.key, event.time):
            self._press_main(event)

    def _press_main(self, event: Key) -> None:
        """A key on the main screen: what the keymap says, or a letter of what is typed."""
        if self.desk.look.typing:
            self._type(event)
        elif (name := self.desk.keys.name(event.key)) is not None:
            self.act(name)

    def _paste(self, event: Paste) -> None:
        """Into the filter, if that is being typed."""
        if self.screen is self._main and self.desk.look.typing:
            text = "".join(c for c in event.text if c.isprintable())
            self.desk.look = self.desk.look.filtered(
                self.desk.look.filters.get(self.desk.look.view, "") + text
            )
            self.tick(whole=True)

    def _type(self, event: Key) -> None:
        desk = self.desk
        look = desk.look
        text = typed(look.filters.get(look.view, ""), event.key, event.character)
        if event.key == "enter":
            desk.look = replace(look, typing=False)
        elif event.key == "escape":
            desk.look = replace(look.filtered(""), typing=False)
        elif event.key in ("up", "down"):
            desk.move(1 if event.key == "down" else -1)
        elif text is not None:
            desk.look = look.filtered(text)
        self.tick(whole=True)

    def act(self, name: str) -> None:
        """What the action of that name does; then the frame that shows it."""
        action = named(name)
        given = () if action.argument is None else (action.argument,)
        own = getattr(self, f"do_{action.command}", None)
        if own is not None:
            own(*given)
        else:
            COMMANDS[action.command](self.desk, *given)
        self._sweep.pressed(self._clock())
        self.tick(whole=True)
        if self.screen is self._main and self._fps:
            self._main.write()

    def do_scenarios(self) -> None:
        current = self.scene.scenario.id if self.scene else ""
        self.push_screen(PickerScreen(self.desk, self._controller.entries(), current), self._picked)

    def _picked(self, scenario_id: str | None) -> None:
        if scenario_id is not None:
            self._controller.switch(scenario_id)
            self.desk.restarted()
            self.tick(whole=True)

    def do_palette(self) -> None:
        from loopviz.tui.screens.palette import PaletteScreen  # noqa: PLC0415 - start-up counts

        self.push_screen(PaletteScreen(self.desk, self._controller.entries()), self._commanded)

    def _commanded(self, name: str | None) -> None:
        if name is None:
            return
        kind, _, scenario_id = name.partition(":")
        if scenario_id:
            self._picked(scenario_id)
        else:
            self.act(kind)

    def do_help(self) -> None:
        self.push_screen(HelpScreen(self.desk))

    def do_quit(self) -> None:
        self.exit()

    def do_theme(self) -> None:
        """The next theme; nothing to choose in sixteen colours or none."""
        desk = self.desk
        name = desk.looks.palette.name if desk.looks.palette else "none"
        if name not in THEMES:
            desk.say("Colours can be chosen where the terminal has 256 of them or more.")
            return
        desk.looks = looks(THEMES[(THEMES.index(name) + 1) % len(THEMES)])
        self._main.paint_ground(desk.looks)

    def do_copy(self) -> None:
        """The chosen line's place goes to the clipboard, by the terminal's own means (OSC 52)."""
        if location := self._chosen_line("copy"):
            place = clean(place_of(location))
            self.copy_to_clipboard(place)
            self.desk.say(f"Copied {place}, if the terminal allows it.")

    def do_edit(self) -> None:
        """The chosen line opens in the person's editor; recording goes on meanwhile."""
        location = self._chosen_line("edit")
        if location is None:
            return
        editor = Editor(os.environ)
        if not editor.name:
            self.desk.say(
                "No editor is set: say which with EDITOR=vim, for example, and start anew."
            )
            return
        command = editor.command(location.path or location.file, location.line)
        if not editor.window:
            self.run_worker(self._edit(command))
            return
        try:
            open_window(command)
            self.desk.say(f"{editor.name} opens {place_of(location)}.")
        except OSError as error:
            self.desk.say(f"{editor.name} cannot be started ({error.strerror}): see $EDITOR.")

    async def _edit(self, command: Sequence[str]) -> None:
        """Lend the terminal to the editor until it ends."""
        said = ""
        try:
            with self.suspend():
                self._away = True
                before = signal.signal(signal.SIGINT, lambda *_: None)  # ctrl+c is the editor's
                try:
                    said = await asyncio.to_thread(run_editor, command)
                finally:
                    signal.signal(signal.SIGINT, before)
                    self._away = False
        except SuspendNotSupported:
            said = (
                "An editor needs a terminal: in the browser, $VISUAL must have a window of its own."
            )
        self.desk.say(said)
        self.refresh(layout=True)
        self.tick(whole=True)

    def _chosen_line(self, what: str) -> Location | None:
        scene, desk = self.scene, self.desk
        location = desk.view.where(scene) if scene else None
        if location is None:
            desk.say(
                f"No line to {what}: go to a row that has one, with {desk.keys.shown('down')}."
            )
        return location

    def do_screenshot(self) -> None:
        scenario = clean(self.scene.scenario.id) if self.scene else "none"
        time = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        self.desk.say(save(picture_of(self, self.desk.looks), f"loopviz-{scenario}-{time}"))
