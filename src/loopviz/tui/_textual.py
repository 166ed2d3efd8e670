"""Everything private of Textual's that loopviz relies on. No other file touches such a name.

Each function says which names it relies on, and why no public way exists. `pyproject.toml` caps
Textual to the versions that were tried, and `tests/tui/test_textual.py` names each private
attribute: it fails with a sentence where a version of Textual has lost one.
"""

from collections.abc import Iterable
from typing import Any

from textual._context import visible_screen_stack
from textual.app import App
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

__all__ = ["ErrorApp", "has_exited", "queued_writes", "rearrange", "screen_rows", "update_now"]


class ErrorApp(App[None]):
    """An app that handles unhandled errors itself. Without a terminal they stop it, as Textual's.

    Relies on `App._handle_exception`, which Textual calls with every unhandled error, and which
    prints the traceback into the terminal. No event and no public method can be overridden instead.
    """

    def handle_error(self, error: Exception) -> None:
        """An error was raised that nothing has handled."""
        raise NotImplementedError

    def _handle_exception(self, error: Exception) -> None:
        if self.is_headless:
            super()._handle_exception(error)
        else:
            self.handle_error(error)


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


def rearrange(screen: Screen[Any]) -> None:
    """Lay out the screen again, although neither its size nor its widgets have changed.

    Relies on `Widget._clear_arrangement_cache`. `refresh(layout=True)` alone reuses the arrangement
    of the same size and widgets, and our layouts depend on the run as well.
    """
    screen._clear_arrangement_cache()  # noqa: SLF001
    screen.refresh(layout=True)


def update_now(screen: Screen[Any], widgets: Iterable[Widget]) -> None:
    """Send what these widgets show to the terminal at once.

    Relies on `Screen._dirty_widgets` and on `Screen._on_timer_update`, the callback of Textual's
    own timer, which would send them up to 30 ms later. No public method writes at once.
    """
    screen._dirty_widgets.update(widgets)  # noqa: SLF001
    screen._on_timer_update()  # noqa: SLF001


def screen_rows(app: App[Any]) -> list[Strip]:
    """The rows that are on the screen: of a box, and of what shows around it.

    Relies on `visible_screen_stack`, `App._background_screens` and `Screen._compositor`, as
    `App.export_screenshot` does. That is the public way, and makes an SVG of its own.
    """
    visible_screen_stack.set(app._background_screens)  # noqa: SLF001
    return app.screen._compositor.render_strips()  # noqa: SLF001
