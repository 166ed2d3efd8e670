"""Tasks that outlive whoever made them."""

import pytest

from loopviz.clock import MS
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED
from tests.model.findings.stories import (
    CYCLE,
    SPAWN,
    SPAWNED,
    answered,
    found,
    request,
    spawning,
)


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


def test_a_task_of_whose_end_somebody_is_told_has_an_owner():
    """It is kept in a set that discards it, or awaited by another task by then."""
    assert found(spawning(9, noticed=True)) == []


def test_a_task_of_the_lifespan_outlives_requests():
    """What counts is who made it."""
    story = Story().idle(MS).task(1, "lifespan").step(1).task(2, SPAWNED, parent=1)
    for task in range(3, 30):
        answered(request(story, task).idle(10 * MS).step(task), task).step(2)
    story.step(2).end(2, TASK_CANCELLED).step(1).end(1).idle(MS)
    assert found(story) == []
