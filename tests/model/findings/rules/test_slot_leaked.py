"""`slot-leaked`: units that an ended task holds, and what looks alike."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED
from tests.model.findings.stories import HOLDS, MADE, WAITS, Crowd, answered, request, rules

ACQUIRES = "\t/app/api.py\t22\tfetch"


def leaks(story, after=2 * SECOND):
    return rules(story, after).get("slot-leaked", [])


def leaking(story, *tasks, capacity=8):
    """Tasks that acquire a permit, and are cancelled before they release it."""
    for units, task in enumerate(tasks, 1):
        request(story, task).acquires(task, 1, units, place=ACQUIRES).idle(10 * MS)
        story.step(task, place=HOLDS)
        story.response(task, "GET /a", 503).end(task, TASK_CANCELLED).idle(MS)
    return story


def permits(capacity=8):
    return Story().idle(MS).resource(1, "asyncio.Semaphore", capacity, made_at=MADE)


def test_permits_of_ended_tasks_are_leaked():
    (finding,) = leaks(leaking(permits(), 1, 2, 3))
    assert (finding.severity, finding.open) == ("warning", 3)
    assert finding.sentence == (
        "3 of 8 permits of app/db.py:9 Semaphore(8) are held by tasks that have ended (GET /a) "
        "after line 22 of /app/api.py"
    )
    assert (finding.location.file, finding.location.line) == ("app/api.py", 22)


def test_a_connection_that_httpcore_loses_is_not_the_app_s_to_release():
    pool = Story().idle(MS).resource(1, "httpcore.pool", 8, made_at=MADE)
    (finding,) = leaks(leaking(pool, 1, 2, 3))
    assert finding.sentence.startswith("3 of 8 HTTP connections of app/db.py:9 pool(8) are held")
    assert "encode/httpcore#1093" in finding.advice
    pool = Story().idle(MS).resource(1, "httpcore.pool", 8, made_at=MADE)
    for task in (1, 2, 3):
        answered(request(pool, task).acquires(task, 1, task, place=ACQUIRES).idle(MS), task)
    (finding,) = leaks(pool)
    assert finding.advice.startswith("close every response that is streamed"), "none was cancelled"
    (permit,) = leaks(leaking(permits(), 1, 2, 3))
    assert permit.advice.startswith("use `async with`")


def test_two_may_yet_be_given_back_unless_somebody_waits():
    assert leaks(leaking(permits(), 1, 2)) == []
    story = leaking(permits(2), 1, 2)
    request(story, 3).waits_for(3, 1, place=WAITS).idle(MS)
    (finding,) = leaks(story, 3 * SECOND)
    assert finding.severity == "error"
    assert finding.sentence.endswith("; the oldest wait for one has lasted 3.0 s")


def test_a_lock_whose_holder_ended():
    story = Story().idle(MS).resource(1, "asyncio.Lock", 1, made_at=MADE)
    answered(request(story, 1).acquires(1, 1).idle(MS).step(1), 1)
    request(story, 2).waits_for(2, 1, place=WAITS).idle(MS)
    found = rules(story, 20 * SECOND)
    assert set(found) == {"slot-leaked"}
    assert found["slot-leaked"][0].sentence == (
        "app/db.py:9 Lock is held by a task that has ended (GET /a); the oldest wait for one "
        "has lasted 20.0 s"
    )


TAKES = "Lock.acquire\t/app/api.py\t22\tbuy"


@pytest.mark.parametrize("given_back", [False, True])
def test_a_task_that_only_takes_a_unit_takes_it_for_its_parent(given_back):
    """`asyncio.wait_for(lock.acquire(), 1)` makes one, up to Python 3.11."""
    story = Story().idle(MS).resource(1, "asyncio.Lock", 1, made_at=MADE)
    request(story, 1).task(2, TAKES, parent=1).idle(MS).step(2).acquires(2, 1).end(2).idle(MS)
    story.step(1)
    if given_back:
        story.releases(1, 1)
    answered(story, 1)
    request(story, 3).waits_for(3, 1, place=WAITS).idle(MS)
    held = ["app/db.py:9 Lock is held by a task that has ended (GET /a)"]
    found = leaks(story, 20 * SECOND)
    assert [finding.sentence.partition(";")[0] for finding in found] == held * (not given_back)


def test_who_gives_up_waiting_for_what_nobody_will_release_proves_it():
    """Each wait lasts for 1 s only, and the lock is the one unit."""
    story = Story().idle(MS).resource(1, "asyncio.Lock", 1, made_at=MADE)
    answered(request(story, 1).acquires(1, 1).idle(MS).step(1), 1)
    for task in (2, 3, 4):
        request(story, task).waits_for(task, 1, place=WAITS).idle(SECOND)
        story.step(task).wait_over(task, 1)
        answered(story, task, 503)
    (finding,) = leaks(story)
    assert (finding.severity, finding.victims) == ("error", 3)
    assert finding.sentence.endswith("is held by a task that has ended (GET /a); 3 gave up")


def test_they_are_found_after_thirty_regular_holds():
    crowd = Crowd("asyncio.Semaphore", 8).serve([n * 10 for n in range(30)], 20)
    assert leaks(crowd.story) == []
    crowd = Crowd("asyncio.Semaphore", 8).serve([n * 10 for n in range(30)], 20)
    (finding,) = leaks(leaking(crowd.story, 101, 102, 103))
    assert finding.open == 3


def test_units_that_others_give_back_are_handed_over():
    """A semaphore that is a signal: acquired here, released there."""
    story = leaking(permits(), 1, 2, 3)
    request(story, 50).releases(50, 1, 2).idle(MS)
    assert leaks(story, 20 * SECOND) == []


@pytest.mark.parametrize("kind", ["asyncio.Queue", "asyncio.Event"])
def test_what_cannot_be_held_is_not_leaked(kind):
    story = Story().idle(MS).resource(1, kind, 8, made_at=MADE)
    request(story, 1).queue_size(1, 3, by=1)
    assert leaks(answered(story, 1), 20 * SECOND) == []


def test_units_that_were_given_back_unseen_are_not_leaked():
    """The resource says that fewer units are in use than have a holder."""
    story = leaking(permits(), 1, 2, 3)
    request(story, 50).acquires(50, 1, 1).idle(MS)
    assert leaks(story, 20 * SECOND) == []


def test_a_unit_that_a_helper_task_acquired():
    """`asyncio.shield(gate.acquire())`, or CPython 3.11's `wait_for`, makes a task for that."""
    story = permits()
    for task in (1, 2, 3):
        story.task(task, "Semaphore.acquire\t/app/api.py\t39\tadmit")
        story.step(task).acquires(task, 1, task).end(task).idle(MS)
    (finding,) = leaks(story)
    assert (finding.location.line, finding.location.function) == (39, "admit")
    assert finding.sentence.endswith("(Semaphore.acquire) after line 39 of /app/api.py")
