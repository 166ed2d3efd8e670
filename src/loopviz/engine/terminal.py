"""Sends the guard what it needs to restore the terminal if this process dies with a screen."""

import contextlib
import marshal
import termios
from collections.abc import Callable

__all__ = ["INPUT_FD", "OUTPUT_FD", "Terminal"]

INPUT_FD, OUTPUT_FD = 0, 2
"""The descriptors from which Textual reads keys, and to which it writes."""


class Terminal:
    """Informs the guard when a screen takes over the terminal and when it has restored it."""

    def __init__(self, send: Callable[[str], None]) -> None:
        """`send` sends a line to the guard; see `loopviz.engine.guard`."""
        self._send = send

    def before_screen(self) -> None:
        """To be called before the screen starts: these attributes are to be restored."""
        self._send_attributes("before")

    def screen(self) -> None:
        """To be called with the screen on: as long as these are set, no shell has set its own."""
        self._send_attributes("screen")

    def after_screen(self) -> None:
        """To be called once the screen has restored the terminal."""
        self._send("restored")

    def _send_attributes(self, word: str) -> None:
        with contextlib.suppress(termios.error):  # it has just gone
            self._send(f"{word} {marshal.dumps(termios.tcgetattr(INPUT_FD)).hex()}")
