"""The guard: a tiny process that cleans up if the terminal process dies without doing so.

It reads lines from its standard input: `group 4711` for a process group that was started,
`program 4711` for a group that is not loopviz's own, `forget 4711` for one that has ended,
`folder /run/…` for the run's folder. When that pipe ends,
because the terminal process has closed it or was killed, it gives the children a moment to end by
themselves (its own notice, too; programs get SIGINT), then kills their groups and removes the
folder. It is run as a file, without site packages, so that it starts fast and stays small.

Its first argument is how many seconds that moment lasts. If two more follow, descriptors of the
terminal's input and output, it restores the terminal if the pipe ends while a screen is on it. A
screen's lines are `before ATTRIBUTES`, `screen ATTRIBUTES` and `restored`; see
`loopviz.engine.terminal`. The guard is in a session of its own, so the terminal is not its
controlling one, and it may set the attributes without being in the foreground (no SIGTTOU).
"""

import contextlib
import marshal
import os
import shutil
import signal
import sys
import termios
import time
from collections.abc import Sequence

__all__ = ["main"]

Attributes = list[int | list[bytes | int]]
"""A terminal's attributes, as `termios` has them."""

RESTORE_S = 1.0
"""Seconds that restoring may take: writing blocks if nobody reads the terminal."""

LEAVE = (
    "\x1b\\"  # ends a sequence that was cut off
    "\x1b[?2026l"  # synchronized output
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # the mouse
    "\x1b[?2004l\x1b[?1004l\x1b[?2048l"  # bracketed paste, focus, in-band resize
    "\x1b[?7h\x1b[0m"  # lines wrap, default colours
    "\x1b[<u"  # kitty's keyboard protocol, which each of the two screens has of its own
    "\x1b[?1049l\x1b[?25h"  # the main screen, the cursor
)
"""Resets the terminal modes that Textual's driver sets."""


class Screen:
    """The attributes of the terminal before a screen was on it, and with the screen."""

    def __init__(self, input_fd: int, output_fd: int) -> None:
        self._input_fd, self._output_fd = input_fd, output_fd
        self._before: Attributes = []
        self._with: Attributes = []

    def update(self, word: str, value: str) -> None:
        """Apply a line that is about the screen."""
        if word == "before":
            self._before, self._with = _attributes(value), []
        elif word == "screen":
            self._with = _attributes(value)
        elif word == "restored":
            self._before = []

    def restore(self) -> None:
        """Restore the terminal if a screen is on it. Returns after `RESTORE_S` at most."""
        if not self._before:
            return
        signal.signal(signal.SIGALRM, _give_up)
        signal.setitimer(signal.ITIMER_REAL, RESTORE_S)
        with contextlib.suppress(OSError, termios.error):  # the terminal has gone, or is not read
            self._restore()
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _restore(self) -> None:
        # a shell sets attributes of its own for its prompt, and it may have come back already
        is_ours = not self._with or termios.tcgetattr(self._input_fd) == self._with
        if is_ours:
            termios.tcsetattr(self._input_fd, termios.TCSANOW, self._before)
        os.write(self._output_fd, LEAVE.encode())
        if is_ours:
            termios.tcflush(self._input_fd, termios.TCIFLUSH)  # reports of the mouse

    def close(self) -> None:
        """Close the terminal, so that its hang-up does not have to wait for this process."""
        for fd in {self._input_fd, self._output_fd} - {-1}:
            os.close(fd)


def main(grace_s: float, terminal: Sequence[int] = ()) -> None:
    """Follow standard input to its end, then clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it goes last
    input_fd, output_fd = terminal or (-1, -1)
    screen = Screen(input_fd, output_fd)
    groups: set[int] = set()
    programs: set[int] = set()
    folders: set[str] = set()
    for line in sys.stdin:
        word, _, value = line.rstrip("\n").partition(" ")
        if word in ("group", "program"):
            groups.add(int(value))
            if word == "program":
                programs.add(int(value))
        elif word == "forget":
            groups.discard(int(value))
        elif word == "folder":
            folders.add(value)
        else:
            screen.update(word, value)
    screen.restore()  # first: a shell is about to write its prompt
    screen.close()
    for group in programs & groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGINT)
    clean_up(groups, folders, grace_s)


def clean_up(groups: set[int], folders: set[str], grace_s: float) -> None:
    """Kill the groups that have not ended by themselves by then, and remove the folders."""
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline and any(_exists(group) for group in groups):
        time.sleep(0.05)
    for group in filter(_exists, groups):
        with contextlib.suppress(
            ProcessLookupError, PermissionError
        ):  # it has just ended by itself
            os.killpg(group, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another loopviz still lives there
            os.rmdir(os.path.dirname(folder))  # noqa: PTH106, PTH120 - pathlib would cost start-up


def _attributes(value: str) -> Attributes:
    """The attributes that `loopviz.engine.terminal` has encoded, with the same Python."""
    raw = bytes.fromhex(value)
    attributes: Attributes = marshal.loads(raw)  # noqa: S302 - only our process has that pipe
    return attributes


def _give_up(*_: object) -> None:
    raise TimeoutError


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main(float(sys.argv[1]), [int(word) for word in sys.argv[2:]])
