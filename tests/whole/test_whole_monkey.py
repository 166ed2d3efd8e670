"""A monkey at a real terminal, over real live data: bytes of keys and of the mouse, and resizes."""

import fcntl
import random
import re
import signal
import struct
import termios
import time

import pytest

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

KEYS = [
    *"abcdfgijklnopyvxBFGNRTHL123456 0.,<>+-=[]/?sz",
    "\t", "\r", "\x1b", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[5~", "\x1b[6~", "\x7f",
]  # fmt: skip
"""None that leaves, opens an editor or writes a file; nor one that changes the scenario."""
SIZES = [(20, 5), (60, 16), (80, 24), (100, 30), (160, 50)]


class Monkey:
    def __init__(self, seen, seed):
        self.seen, self.random = seen, random.Random(seed)
        self.size = (80, 24)

    def act(self):
        do = self.random.choices([self.key, self.mouse, self.resize], [70, 27, 3])[0]
        do()

    def key(self):
        key = self.random.choice(KEYS)
        if key == "s":
            self.seen.press("s\x1b")
        elif key == "/":
            self.seen.press("/" + self.random.choice(["ping", "x", ""]) + "\r")
        else:
            self.seen.press(key)

    def mouse(self):
        width, height = self.size
        x, y = self.random.randint(1, width), self.random.randint(1, height)
        button = self.random.choice([0, 0, 2, 32, 64, 65])
        self.seen.press(f"\x1b[<{button};{x};{y}{self.random.choice('Mm')}")

    def resize(self):
        self.resized(*self.random.choice(SIZES))

    def resized(self, columns, lines):
        self.size = (columns, lines)
        self.seen.screen.resize(lines, columns)
        fcntl.ioctl(self.seen.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.seen.process.send_signal(signal.SIGWINCH)


def test_it_answers_after_a_short_storm(terminal):
    storm(terminal, "dbpool", 2, 150)


@pytest.mark.monkey
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("scenario", "seed"), [("block", 1), ("dbpool", 2), ("race", 3)])
def test_it_answers_after_a_storm(terminal, scenario, seed):
    storm(terminal, scenario, seed, 1500)


def storm(terminal, scenario, seed, count):
    seen = terminal(80, 24, "run", scenario)
    seen.until("LIVE")
    monkey = Monkey(seen, seed)
    for _ in range(count):
        monkey.act()
        seen.text()  # 20 ms of reading
        assert seen.process.poll() is None, "\n".join(seen.screen.display)
    monkey.resized(20, 5)
    seen.until("60×16", timeout_s=5)
    monkey.resized(80, 24)
    for _ in range(6):
        seen.press("\x1b")
        time.sleep(0.3)  # an escape alone, not the beginning of a sequence
        seen.text()
    seen.press("1")
    seen.press("0")
    seen.until("LIVE", "LOOP", "GET /ping", timeout_s=5)
    seen.press(" ")
    seen.until("FROZEN", timeout_s=5)
    seen.press("0")
    seen.until("LIVE", timeout_s=5)
    before = lanes(seen.text())
    time.sleep(1)
    assert lanes(seen.text()) != before  # time goes on
    seen.press("q")
    assert seen.end() == 0


def lanes(shown):
    return [line for line in shown.split("\n") if re.match(r" ?(GET|LOOP|  ·)", line)]
