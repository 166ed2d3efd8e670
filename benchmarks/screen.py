"""The terminal UI in a pseudo-terminal: start-up times, CPU, frames, key to repaint, memory."""

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
BUSY = ("busy", "--scenarios", str(Path(__file__).parent / "scenarios"))
"""About 5,000 events a second."""
LINK = 300_000
"""Bytes a second of a slow link."""
BUFFER = 4096
"""What such a link takes at once."""
_MARKUP = re.compile(rb"\x1b\[[0-9;?<>=]*[a-zA-Z]")


class Terminal:
    """`loopviz` in a pseudo-terminal of a size; what it writes is read and kept.

    With `link`, no more than so many bytes a second are taken from it.
    """

    def __init__(self, columns: int, lines: int, *words: str, link: int = 0) -> None:
        self.fd, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("loopviz"), "run", *words],
            stdin=child,
            stdout=child,
            stderr=child,
            env={
                **os.environ,
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "LOOPVIZ_CONFIG": os.devnull,
            },
            start_new_session=True,
        )
        os.close(child)
        self.seen = b""
        self.bursts = self.taken = 0
        self._link, self._allowed, self._refilled = link, float(BUFFER), time.monotonic()

    def read(self, timeout_s: float) -> bytes:
        """What comes within the timeout, as soon as something does."""
        most = self._most(timeout_s) if self._link else 1 << 20
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return b""
        data = os.read(self.fd, most)
        self._allowed -= len(data)
        self.seen = (self.seen + data)[-400_000:]
        self.bursts += 1
        self.taken += len(data)
        return data

    def _most(self, timeout_s: float) -> int:
        """What the link can take now; waits until that is something."""
        while True:
            now = time.monotonic()
            self._allowed = min(BUFFER, self._allowed + (now - self._refilled) * self._link)
            self._refilled = now
            if self._allowed >= BUFFER / 4:
                return int(self._allowed)
            time.sleep(min(timeout_s, BUFFER / 4 / self._link))

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


def steady(columns: int, lines: int, *words: str, seconds: float = 10) -> dict[str, float]:
    """CPU share and writes per second of the UI process, and its memory."""
    terminal = Terminal(columns, lines, *words)
    terminal.until(b"LIVE")
    terminal.run_for(6)
    cpu, bursts, taken, start = (
        terminal.cpu_s(), terminal.bursts, terminal.taken, time.monotonic(),
    )  # fmt: skip
    terminal.run_for(seconds)
    lasted = time.monotonic() - start
    measured = {
        "cpu": (terminal.cpu_s() - cpu) / lasted,
        "writes_per_s": (terminal.bursts - bursts) / lasted,
        "kb_per_s": (terminal.taken - taken) / lasted / 1000,
        "rss_mb": terminal.rss_mb(),
    }
    terminal.close()
    return measured


def keys(
    columns: int, lines: int, *words: str, presses: int = 60, link: int = 0
) -> dict[str, float]:
    """Milliseconds from a key to its repaint: freeze, and go on."""
    terminal = Terminal(columns, lines, *words, link=link)
    terminal.until(b"LIVE")
    terminal.run_for(4)
    taken = []
    for i in range(presses):
        terminal.run_for(0.25 + 0.013 * (i % 7))
        terminal.key(b" ")
        taken.append(terminal.until(b"LIVE" if i % 2 else b"FROZEN", 5) * 1000)
    terminal.close()
    taken.sort()
    return {
        "p50_ms": statistics.median(taken),
        "p99_ms": taken[int(len(taken) * 0.99)],
        "max_ms": taken[-1],
    }


def toggle() -> dict[str, float]:
    """Milliseconds from the fix's key to its tick in the header."""
    terminal = Terminal(80, 24)
    terminal.until(b"LIVE")
    terminal.run_for(4)
    terminal.key(b"a")
    taken = terminal.until("•".encode(), 5) * 1000
    terminal.close()
    return {"toggle_ms": taken}


def memory(minutes: float = 10, every_s: float = 30) -> list[tuple[float, float]]:
    """RSS of the UI process at 5,000 events a second: pairs of minutes and MB."""
    terminal = Terminal(160, 50, *BUSY)
    terminal.until(b"LIVE")
    start = time.monotonic()
    seen = []
    while (passed := time.monotonic() - start) < minutes * 60:
        terminal.run_for(min(every_s, minutes * 60 - passed))
        seen.append(((time.monotonic() - start) / 60, terminal.rss_mb()))
        print(f"{seen[-1][0]:4.1f} min {seen[-1][1]:.0f} MB", file=sys.stderr)
    terminal.close()
    return seen
