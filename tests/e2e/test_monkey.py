"""A monkey at a real terminal, over real live data: bytes of keys and of the mouse, and resizes.

Keys arrive one by one and several in one write, with boxes open and while the size changes.
"""

import fcntl
import random
import re
import signal
import struct
import termios

import pytest

from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

ESC = "\x1b[27u"
"""Escape as newer terminals send it: what follows at once does not become a part of it."""
PALETTE = "\x10"

KEYS = [
    *"abcdfgijklnopyvxBFGNRTHL123456 0.,<>+-=[]/?sz",
    "\t", "\r", ESC, "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[5~", "\x1b[6~", "\x7f",
]  # fmt: skip
"""None that leaves, opens an editor or writes a file; nor one that changes the scenario."""

BURSTS = [
    "sqq", "sqqq", "sjkGgqq", "sjqqj",
    "s" + ESC * 2, "s?" + ESC, "s/x" + ESC * 3, "s" + ESC + "2", "s" + ESC + "?" + ESC * 2,
    "?" + ESC * 2, "?s" + ESC, "??" + ESC, "?\r\r", "?" + ESC + "s" + ESC,
    PALETTE + ESC * 2, PALETTE + "?s" + ESC,
    PALETTE + "help\r" + ESC, PALETTE + "scenarios\r" + ESC,
]  # fmt: skip
"""Boxes that open and close in one write. No `q` leaves, whatever was open: it closes a box or is
typed, and those after it repeat it."""
SIZES = [(20, 5), (60, 16), (80, 24), (100, 30), (160, 50)]
FOOTERS = {lines for _, lines in SIZES}


class Monkey:
    def __init__(self, seen, seed):
        self.seen, self.random = seen, random.Random(seed)
        self.size = (80, 24)
        self.waits = 0

    def act(self):
        acts = [self.key, self.burst, self.mouse, self.resize]
        do = self.random.choices(acts, [55, 20, 20, 5])[0]
        do()

    def key(self):
        key = self.random.choice(KEYS)
        if key == "s":
            self.seen.press("s" + ESC)
        elif key == "/":
            self.seen.press("/" + self.random.choice(["ping", "x", ""]) + "\r")
        else:
            self.seen.press(key)

    def burst(self):
        """Several in one write; now and then the window changes before they have an effect."""
        for burst in self.random.choices(BURSTS, k=self.random.choice([1, 1, 2])):
            self.seen.press(burst)
            if self.random.random() < 0.3:
                self.resize()

    def mouse(self):
        width, height = self.size
        x, y = self.random.randint(1, width), self.random.randint(1, height)
        y -= y in FOOTERS  # a click there may leave
        button = self.random.choice([0, 0, 2, 32, 64, 65])
        self.seen.press(f"\x1b[<{button};{x};{y}{self.random.choice('Mm')}")

    def resize(self):
        self.resized(*self.random.choice(SIZES))

    def wait(self):
        """Until it has dealt with everything so far, however slow the machine is.

        A size that is too small is shown as text. Each is another one, so that no earlier picture
        is taken for the answer.
        """
        self.waits += 1
        self.seen.press(ESC * 2)  # what is typed, and the box
        self.resized(30 + self.waits % 30, 10)
        self.seen.until(f"{self.size[0]}×10", timeout_s=60)
        self.resized(80, 24)

    def resized(self, columns, lines):
        self.size = (columns, lines)
        self.seen.screen.resize(lines, columns)
        fcntl.ioctl(self.seen.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.seen.process.send_signal(signal.SIGWINCH)


def test_quick_keys_on_boxes_do_not_end_the_screen(terminal):
    seen = terminal(80, 24, "run", "block")
    seen.until("LIVE")
    for burst in ["sqq", "?qq", PALETTE + ESC + ESC, "?\r\r", "s" + ESC + "?" + ESC + ESC]:
        seen.press(burst)
    seen.press("sdbpool")
    seen.until("SCENARIOS", "> dbpool")
    seen.press(ESC + "qq1")
    seen.until_gone("SCENARIOS")
    seen.press("q")
    assert seen.end() == 0


def test_it_answers_after_a_short_storm(terminal):
    storm(terminal, "block", 2, 30)


@pytest.mark.monkey
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("scenario", "seed"), [("block", 1), ("dbpool", 2), ("race", 3)])
def test_it_answers_after_a_storm(terminal, scenario, seed):
    storm(terminal, scenario, seed, 1500)


@pytest.mark.monkey
@pytest.mark.timeout(600)
def test_boxes_open_and_close_in_a_storm_of_sizes(terminal):
    """3,000 sizes as fast as they come, with a key of a box after every few."""
    seen = terminal(80, 24, "run", "dbpool")
    seen.until("LIVE")
    monkey = Monkey(seen, 4)
    for place in range(1, 3001):
        monkey.resized(monkey.random.randint(1, 250), monkey.random.randint(1, 70))
        if place % 3 == 0:
            seen.press(monkey.random.choice(["?", "s", ESC, "?s" + ESC, "s?" + ESC, PALETTE]))
        seen.drain()
        assert seen.process.poll() is None, seen.text()
        if place % 100 == 0:
            monkey.wait()
    it_answers(seen, monkey)


@pytest.mark.monkey
def test_the_last_of_quick_sizes_is_the_one_shown(terminal):
    seen = terminal(80, 24, "run", "block")
    seen.until("LIVE")
    monkey = Monkey(seen, 5)
    for _ in range(100):
        for size in [(80, 24), (100, 30), (80, 24)]:
            monkey.resized(*size)
        monkey.wait()
    monkey.resized(80, 24)
    it_answers(seen, monkey)


def storm(terminal, scenario, seed, count):
    seen = terminal(80, 24, "run", scenario)
    seen.until("LIVE")
    monkey = Monkey(seen, seed)
    for place in range(1, count + 1):
        monkey.act()
        seen.text()  # 20 ms of reading
        assert seen.process.poll() is None, "\n".join(seen.screen.display)
        if place % 100 == 0:
            monkey.wait()
    it_answers(seen, monkey)


def it_answers(seen, monkey):
    """As a person would find it, and it ends when it is asked to."""
    monkey.wait()
    seen.press(ESC * 4 + "10")
    seen.until("LIVE", "LOOP", "GET /ping")
    seen.press(" ")
    seen.until("FROZEN")
    seen.press("0")
    before = lanes(seen.until("LIVE"))
    wait_until(lambda: lanes(seen.text()) != before, 5, "a picture that goes on")
    seen.press("q")
    assert seen.end() == 0


def lanes(shown):
    return [line for line in shown.split("\n") if re.match(r" ?(GET|LOOP|  ·)", line)]
