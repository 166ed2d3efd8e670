"""The product as a person meets it: `loopviz` in a terminal, keys pressed, the screen read."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pyte
import pytest
from whole_tools import wait_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


class Terminal:
    """loopviz in a pseudo-terminal with an emulator behind it."""

    def __init__(self, columns, lines, *words):
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.fd, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "loopviz", *words],
            stdin=child,
            stdout=child,
            stderr=child,
            env={**os.environ, "TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(child)

    def text(self):
        """What is on the screen now."""
        while select.select([self.fd], [], [], 0.02)[0]:
            try:
                data = os.read(self.fd, 1 << 16)
            except OSError:
                break
            # pyte takes a private sequence of newer terminals for text
            self._stream.feed(data.replace(b"\x1b[>25u", b"").replace(b"\x1b[<u", b""))
        return "\n".join(self.screen.display)

    def until(self, *texts, timeout_s=20):
        def look():
            shown = self.text()
            return shown if all(text in shown for text in texts) else None

        try:
            return wait_until(look, timeout_s, f"{texts} on the screen")
        except AssertionError as error:
            error.add_note(self.text())
            raise

    def until_gone(self, text):
        wait_until(lambda: text not in self.text(), 5, f"the end of {text}")

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def end(self):
        """Wait for the end, reading on so that nothing blocks; the exit code."""
        deadline = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < deadline:
            self.text()
        return self.process.wait(1)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.fd)


@pytest.fixture
def terminal():
    made = []

    def start(*words):
        made.append(Terminal(*words))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (160, 50)])
def test_the_first_minute(terminal, ours, columns, lines):
    """It opens running, names the line, a key fixes it, q leaves nothing."""
    seen = terminal(columns, lines)
    seen.until("LIVE", "block: frozen loop", "GET /ping")
    seen.until("SLOW CALLBACK", "scenarios/block.py:", "time.sleep(0.05)")
    time.sleep(3)  # for samples to compare with
    seen.press("a")
    seen.until("a[x]", "to_thread on", timeout_s=1.5)
    seen.until("▼", "last seen", timeout_s=15)
    seen.press("s")
    seen.until("CPU work and the GIL")
    seen.press("\x1b")
    seen.until_gone("CPU work and the GIL")
    seen.press("?")
    seen.until("GLYPHS")
    seen.press("\x1b")
    seen.until_gone("GLYPHS")
    seen.press(" ")
    seen.until("FROZEN")
    seen.press("q")
    assert seen.end() == 0
    wait_until(lambda: not ours(), 3, "the end of all processes")


def test_a_dead_target_is_said_and_r_restarts_it(terminal, ours):
    seen = terminal(80, 24)
    seen.until("LIVE")
    (target,) = [pid for pid, words in ours().items() if "loopviz.target" in words]
    os.kill(target, signal.SIGKILL)
    seen.until("TARGET DIED", "SIGKILL", "R", timeout_s=3)
    seen.press("R")
    seen.until("LIVE", "SLOW CALLBACK")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_outlives_a_signal(terminal, ours, runtime_folder, number):
    seen = terminal(80, 24)
    seen.until("LIVE")
    seen.process.send_signal(number)
    assert seen.end() == (-number if number == signal.SIGKILL else 128 + number)
    wait_until(lambda: not ours(), 3, "the end of all processes")
    wait_until(lambda: not list(runtime_folder.rglob("*.ring")), 1, "removing the files")


def test_closing_the_terminal_ends_everything(terminal, ours):
    seen = terminal(80, 24)
    seen.until("LIVE")
    os.close(seen.fd)
    seen.fd = os.open(os.devnull, os.O_RDWR)
    wait_until(lambda: not ours(), 5, "the end of all processes")
