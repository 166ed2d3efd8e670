"""Time that a hypervisor took, or in which the process was stopped, from what `/proc` says."""

import sys

import pytest

from loopviz.clock import MS
from loopviz.probe import stolen_time
from loopviz.probe.cpu_time import Spent
from loopviz.probe.stolen_time import StolenTime, steal_ns

STAT = b"""cpu  100 0 50 900 5 0 1 30 0 0
cpu0 60 0 20 400 5 0 1 10 0 0
cpu1 40 0 30 500 0 0 0 20 0 0
intr 42225714 0 0
"""


@pytest.mark.parametrize(
    ("stat", "core", "units"),
    [
        (STAT, None, 30),
        (STAT, 0, 10),
        (STAT, 1, 20),
        (STAT, 2, 0),
        (STAT, 10, 0),
        (b"cpu  1 2 3 4\ncpu0 1 2 3 4\n", 0, 0),  # Linux 2.6.10
        (b"", None, 0),
    ],
)
def test_what_the_kernel_counts_as_stolen(stat, core, units):
    assert steal_ns(stat, core) == units * 10 * MS


class Machine:
    """In place of the kernel's files: each of them says what the test sets."""

    def __init__(self, monkeypatch):
        self.stolen, self.core_is = [1, 1], 0
        self.queued, self.sleeps, self.at = 0, 0, 0
        monkeypatch.setattr(stolen_time, "File", lambda path, *_: File(self, path))
        monkeypatch.setattr(stolen_time, "_sleeps_so_far", lambda: self.sleeps)
        monkeypatch.setattr(sys, "getswitchinterval", lambda: 0.005)
        self.time = StolenTime(self)

    def core(self):
        return self.core_is

    def look(self, wall_ms, *, late_ms=0, on_core_ms=0, others_ms=0, queued_ms=0, wakes=1):
        """What was taken in that time, in ms."""
        since, self.at = self.at, self.at + wall_ms * MS
        self.sleeps += wakes
        spent = Spent(
            since, self.at, on_core_ms * MS, others_ms * MS, queued_ms * MS, 1, known=True
        )
        return self.time.taken_ns(late_ms * MS, spent) / MS


class File:
    def __init__(self, machine, path):
        self.machine, self.path = machine, path

    def read(self):
        if "schedstat" in self.path:
            return b"1 %d 1\n" % self.machine.queued
        a, b = self.machine.stolen
        lines = f"cpu  0 0 0 0 0 0 0 {a + b}", f"cpu0 0 0 0 0 0 0 0 {a}", f"cpu1 0 0 0 0 0 0 0 {b}"
        return "\n".join(lines).encode()


@pytest.fixture
def machine(monkeypatch):
    return Machine(monkeypatch)


def test_a_core_that_was_taken_away(machine):
    """The loop's thread is thought to compute all the while, or to have slept."""
    machine.stolen = [5, 1]
    assert machine.look(50, late_ms=40, on_core_ms=50) == 40


def test_another_core_that_was_taken_away_is_no_excuse(machine):
    machine.stolen = [1, 5]
    assert machine.look(50, late_ms=40, on_core_ms=50) == 0


def test_what_was_stolen_before_is_no_excuse_for_the_next(machine):
    """While cores are stolen it is read at each look."""
    machine.stolen = [5, 1]
    assert machine.look(50, late_ms=40, on_core_ms=50) == 40
    machine.stolen = [6, 1]
    assert machine.look(10) == 10
    assert machine.look(50, late_ms=40, on_core_ms=50) == 0


def test_steal_that_made_no_look_late_is_seen_once_a_second(machine):
    machine.stolen = [101, 1]
    assert [machine.look(10) for _ in range(99)] == [0] * 99
    assert machine.look(10) == 10


def test_what_was_stolen_in_the_second_before_is_no_excuse(machine):
    """C code that holds the GIL makes the look late: all steal since the last read is seen then."""
    assert [machine.look(10) for _ in range(50)] == [0] * 50
    machine.stolen = [9, 1]
    assert machine.look(80, late_ms=70, on_core_ms=80) == pytest.approx(11, abs=1)


@pytest.mark.parametrize(
    ("look", "taken"),
    [
        pytest.param({"wakes": 14}, 80, id="the thread had the GIL, and was off its core"),
        pytest.param({"wakes": 14, "others_ms": 80}, 11, id="another thread computed"),
        pytest.param({"wakes": 14, "on_core_ms": 50}, 30, id="it computed for some of the time"),
    ],
)
def test_a_late_look_that_only_steal_explains(machine, look, taken):
    assert [machine.look(10) for _ in range(50)] == [0] * 50
    machine.stolen = [9, 1]
    assert machine.look(80, late_ms=70, **look) == pytest.approx(taken, abs=1)


@pytest.mark.parametrize(
    ("look", "taken"),
    [
        pytest.param({"late_ms": 60}, 55, id="stopped: nobody had a core, nobody waited"),
        pytest.param({"late_ms": 60, "on_core_ms": 50}, 20, id="the loop's thread computed, too"),
        pytest.param({"late_ms": 60, "on_core_ms": 66}, 0, id="the loop's thread computed"),
        pytest.param({"late_ms": 60, "queued_ms": 66}, 0, id="that thread waited for a core"),
        pytest.param({"late_ms": 60, "wakes": 13}, 0, id="the watchdog waited for the GIL"),
        pytest.param({"late_ms": 60, "wakes": 4}, 40, id="stopped while it waited for the GIL"),
        pytest.param({"late_ms": 9}, 0, id="no longer than any machine is late"),
    ],
)
def test_a_process_that_was_stopped_or_frozen(machine, look, taken):
    assert machine.look(70, **look) == taken


def test_what_the_watchdog_waited_for_a_core_was_not_a_stop(machine):
    machine.queued = 30 * MS
    assert machine.look(70, late_ms=60) == 25
    machine.queued += 20 * MS
    assert machine.look(70, late_ms=60, wakes=8) == 0, "for the GIL, and for a core at each wake"


def test_without_steal_and_in_time_nothing_was_taken(machine):
    assert [machine.look(10) for _ in range(300)] == [0] * 300


def test_waits_for_a_core_before_that_do_not_hide_a_stop(machine):
    """On a busy machine the watchdog has waited at each of the looks that were in time."""
    for _ in range(50):
        machine.queued += 5 * MS
        assert machine.look(15, late_ms=5, on_core_ms=10, queued_ms=5) == 0
    assert machine.look(410, late_ms=400, on_core_ms=10) == pytest.approx(395)
