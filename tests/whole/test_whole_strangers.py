"""Strangers' walks: whoever reads nothing but the screen finds the bug, its cause and its fix.

No key is known here: each is taken from the words that the screen has at that moment, and a walk
takes eight of them at most.
"""

import re
import time
from pathlib import Path

import pytest

from loopviz.catalogue import builtin_folder

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
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            shown = self.seen.text()
            if match := re.search(pattern, shown):
                return match
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} is not on the screen after {self.pressed}:\n{shown}")

    def follows(self, pattern, timeout_s=15.0):
        """Press the key that the pattern's group finds."""
        key = self.reads(pattern, timeout_s).group(1)
        self.pressed.append(key)
        assert len(self.pressed) <= 8
        self.seen.press(SAID.get(key, key))

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
def test_block_find_the_line_fix_it_compare(terminal, size):
    me = Stranger(terminal(*size, "run", "block"))
    place = me.reads(r"(scenarios/block\.py:\d+)").group(1)
    assert "time.sleep" in source(place)
    me.reads(r"held the loop \d+ ms")
    time.sleep(3)  # one looks for a while, and there is something to compare with
    me.follows(r"press (\w)\b")
    me.follows(r"next .*?(\d) [a-z ]*figures", timeout_s=20)
    me.reads(r"GET /ping .*▼ +[5-9]\d %")
    me.reads(r"a: await asyncio\.to_thread")


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=str)
def test_dbpool_find_out_what_it_waits_for(terminal, size):
    me = Stranger(terminal(*size, "run", "dbpool"))
    me.reads(r"db pool :(\d+) .*5/5")
    me.opens("Tasks")
    made = me.reads(r"GET /order .*db pool :(\d+)").group(1)
    assert "create_async_engine" in source(f"dbpool.py:{made}")
    me.opens("Resources")
    me.reads(r"db pool :\d+ .*5/5")
    me.follows(r"(enter) open")
    held = me.reads(r"(?s)held by.*?dbpool\.py:(\d+)").group(1)
    assert re.search(r"await|connect\(\)", source(f"dbpool.py:{held}"))
    me.opens("Diagnose")
    me.reads("POOL EXHAUSTED")
    culprit = me.reads(r"scenarios/(dbpool\.py:\d+) +in ").group(1)
    assert "other_service" in source(culprit)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=str)
def test_race_find_the_lost_updates(terminal, size):
    me = Stranger(terminal(*size, "run", "race"))
    me.reads(r"votes lost +[1-9]\d* ▲ \+\d+/s")
    me.opens("Diagnose")
    me.reads(r"votes lost")
    me.follows(r"(?s)FIX.*?press (\w)\b")
    me.reads(r"a\[x\]")
    me.follows(r"(\d) Live")
    time.sleep(6)  # the figure is of the last five seconds
    lost = me.reads(r"votes lost +(\d+)\b(?! ▲)").group(1)
    time.sleep(1)
    assert me.reads(r"votes lost +(\d+)\b(?! ▲)").group(1) == lost
