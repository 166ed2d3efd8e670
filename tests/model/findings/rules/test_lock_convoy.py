"""Locks for which many wait; and those that are just used."""

import pytest

from loopviz.clock import MS
from loopviz.testing import Story
from tests.model.findings.stories import (
    CYCLE,
    HOLDER,
    HOLDS,
    MADE,
    WAITS,
    Crowd,
    found,
    rules_of,
    too_many,
)


def convoy(kind="asyncio.Lock"):
    """Each holds it for 4 ms, which is no I/O, and every 2 ms there is one more."""
    return Crowd(kind, 1).serve(range(0, 400, 2), holds=4)


def test_a_convoy():
    crowd = convoy()
    (seen,) = found(crowd.story, "lock-convoy")
    # the first four in the queue are no convoy; each waits 2 ms longer than the one before
    behind = [wait for wait in crowd.waits if wait >= 20][-seen.count :]
    assert seen.worst_ns == max(crowd.waits) * MS
    assert seen.total_ns == sum(behind) * MS == seen.victim_wait_ns
    assert (seen.severity, seen.location) == ("warning", HOLDER)
    assert "queued for app/db.py:9 Lock" in seen.sentence
    assert "for a lock that is held for 4 ms at a time in line 21" in seen.sentence


@pytest.mark.parametrize("kind", ["asyncio.Lock", "anyio.Lock", "asyncio.Semaphore"])
def test_what_lets_one_in_at_a_time_is_a_lock(kind):
    assert rules_of(convoy(kind).story) == {"lock-convoy"}


def test_a_queue_for_a_lock_that_is_held_across_io_follows_from_that():
    crowd = too_many("asyncio.Lock", 1)  # 20 ms each, every 10 ms one more
    (seen,) = found(crowd.story)
    (so,) = seen.consequences
    assert (seen.rule, so.rule) == ("lock-held-across-io", "lock-convoy")
    assert so.sentence.startswith("50 tasks queued for app/db.py:9 Lock: GET /order waited ")


def test_a_lock_that_many_take_for_a_millisecond():
    crowd = Crowd("asyncio.Lock", 1)
    for _ in range(20):
        crowd.serve([0] * 50, holds=1).story.idle(100 * MS)
    assert max(crowd.waits) == 49
    assert found(crowd.story) == []


def test_a_few_that_wait_long_are_no_convoy():
    crowd = Crowd("asyncio.Lock", 1).serve([0] * 4 + list(range(95, 3000, 100)), holds=100)
    assert max(crowd.waits) == 305
    assert "lock-convoy" not in rules_of(crowd.story)


def test_locks_of_one_line_that_each_have_one_waiter():
    """Per-key locks: many wait, but hardly any of them for the same."""
    story = Story().idle(MS)
    for key in range(1, 200):
        a, b = 2 * key, 2 * key + 1
        story.resource(key, "asyncio.Lock", 1, made_at=MADE)
        story.task(a, CYCLE).task(b, CYCLE).step(a).acquires(a, key)
        story.step(b).waits_for(b, key, place=WAITS).idle(3 * MS)
        story.step(a, place=HOLDS).releases(a, key).step(b).acquires(b, key).releases(b, key)
    assert found(story.idle(MS)) == []
