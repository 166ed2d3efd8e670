"""Garbage collection between frames."""

import gc
import weakref

import pytest

from loopviz.clock import SECOND
from loopviz.tui.gc_schedule import Sweep


class Node:
    def __init__(self):
        self.itself = self


@pytest.fixture
def sweep():
    sweep = Sweep()
    sweep.begin()
    yield sweep
    sweep.end()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_cycle_that_died_is_collected_within_a_second(sweep):
    sweep.sweep(10 * SECOND)
    node = weakref.ref(Node())
    sweep.sweep(10 * SECOND + 999_000_000)
    assert node() is not None
    sweep.sweep(11 * SECOND)
    assert node() is None


def test_what_has_outlived_a_sweep_is_not_looked_at_again(sweep):
    kept = [[] for _ in range(1000)]
    sweep.sweep(SECOND)
    assert gc.get_freeze_count() > len(kept)
    assert gc.get_count()[0] < 100


def outlived(sweep):
    """A cycle that lived at a sweep, and died afterwards."""
    sweep.sweep(0)
    node = Node()
    sweep.sweep(SECOND)
    return weakref.ref(node)


def test_a_cycle_that_outlived_a_sweep_is_collected_when_the_keys_rest(sweep):
    gone = outlived(sweep)
    sweep.pressed(29 * SECOND)
    sweep.sweep(30 * SECOND)
    assert gone() is not None
    sweep.sweep(31 * SECOND)
    assert gone() is None


def test_a_key_puts_that_off_for_two_minutes_at_most(sweep):
    gone = outlived(sweep)
    for second in range(2, 120):
        sweep.pressed(second * SECOND)
        sweep.sweep(second * SECOND)
    assert gone() is not None
    sweep.pressed(120 * SECOND)
    sweep.sweep(120 * SECOND)
    assert gone() is None


def test_nothing_is_collected_before_it_begins():
    node = weakref.ref(Node())
    Sweep().sweep(SECOND)
    assert gc.isenabled()
    assert node() is not None
    gc.collect()
