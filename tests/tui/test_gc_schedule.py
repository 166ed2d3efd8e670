"""Garbage collection between frames."""

import gc
import weakref

import pytest

from loopviz.clock import SECOND
from loopviz.tui.gc_schedule import GcSchedule


class Node:
    def __init__(self):
        self.itself = self


@pytest.fixture
def schedule():
    schedule = GcSchedule()
    schedule.begin()
    yield schedule
    schedule.end()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    gc.freeze()  # again: see pytest_collection_finish in tests/conftest.py


def test_a_cycle_that_died_is_collected_within_a_second(schedule):
    schedule.collect(10 * SECOND)
    node = weakref.ref(Node())
    schedule.collect(10 * SECOND + 999_000_000)
    assert node() is not None
    schedule.collect(11 * SECOND)
    assert node() is None


def test_what_has_outlived_a_sweep_is_not_looked_at_again(schedule):
    kept = [[] for _ in range(1000)]
    schedule.collect(SECOND)
    assert gc.get_freeze_count() > len(kept)
    assert gc.get_count()[0] < 100


def outlived(schedule):
    """A cycle that lived at a sweep, and died afterwards."""
    schedule.collect(0)
    node = Node()
    schedule.collect(SECOND)
    return weakref.ref(node)


def test_a_cycle_that_outlived_a_sweep_is_collected_when_the_keys_rest(schedule):
    gone = outlived(schedule)
    schedule.pressed(29 * SECOND)
    schedule.collect(30 * SECOND)
    assert gone() is not None
    schedule.collect(31 * SECOND)
    assert gone() is None


def test_a_key_puts_that_off_for_two_minutes_at_most(schedule):
    gone = outlived(schedule)
    for second in range(2, 120):
        schedule.pressed(second * SECOND)
        schedule.collect(second * SECOND)
    assert gone() is not None
    schedule.pressed(120 * SECOND)
    schedule.collect(120 * SECOND)
    assert gone() is None


def test_nothing_is_collected_before_it_begins():
    node = weakref.ref(Node())
    GcSchedule().collect(SECOND)
    assert gc.isenabled()
    assert node() is not None
    gc.collect()
