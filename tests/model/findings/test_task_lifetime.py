"""How tasks end, and what grows; and what only looks like it."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED
from tests.model.findings.stories import CYCLE, HOLDS, MADE, SPAWNED, answered, fed, found, request

SPAWN = Location(file="app/api.py", line=30, function="order", path="/app/api.py")


def spawning(times=1, *, outlives=50, outcome=0, site=SPAWNED, then=lambda _story, _task: None):
    """Requests that each make a task and do not wait for it."""
    story = Story().idle(MS)
    for i in range(times):
        parent, child = 2 * i + 1, 2 * i + 2
        request(story, parent).task(child, site, parent=parent)
        answered(story, parent)
        story.step(child).idle(outlives * MS).step(child).end(child, outcome).idle(MS)
        then(story, child)
    return story


# Never retrieved


def test_an_exception_that_nobody_retrieves():
    story = spawning(
        2, outcome=TASK_RAISED, then=lambda s, t: s.never_retrieved(t, "ValueError: no")
    )
    (seen,) = found(story)
    assert (seen.rule, seen.count, seen.severity) == ("task-never-retrieved", 2, "error")
    assert (seen.location, seen.source) == (SPAWN, "line 30 of /app/api.py")
    assert seen.sentence == "refresh raised ValueError: no, and nobody retrieved it"


def test_word_of_it_may_come_before_the_task():
    """In the aux ring, that is."""
    story, aux = spawning(1, outcome=TASK_RAISED), Story()
    aux._aux.write(aux.now_ns, 25, 0, 2, aux._aux.intern("ValueError: no"))
    model = fed(Story())
    model.feed_aux(*aux.aux_batch())
    assert model.findings() == ()
    story.feed(model)
    (seen,) = model.findings()
    assert (seen.rule, seen.location, seen.severity) == ("task-never-retrieved", SPAWN, "warning")


def test_an_exception_of_a_task_that_was_never_heard_of():
    story = Story().idle(MS).never_retrieved(77, "ValueError: no").idle(SECOND).idle(SECOND)
    story.idle(SECOND).idle(SECOND)
    (seen,) = found(story)
    assert (seen.location, seen.count) == (None, 1)
    assert seen.sentence == "A task raised ValueError: no, and nobody retrieved it"


def test_a_task_that_raised_and_was_awaited():
    story = Story().idle(MS).task(1, "main").step(1).task(2, SPAWNED, parent=1)
    story.step(2).end(2, TASK_RAISED).step(1).end(1).idle(SECOND)
    assert found(story) == []


# Outlived


def test_tasks_that_outlive_who_made_them():
    (seen,) = found(spawning(4))
    assert (seen.rule, seen.count, seen.worst_ns) == ("task-outlived-parent", 4, 51 * MS)
    assert (seen.total_ns, seen.severity, seen.location) == (204 * MS, "warning", SPAWN)
    assert seen.sentence == "refresh outlived the task that created it by 51 ms"


@pytest.mark.parametrize(
    "story",
    [
        spawning(2),
        spawning(9, outlives=3),
        spawning(9, site=CYCLE),
    ],
    ids=["a worker for all", "by a hair", "a library's"],
)
def test_tasks_that_outlive_hardly(story):
    assert found(story) == []


def test_a_task_of_the_lifespan_outlives_requests():
    """What counts is who made it."""
    story = Story().idle(MS).task(1, "lifespan").step(1).task(2, SPAWNED, parent=1)
    for task in range(3, 30):
        answered(request(story, task).idle(10 * MS).step(task), task).step(2)
    story.step(2).end(2, TASK_CANCELLED).step(1).end(1).idle(MS)
    assert found(story) == []


# Lost


def test_a_task_that_nothing_references():
    story = Story().idle(MS).resource(5, "asyncio.Event", name="ready").task(1, SPAWNED)
    story.step(1).waits_for(1, 5, place=HOLDS).idle(SECOND).destroyed(1).idle(MS)
    (seen,) = found(story)
    assert (seen.rule, seen.count, seen.severity, seen.location) == ("task-lost", 1, "error", SPAWN)
    assert seen.worst_ns == SECOND
    assert seen.sentence == (
        "refresh was destroyed while it waited for ready: nothing referenced it"
    )


def test_a_library_s_own_tasks_may_be_lost():
    story = Story().task(1, CYCLE).step(1).idle(SECOND).destroyed(1).idle(MS)
    assert found(story) == []


# Growth


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
    assert seen.worst_ns == 7 * SECOND
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


def test_requests_that_pile_up_are_the_load_s():
    story = Story().idle(MS)
    for task in range(1, 300):
        request(story, task).idle(20 * MS)
    assert [finding.rule for finding in found(story)] == ["request-hangs"], "none was answered"
