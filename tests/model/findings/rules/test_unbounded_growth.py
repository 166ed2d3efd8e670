"""Queues and tasks that become ever more; and what only looks like it."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from tests.model.findings.stories import (
    MADE,
    SPAWN,
    SPAWNED,
    found,
    request,
)


def filling(rates, *, capacity=0):
    """A queue; each second so many more items come than go, spread over it."""
    story = Story().idle(MS).resource(1, "asyncio.Queue", capacity, made_at=MADE)
    items = 0
    for rate in rates:
        for _ in range(10):
            story.idle(100 * MS)
            items = max(items + rate // 10 + 3, 0)
            story.queue_size(1, items)
            items = max(items - 3, 0)
            story.queue_size(1, items)
    return story.idle(MS)


def test_a_queue_that_grows_and_grows():
    (seen,) = found(filling([30] * 8))
    assert (seen.rule, seen.severity) == ("unbounded-growth", "error")
    assert seen.location == Location(file="app/db.py", line=9, function="", path="/app/db.py")
    assert seen.count == 7, "the seconds that made it a finding, too"
    assert seen.worst_ns == seen.total_ns == 7 * SECOND
    assert seen.sentence.startswith("app/db.py:9 Queue grew for 7 s, to 2")
    assert seen.sentence.endswith("items: it has no maxsize")


@pytest.mark.parametrize(
    "story",
    [
        filling([500, 300, -200, -200, -200, -200]),
        filling([300, -300] * 10),
        filling([200] + [100, -100] * 5),
        filling([30] * 8, capacity=1000),
        filling([50, 0, 0, 0, 0, 0, 0]),
        filling([0] * 10),
    ],
    ids=["a burst that drains", "waves", "waves above", "bounded", "a step", "level"],
)
def test_a_queue_that_is_used(story):
    assert found(story) == []


@pytest.mark.parametrize("answered", [False, True])
def test_tasks_of_open_requests_end_with_them(answered):
    """Each request makes 20 tasks: a large query, or one that leaves them behind."""
    story = Story().idle(MS)
    for task in range(1, 600, 21):
        request(story, task)
        for child in range(task + 1, task + 21):
            story.task(child, SPAWNED, parent=task)
        if answered:
            story.response(task, "GET /a")
        story.idle(200 * MS)
    assert ("unbounded-growth" in [f.rule for f in found(story)]) == answered


def test_tasks_that_become_ever_more():
    story = Story().idle(MS)
    for task in range(1, 300):
        story.task(task, SPAWNED).step(task).idle(20 * MS)
    (seen,) = found(story)
    assert (seen.rule, seen.location) == ("unbounded-growth", SPAWN)
    assert seen.sentence.endswith("most of them refresh")
    assert seen.sentence.startswith("The number of tasks grew for ")


def test_a_burst_of_tasks_that_ends():
    story = Story().idle(MS)
    for first in range(1, 4000, 400):
        for task in range(first, first + 400):
            story.task(task, SPAWNED).step(task)
        story.idle(500 * MS)
        for task in range(first, first + 400):
            story.step(task).end(task)
        story.idle(200 * MS)
    assert found(story) == []


def test_a_library_s_tasks_are_the_load_s():
    """The loop accepts each connection in a task of its own."""
    story = Story().idle(MS)
    for task in range(1, 300):
        story.task(task, "accept\t/usr/lib/python3.11/asyncio/selector_events.py\t1\taccept")
        story.step(task).idle(20 * MS)
    assert found(story) == []


def test_requests_that_pile_up_are_the_load_s():
    story = Story().idle(MS)
    for task in range(1, 300):
        request(story, task).idle(20 * MS)
    assert [finding.rule for finding in found(story)] == ["request-hangs"], "none was answered"
