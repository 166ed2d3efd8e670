"""The terminal while a screen is on it: the guard is told how to restore it should we die."""

import contextlib
import marshal
import termios
from collections.abc import Callable

__all__ = ["INPUT_FD", "OUTPUT_FD", "Terminal"]

INPUT_FD, OUTPUT_FD = 0, 2
"""Where Textual reads keys and sets the terminal's attributes; where it writes."""


class Terminal:
    """Tells the guard when a screen takes the terminal and when it has given it back."""

    def __init__(self, send: Callable[[str], None]) -> None:
        """`send` sends a line to the guard; see `loopviz.engine.guard`."""
        self._send = send

    def before_screen(self) -> None:
        """The attributes are still those that the screen's end must bring back."""
        self._send_attributes("before")

    def screen(self) -> None:
        """The attributes are the screen's: while they are the same, nobody else has set them."""
        self._send_attributes("screen")

    def after_screen(self) -> None:
        """The terminal is as it was before."""
        self._send("restored")

    def _send_attributes(self, word: str) -> None:
        with contextlib.suppress(termios.error):  # it has just gone
            self._send(f"{word} {marshal.dumps(termios.tcgetattr(INPUT_FD)).hex()}")
