"""Tasks that nothing references."""

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from tests.model.findings.stories import (
    CYCLE,
    HOLDS,
    SPAWN,
    SPAWNED,
    found,
)


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
