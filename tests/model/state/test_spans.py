"""What a request's wait is drawn as: for a resource, for a worker, or for anything else."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot import State
from loopviz.testing import Story

POOL, EXECUTOR = 1, 2
AT = "\t/app/main.py\t7\torders"


def waiting(place, *, job=False, resource=False, over=True):
    """A request that runs 1 ms, waits 5 ms at that place, and runs 1 ms more."""
    story = Story().resource(POOL, "pool", 1).resource(EXECUTOR, "workers", 2)
    story.task(1).step(1).request(1, "GET /a").runs(MS)
    if resource:
        story.waits_for(1, POOL, place=place)
    if job:
        story.job(9, EXECUTOR, by=1)
    story.idle(5 * MS)
    if over:
        story.step(1, place=place)
        if resource:
            story.wait_over(1, POOL)
        story.runs(MS).response(1, "GET /a").end(1).idle(MS)
    model = Model()
    story.feed(model)
    (request,) = model.snapshot(story.now_ns, 60 * SECOND).requests
    return request


@pytest.mark.parametrize(
    ("place", "options", "state"),
    [
        (f"sleep{AT}", {}, State.AWAIT),
        (f"socket{AT}", {}, State.AWAIT),
        (f"future{AT}", {}, State.AWAIT),
        (f"thread{AT}", {}, State.THREAD),
        (f"future{AT}", {"job": True}, State.THREAD),
        (f"socket{AT}", {"job": True}, State.AWAIT),
        (f"semaphore{AT}", {"resource": True}, State.RESOURCE),
    ],
)
def test_a_wait_is_what_it_is_for(place, options, state):
    request = waiting(place, **options)
    assert [s for *_, s in request.spans if s.waits] == [state]
    assert request.waiting_ns == 5 * MS
    assert sum(wait.total_ns for wait in request.waits) == 5 * MS


def test_an_open_wait_is_told_as_far_as_it_is_known():
    assert waiting(f"sleep{AT}", over=False).spans[-1][2] is State.AWAIT
    assert waiting(f"thread{AT}", over=False, job=True).spans[-1][2] is State.RESOURCE, "queued"
    assert waiting(f"lock{AT}", over=False, resource=True).spans[-1][2] is State.RESOURCE


def test_a_job_is_waited_for_after_the_wait_for_its_limiter():
    story = Story().resource(POOL, "limiter", 1)
    story.task(1).step(1).request(1, "GET /a").job(9, POOL, by=1).waits_for(1, POOL).runs(MS)
    story.idle(2 * MS).step(1, place=f"future{AT}").wait_over(1, POOL).runs(MS)
    story.idle(3 * MS).step(1, place=f"future{AT}").runs(MS)
    story.idle(4 * MS).step(1, place=f"future{AT}").runs(MS).response(1, "GET /a").end(1).idle(MS)
    model = Model()
    story.feed(model)
    (request,) = model.snapshot(story.now_ns, 60 * SECOND).requests
    waits = [(state, (end - start) // MS) for start, end, state in request.spans if state.waits]
    assert waits == [(State.RESOURCE, 2), (State.THREAD, 3), (State.AWAIT, 4)]


def test_a_job_that_is_queued_waits_for_its_executor_until_a_worker_takes_it_up():
    story = Story().resource(EXECUTOR, "ThreadPoolExecutor", 2, name="workers")
    story.task(1).step(1).request(1, "GET /a").job(9, EXECUTOR, by=1).runs(MS).idle(2 * MS)
    story.job_starts(9, EXECUTOR).idle(3 * MS).job_ends(9, EXECUTOR)
    story.step(1, place=f"future{AT}").runs(MS).response(1, "GET /a").end(1).idle(MS)
    model = Model()
    story.feed(model)
    (request,) = model.snapshot(story.now_ns, 60 * SECOND).requests
    waits = [(state, (end - start) // MS) for start, end, state in request.spans if state.waits]
    assert waits == [(State.RESOURCE, 2), (State.THREAD, 3)]
    assert [(wait.what, wait.total_ns // MS) for wait in request.waits] == [
        ("future", 3),
        ("workers", 2),
    ]


def test_so_it_is_drawn_while_it_lasts():
    story = Story().resource(EXECUTOR, "ThreadPoolExecutor", 2, name="workers")
    story.task(1).step(1).request(1, "GET /a").job(9, EXECUTOR, by=1).runs(MS).idle(2 * MS)
    model = Model()

    def spans():
        story.feed(model)
        snapshot = model.snapshot(story.now_ns, 60 * SECOND)
        (task,) = model.builder.tasks(story.now_ns).tasks
        (request,) = snapshot.requests
        states = [(state, (end - start) // MS) for start, end, state in request.spans]
        return [state for state in states if state[0].waits], task.waits_for, task.place_what

    assert spans() == ([(State.RESOURCE, 2)], "workers", "thread")
    story.job_starts(9, EXECUTOR).idle(3 * MS)
    assert spans() == ([(State.RESOURCE, 2), (State.THREAD, 3)], "", "thread")
    story.job_ends(9, EXECUTOR).idle(4 * MS)
    waits = [(State.RESOURCE, 2), (State.THREAD, 3), (State.AWAIT, 4)]
    assert spans() == (waits, "", ""), "the job is over, and what it waits for now is not known"
