"""The terminal UI in a pseudo-terminal: start-up times, CPU, frames, key to repaint."""

import fcntl
import os
import pty
import re
import select
import statistics
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_MARKUP = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """`loopviz` in a pseudo-terminal of a size; what it writes is read and kept."""

    def __init__(self, columns: int, lines: int, *words: str) -> None:
        self.fd, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("loopviz"), *words],
            stdin=child,
            stdout=child,
            stderr=child,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
        )
        os.close(child)
        self.seen = b""
        self.bursts = 0

    def read(self, timeout_s: float) -> bytes:
        """What comes within the timeout, as soon as something does."""
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return b""
        data = os.read(self.fd, 1 << 20)
        self.seen = (self.seen + data)[-400_000:]
        self.bursts += 1
        return data

    def until(self, text: bytes, timeout_s: float = 20) -> float:
        """Seconds until the text is written, counted from now."""
        start = time.monotonic()
        self.seen = b""
        while time.monotonic() - start < timeout_s:
            self.read(0.05)
            if text in _MARKUP.sub(b"", self.seen):
                return time.monotonic() - start
        raise TimeoutError(f"{text!r} was not written within {timeout_s} s")

    def run_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def key(self, key: bytes) -> None:
        os.write(self.fd, key)

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_mb(self) -> float:
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def close(self) -> None:
        """Quit as a person would."""
        self.key(b"q")
        while self.process.poll() is None:
            try:
                self.read(0.05)
            except OSError:
                break
        self.process.wait(10)
        os.close(self.fd)


def starts(rounds: int = 5) -> dict[str, float]:
    """Medians: process start to first frame, and to live data."""
    first, live = [], []
    for _ in range(rounds):
        terminal = Terminal(80, 24)
        terminal.until(b"loopviz")
        first.append(time.monotonic() - terminal.started)
        terminal.until(b"LIVE")
        live.append(time.monotonic() - terminal.started)
        terminal.close()
    return {"first_frame_s": statistics.median(first), "live_s": statistics.median(live)}


def steady(columns: int, lines: int, seconds: float = 10) -> dict[str, float]:
    """CPU share and writes per second of the UI process, and its memory."""
    terminal = Terminal(columns, lines)
    terminal.until(b"LIVE")
    terminal.run_for(6)
    cpu, bursts, start = terminal.cpu_s(), terminal.bursts, time.monotonic()
    terminal.run_for(seconds)
    lasted = time.monotonic() - start
    measured = {
        "cpu": (terminal.cpu_s() - cpu) / lasted,
        "writes_per_s": (terminal.bursts - bursts) / lasted,
        "rss_mb": terminal.rss_mb(),
    }
    terminal.close()
    return measured


def keys(columns: int, lines: int, presses: int = 60) -> dict[str, float]:
    """Milliseconds from a key to its repaint, under `block` (the loop is held 60 % of the time)."""
    terminal = Terminal(columns, lines)
    terminal.until(b"LIVE")
    terminal.run_for(3)
    taken = []
    for i in range(presses):
        terminal.run_for(0.05 + 0.013 * (i % 7))
        terminal.key(b" ")
        taken.append(terminal.until(b"LIVE" if i % 2 else b"FROZEN", 5) * 1000)
    terminal.close()
    taken.sort()
    return {"p50_ms": statistics.median(taken), "p99_ms": taken[int(len(taken) * 0.99)]}


def toggle() -> dict[str, float]:
    """Milliseconds from the fix's key to its tick in the header."""
    terminal = Terminal(80, 24)
    terminal.until(b"LIVE")
    terminal.run_for(4)
    terminal.key(b"a")
    taken = terminal.until(b"[x]", 5) * 1000
    terminal.close()
    return {"toggle_ms": taken}
