"""Questions of people who know nothing of loopviz: the screen answers each within five keys.

In a class room's 120×35, in plain words: `pytest -m walk`.
"""

import re

import pytest

from loopviz.lab.catalogue import builtin_folder

pytestmark = [pytest.mark.walk, pytest.mark.timeout(120)]

MOST_KEYS = 5


class Asker:
    """Reads the screen, and presses few keys."""

    def __init__(self, seen):
        self.seen = seen
        self._pressed = 0

    def press(self, key):
        self._pressed += 1
        assert self._pressed <= MOST_KEYS
        self.seen.press(key)

    def reads(self, pattern, timeout_s=30.0):
        """Wait until the screen says so, on however many rows of a panel; the match."""
        return self.seen.wait_for(
            lambda shown: re.search(pattern, sentences(shown)), timeout_s, f"{pattern!r}"
        )


def sentences(shown):
    """The panel on the right as one line, then what is left of it, row by row."""
    rows = [re.split(r"[│├](?=[^│├]*$)", row) for row in shown.split("\n")]
    panel = " ".join(row[1] for row in rows if len(row) > 1)
    return "\n".join([" ".join(panel.split()), *(row[0] for row in rows)])


@pytest.fixture
def asker(terminal):
    """A function: somebody in front of a scenario whose bug is to be seen."""

    def start(scenario, effect):
        asker = Asker(terminal(120, 35, "run", scenario))
        asker.reads(effect)
        asker.reads(r"next +press a")
        return asker

    return start


def test_what_does_fix_b_of_queue_do_and_is_it_good(asker):
    me = asker("queue", "UNBOUNDED GROWTH")
    me.press("b")
    me.reads(r"b \(•\) .*A full queue makes the sender wait, half a second at most")
    me.reads(r"SOLVED since b \(\d+ s\), new: queue full")
    length = me.reads(r"queue length +(\d+) → (1?\d|20) +▼")
    assert int(length.group(1)) > 20
    me.reads(r"Queue\(20\) was full: POST /events waited \d+ ms to put into it")
    me.reads(r"refused [1-9]")


def test_why_is_c_of_threads_no_cure(asker):
    me = asker("threads", "40/40 FULL")
    me.press("c")
    me.reads(r"looks right but is not: asyncio's own executor has CPUs \+ 4 threads, 32 at most")
    threads = int(me.reads(r"All (\d+) threads of default executor were taken").group(1))
    me.reads(rf"executor █+ {threads}/{threads} FULL wait \d+")
    me.reads(r"next +(NO CHANGE|WORSE).*; c looks right but is not: press c to turn it off, then a")
    assert threads < 40


def test_which_two_requests_raced_in_race(asker):
    me = asker("race", r"lost votes [1-9]")
    me.reads("TWO AT ONCE +POST /vote")
    me.press(" ")
    first, second, line = me.reads(r"(#\d+) and (#\d+) both waited at race\.py:(\d+)").groups()
    me.reads(rf"\n +{first} .*\n +{second} ")
    me.reads("may have changed what (it|the other) had read")
    source = (builtin_folder() / "race.py").read_text().splitlines()
    assert "count = in_memory" in source[int(line) - 2]
    assert "in_memory = count + 1" in source[int(line)]
