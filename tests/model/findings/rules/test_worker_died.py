"""Background tasks that raised and ended, and what looks alike."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from loopviz.wire.events import TASK_RAISED, WAIT_GET
from tests.model.findings.stories import CYCLE, MADE, WAITS, answered, fed, request, rules

DIED = "worker-died"
QUEUE, LOCK = 1, 2
WORKERS = (90, 91)
SITE = "work\t/app/api.py\t5\tlifespan"
RAISED = "\t/app/api.py\t44\twork"
FUTURE = "future\t/app/api.py\t32\tpredict"


def working(workers=WORKERS[:1]):
    """Workers that take items of a queue, for requests that are answered."""
    story = Story().idle(MS).resource(QUEUE, "asyncio.Queue", 0, made_at=MADE)
    for worker in workers:
        story.task(worker, SITE).step(worker).waits_for(worker, QUEUE, direction=WAIT_GET)
        story.idle(MS)
    for task in (1, 2, 3):
        request(story, task, route="GET /p").queue_size(QUEUE, 1, by=task).idle(MS)
        story.step(workers[0]).wait_over(workers[0], QUEUE, direction=WAIT_GET)
        story.queue_size(QUEUE, 0, by=workers[0])
        story.waits_for(workers[0], QUEUE, direction=WAIT_GET).idle(MS)
        answered(story.step(task, place=FUTURE), task, route="GET /p")
    return story


def dies(story, *, noticed=False):
    """The first worker takes one more, and raises."""
    story.step(WORKERS[0]).wait_over(WORKERS[0], QUEUE, direction=WAIT_GET)
    if noticed:
        return story.end(WORKERS[0], TASK_RAISED, noticed=True).idle(MS)
    return story.dies(WORKERS[0], "KeyError: 36", place=RAISED).idle(MS)


def hanging(story, *tasks, queue=True):
    """Requests that wait for what nobody sets any more."""
    for items, task in enumerate(tasks, 1):
        request(story, task, route="GET /p")
        if queue:
            story.queue_size(QUEUE, items, by=task)
        story.idle(MS)
    return story


def test_it_is_told_at_the_line_that_raised_and_the_requests_waited_for_it():
    found = rules(hanging(dies(working()), 11, 12, 13), 3 * SECOND)
    assert set(found) == {DIED}
    (finding,) = found[DIED]
    assert finding.sentence == (
        "work raised KeyError: 36 in line 44 of /app/api.py and has ended, and nobody was told; "
        "nobody takes from app/db.py:9 Queue any more: 3 items are in it"
    )
    assert finding.location == Location(
        file="app/api.py", line=44, function="work", path="/app/api.py"
    )
    assert (finding.severity, finding.open, finding.victims) == ("error", 1, 3)


def test_of_another_workers_queue_it_is_a_warning_while_requests_hang():
    """They may hang for another reason: both are told."""
    story = hanging(dies(working(WORKERS)), 11, queue=False)
    found = rules(story, 3 * SECOND)
    assert set(found) == {DIED, "request-hangs"}
    (finding,) = found[DIED]
    assert (finding.severity, finding.victims) == ("warning", 0)
    assert finding.sentence.endswith("nobody was told; requests hang now, and may wait for it")


def test_none_while_those_who_hang_wait_for_a_lock_that_somebody_has():
    story = dies(working(WORKERS)).resource(LOCK, "asyncio.Lock", 1, made_at=MADE)
    story.task(99, SITE).step(99).acquires(99, LOCK).idle(MS)
    for task in (11, 12):
        request(story, task, route="GET /p").waits_for(task, LOCK, place=WAITS).idle(MS)
    found = rules(story, 3 * SECOND)
    assert DIED not in found
    assert found


@pytest.mark.parametrize("queue", [True, False])
def test_none_while_nobody_waits_for_it(queue):
    assert DIED not in rules(dies(working()), 60 * SECOND)
    story = hanging(dies(working(WORKERS)), 11, 12)
    answered(answered(story.step(11), 11, route="GET /p").step(12), 12, route="GET /p")
    assert DIED not in rules(story, 60 * SECOND)


def test_none_of_a_worker_whose_end_is_noticed():
    assert DIED not in rules(hanging(dies(working(), noticed=True), 11, 12, 13), 3 * SECOND)


def test_none_of_a_request_s_own_task():
    story = working()
    request(story, 20).task(21, CYCLE, parent=20).step(21).dies(21, "KeyError: 1", place=RAISED)
    answered(story.idle(MS).step(20), 20)
    assert DIED not in rules(hanging(story, 11, queue=False), 3 * SECOND)


def test_that_nobody_retrieved_its_exception_is_not_told_again():
    story = hanging(dies(working()), 11, 12, 13).never_retrieved(WORKERS[0], "KeyError: 36")
    found = rules(story, 3 * SECOND)
    assert set(found) == {DIED}
    assert "task-never-retrieved" in {one.rule for one in found[DIED][0].consequences}


def test_it_is_over_once_another_one_takes():
    story = hanging(dies(working()), 11)
    model = fed(story.selects())
    assert DIED in {f.rule for f in model.findings(story.now_ns + 3 * SECOND)}
    story.polls(story.now_ns).task(WORKERS[1], SITE).step(WORKERS[1]).queue_size(QUEUE, 0)
    story.waits_for(WORKERS[1], QUEUE, place=WAITS, direction=WAIT_GET).idle(MS)
    answered(story.step(11, place=FUTURE), 11, route="GET /p").selects().feed(model)
    assert DIED not in {f.rule for f in model.findings(story.now_ns + 3 * SECOND)}


def test_that_its_queue_is_full_follows():
    story = Story().idle(MS).resource(QUEUE, "asyncio.Queue", 2, made_at=MADE)
    story.task(90, SITE).step(90).waits_for(90, QUEUE, direction=WAIT_GET).idle(MS)
    request(story, 1).queue_size(QUEUE, 1, by=1).idle(MS)
    story.step(90).wait_over(90, QUEUE, direction=WAIT_GET).queue_size(QUEUE, 0, by=90)
    story.dies(90, "ValueError: 29", place=RAISED).idle(MS)
    answered(story.step(1).queue_size(QUEUE, 2, by=1), 1)
    for task in (2, 3):
        request(story, task).waits_for(task, QUEUE, place=WAITS).idle(MS)
    found = rules(story, 6 * SECOND)
    assert set(found) == {DIED}
    assert [one.rule for one in found[DIED][0].consequences] == ["blocked-put"]
