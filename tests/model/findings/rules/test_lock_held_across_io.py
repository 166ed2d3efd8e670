"""A lock that is held while its holder waits."""

import pytest

from loopviz.clock import MS
from loopviz.testing import Story
from tests.model.findings.stories import (
    CYCLE,
    HOLDER,
    HOLDS,
    MADE,
    WAITS,
    found,
)


def held_across(times, *, ms=40, waiters=1):
    story = Story().idle(MS).resource(1, "asyncio.Lock", 1, made_at=MADE)
    for i in range(times):
        first = 100 * i + 1
        story.task(first, CYCLE).step(first).request(first, "GET /order").acquires(first, 1)
        for task in range(first + 1, first + 1 + waiters):
            story.task(task, CYCLE).step(task).request(task, "GET /order")
            story.waits_for(task, 1, place=WAITS)
        story.idle(ms * MS).step(first, place=HOLDS).releases(first, 1)
        story.response(first, "GET /order").end(first)
        for task in range(first + 1, first + 1 + waiters):
            story.step(task).acquires(task, 1).releases(task, 1)
            story.response(task, "GET /order").end(task)
        story.idle(MS)
    return story


def test_a_lock_held_while_its_holder_waits():
    (seen,) = found(held_across(4, waiters=2))
    assert (seen.rule, seen.count, seen.worst_ns) == ("lock-held-across-io", 4, 40 * MS)
    assert (seen.total_ns, seen.location) == (160 * MS, HOLDER)
    assert (seen.victims, seen.victim_wait_ns) == (8, 8 * 40 * MS)
    assert seen.sentence == (
        "GET /order held app/db.py:9 Lock while it waited 40 ms in line 21 of /app/api.py; "
        "up to 2 tasks waited for the lock"
    )


@pytest.mark.parametrize(
    ("times", "options"),
    [(2, {}), (9, {"ms": 4}), (9, {"waiters": 0})],
    ids=["twice", "for short", "nobody else wants it"],
)
def test_a_lock_that_is_held_and_hurts_nobody(times, options):
    assert found(held_across(times, **options)) == []


@pytest.mark.parametrize(("ms", "severity"), [(6, "warning"), (19, "warning"), (20, "error")])
def test_many_short_waits_are_no_error_however_long_they_are_together(ms, severity):
    (seen,) = found(held_across(150, ms=ms))
    assert (seen.victim_wait_ns, seen.severity) == (150 * ms * MS, severity)
