"""Strangers' walks: whoever reads nothing but the screen finds the bug, its cause and its fix.

No key is known here: each is taken from the words that the screen has at that moment, and a walk
takes eight of them at most. One of them is in tmux, as people have it.
"""

import re
import time
from pathlib import Path

import pytest

from loopviz.lab.catalogue import builtin_folder
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

SAID = {"enter": "\r", "esc": "\x1b", "space": " ", "tab": "\t"}
"""Keys that have names on the screen."""


class Stranger:
    """Reads the screen, presses what it names."""

    def __init__(self, seen):
        self.seen = seen
        self.pressed = []

    def reads(self, pattern, timeout_s=15.0):
        """Wait until the screen says so; the match."""
        what = f"{pattern!r} on the screen after {self.pressed}"
        return self.seen.wait_for(lambda shown: re.search(pattern, shown), timeout_s, what)

    def follows(self, pattern, timeout_s=15.0):
        """Press the key that the pattern's group finds."""
        key = self.reads(pattern, timeout_s).group(1)
        self.pressed.append(key)
        assert len(self.pressed) <= 8
        self.seen.press(SAID.get(key, key))

    def leaves(self, box):
        """Out of a box, once it has been read, with the key that it names."""
        self.reads(box)
        self.follows(r"(esc)\b")
        self.seen.wait_for(lambda shown: not re.search(box, shown), 5, f"the end of {box}")

    def opens(self, view):
        """Go to a view: the tabs name its key; where there are none, the footer has the first."""
        shown = self.seen.text()
        if not re.search(rf"\d {view}\b", shown):
            first = self.reads(r"(\d)-(\d) views")
            self.pressed.append(first.group(2))
            self.seen.press(first.group(2))
        self.follows(rf"\b(\d) {view}\b")
        self.reads(rf"\[\d {view}\]")


def source(place):
    """The line that `file.py:64` names."""
    name, _, line = place.rpartition(":")
    return (builtin_folder() / Path(name).name).read_text().splitlines()[int(line) - 1]


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=str)
def test_block_find_the_line_fix_it_compare(terminal, ours, size):
    """And look around, and leave; nothing is left then."""
    me = Stranger(terminal(*size))
    me.reads(r"LIVE +block\b")
    me.reads(r"blocked the loop \d+ ms")
    culprit = me.reads(r"scenarios/(block\.py:\d+)").group(1)
    me.follows(r"next .*press (\w)\b")
    me.reads(r"\[a( to_thread)?\]", 1.5)  # the letter alone beside a warning of a busy machine
    me.follows(r"next .*?(\d) [a-z ]*figures", 20)
    me.reads(r"GET /ping .*▼ +[5-9]\d %")
    me.reads(r"a: await asyncio\.to_thread")
    me.follows(r"(\?) help")
    me.leaves(r"─ HELP")
    me.follows(r"(s) scenarios")
    me.leaves(r"CPU work and the GIL")
    me.follows(r"(q) quit")
    assert me.seen.end() == 0
    assert "time.sleep(0.05)" in source(culprit)
    wait_until(lambda: not ours(), 3, "the end of all processes")


@pytest.mark.parametrize("where", ["a terminal", "tmux"])
def test_dbpool_find_out_what_it_waits_for(terminal, tmux, where):
    words = ("run", "dbpool")
    me = Stranger(tmux(160, 50, *words) if where == "tmux" else terminal(80, 24, *words))
    me.reads(r"db pool :(\d+) .*5/5 FULL")
    me.opens("Tasks")
    pool = me.reads(r"GET /order .*db pool :(\d+)").group(1)
    me.opens("Resources")
    me.reads(r"db pool :\d+ .*5/5 FULL")
    if "held by" not in me.seen.text():
        me.follows(r"(enter) open")
    holder = me.reads(r"(?s)held by.*?#\d+ GET /order +(dbpool\.py:\d+)").group(1)
    me.opens("Diagnose")
    me.reads("POOL EXHAUSTED")
    culprit = me.reads(r"scenarios/(dbpool\.py:\d+) +in ").group(1)
    assert "create_async_engine" in source(f"dbpool.py:{pool}")
    assert re.search(r"await|connect\(\)", source(holder))
    assert "other_service" in source(culprit)


def test_race_find_the_lost_updates(terminal):
    me = Stranger(terminal(80, 24, "run", "race"))
    me.reads(r"lost votes +[1-9]\d* .*▲ \+\d+/s")
    me.opens("Diagnose")
    seen = int(me.reads(r"lost votes +([1-9]\d*)\b|LOST VOTES\D+([1-9]\d*)").group(1) or 1)
    me.follows(r"(?s)FIX.*?press (\w)\b")
    me.reads(r"\[a atomic\]")
    me.follows(r"(\d) Live")
    lost = me.reads(r"lost votes +(\d+) .*stopped").group(1)
    time.sleep(1)
    assert me.reads(r"lost votes +(\d+) .*stopped").group(1) == lost, "it stands still"
    assert int(lost) >= seen
