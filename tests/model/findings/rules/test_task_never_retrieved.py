"""Exceptions of tasks that nobody retrieves."""

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from loopviz.wire.events import TASK_RAISED
from tests.model.findings.stories import SPAWN, SPAWNED, fed, found, spawning


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
