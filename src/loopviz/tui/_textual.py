"""Everything private of Textual's that loopviz relies on. No other file touches such a name.

Each function says which names it relies on, and why no public way exists. `pyproject.toml` caps
Textual to the versions that were tried, and `tests/tui/test_textual.py` names each private
attribute: it fails with a sentence where a version of Textual has lost one.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rich.color import ColorSystem
from rich.console import Console
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual._context import visible_screen_stack
from textual.app import App
from textual.screen import Screen
from textual.strip import Strip

from loopviz.tui.draw.screen_cells import Placed, ScreenCells, Shift

__all__ = ["CellsApp", "ErrorApp", "has_exited", "queued_writes", "screen_rows"]


class ErrorApp(App[None]):
    """An app that handles unhandled errors itself. Without a terminal they stop it, as Textual's.

    Relies on `App._handle_exception`, which Textual calls with every unhandled error, and which
    prints the traceback into the terminal. No event and no public method can be overridden instead.
    """

    def call_every(self, interval_s: float, call: Callable[[], None]) -> None:
        """Call it at this interval until the app exits; what it misses by its own length is lost.

        As `set_interval`, whose task takes as long for each call as a frame in which little is new.
        """
        loop = asyncio.get_running_loop()

        def again(due_s: float) -> None:
            if has_exited(self):
                return
            try:
                call()
            except Exception as error:  # noqa: BLE001 - as Textual's timers do
                self._handle_exception(error)
            missed = int(max(loop.time() - due_s, 0.0) / interval_s)
            due_s += (missed + 1) * interval_s  # later than now: keys have their turn in between
            loop.call_at(due_s, again, due_s)

        again_s = loop.time() + interval_s
        loop.call_at(again_s, again, again_s)

    def handle_error(self, error: Exception) -> None:
        """An error was raised that nothing has handled."""
        raise NotImplementedError

    def _handle_exception(self, error: Exception) -> None:
        if self.is_headless:
            super()._handle_exception(error)
        else:
            self.handle_error(error)


class CellsApp(ErrorApp):
    """An app that sends the terminal only the cells that change.

    Relies on `App._display`, which writes each update of the compositor's, and on the compositor's
    two kinds of update. No public method writes a picture in its turn, between Textual's marks for
    the begin and the end of a frame.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cells = ScreenCells(DEPTHS[self.console.color_system or "truecolor"])
        """What the terminal shows."""

    def paint(self, placed: Iterable[Placed], shift: Shift | None = None) -> None:
        """Send these strips at once, past the compositor. The app's screen must be theirs."""
        update: Any = CellsUpdate(lambda: self.changes(placed, shift))
        self._display(self.screen, update)

    def changes(self, placed: Iterable[Placed], shift: Shift | None, *, anew: bool = False) -> str:
        """What makes the terminal show that; `anew`: whatever it shows now."""
        if anew or self.cells.size != self.size:
            self.cells.forget(*self.size)
        return self.cells.paint(placed, shift)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, LayoutUpdate | ChopsUpdate):
            placed = placed_strips(renderable)
            anew = isinstance(renderable, LayoutUpdate)  # after a resize, or an editor's screen
            renderable = CellsUpdate(lambda: self.changes(placed, None, anew=anew))
        super()._display(screen, renderable)


DEPTHS = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
    "windows": ColorSystem.WINDOWS,
}
"""By rich's names for them."""


@dataclass(frozen=True)
class CellsUpdate(CompositorUpdate):
    """An update whose text is made when it is written, if it is."""

    text: Callable[[], str]

    def render_segments(self, console: Console) -> str:  # noqa: ARG002
        return self.text()


def placed_strips(update: LayoutUpdate | ChopsUpdate) -> list[Placed]:
    """The strips of an update of the compositor's."""
    if isinstance(update, ChopsUpdate):
        rows = sorted({y for y, _, _ in update.spans})
        placed = [(x, y, strip) for y in rows for x, strip in update.chops[y].items()]
        return [(x, y, strip) for x, y, strip in placed if strip is not None]
    return [
        (sum(before.cell_length for before in strips[:at]), y, strip)
        for y, strips in enumerate(map(list, update.strips))
        for at, strip in enumerate(strips)
    ]


def has_exited(app: App[Any]) -> bool:
    """True once `App.exit` was called.

    Relies on `App._exit`. The public way is the message that `exit` posts: it comes after keys that
    are queued already.
    """
    return app._exit  # noqa: SLF001


def queued_writes(app: App[Any]) -> int:
    """The number of writes that wait for the terminal; 0 with a driver that writes at once.

    Relies on `App._driver`, on the `_writer_thread` of the terminal's drivers, and on its `_queue`.
    Drivers do not tell how far they are.
    """
    thread = getattr(app._driver, "_writer_thread", None)  # noqa: SLF001
    queue = getattr(thread, "_queue", None)
    return queue.qsize() if queue is not None else 0


def screen_rows(app: App[Any]) -> list[Strip]:
    """The rows that are on the screen: of a box, and of what shows around it.

    Relies on `visible_screen_stack`, `App._background_screens` and `Screen._compositor`, as
    `App.export_screenshot` does. That is the public way, and makes an SVG of its own.
    """
    visible_screen_stack.set(app._background_screens)  # noqa: SLF001
    return app.screen._compositor.render_strips()  # noqa: SLF001
