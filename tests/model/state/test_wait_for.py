"""The wait-for graph of a model: which tasks are stuck, in which knot, behind whom."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopviz.clock import MS
from loopviz.model.state.wait_for import WaitForGraph
from loopviz.testing import Story
from loopviz.wire.awaiting import Awaiting
from loopviz.wire.events import TASK_CANCELLED, WAIT_GET
from tests.model.findings.stories import HOLDS, WAITS, fed, request

LOCK, POOL, OTHER, THREADS = 1, 2, 3, 4


def begin():
    return Story().idle(MS).resource(LOCK, "asyncio.Lock", 1, made_at="/app/db.py\t9\t")


def awaiting(task, *tasks, any_of=False):
    return Awaiting(task, "", tasks, any_of)


def graph(story, *awaits, at_ns=0):
    """Of the story's end; what tasks await was read at that time."""
    model = fed(story.selects())
    trace = model.trace
    waits = [wait for task in trace.tasks.live.values() for wait in task.waits]
    return WaitForGraph(trace.tasks.live, waits, trace.jobs, awaits, at_ns)


def numbers(tasks):
    return sorted(task.number for task in tasks)


def knots(found):
    return sorted(tuple(link.task.number for link in knot.links) for knot in found.knots())


def holds(story, task, resource, in_use=1):
    return request(story, task).acquires(task, resource, in_use)


def waits(story, task, resource):
    return story.waits_for(task, resource, place=WAITS).idle(MS)


def test_a_task_that_waits_for_its_own_lock_is_a_knot_of_one():
    found = graph(waits(holds(begin(), 1, LOCK), 1, LOCK))
    assert numbers(found.stuck) == [1]
    assert knots(found) == [(1,)]


def test_who_queues_behind_is_stuck_but_not_in_the_knot():
    story = waits(holds(begin(), 1, LOCK), 1, LOCK)
    for task in (2, 3):
        request(story, task)
        waits(story, task, LOCK)
    found = graph(story)
    assert numbers(found.stuck) == [1, 2, 3]
    assert knots(found) == [(1,)]
    (knot,) = found.knots()
    assert numbers(found.behind(knot)) == [2, 3]


def test_a_queue_whose_holder_works_is_not_stuck():
    story = holds(begin(), 1, LOCK).idle(MS)
    request(story, 2)
    assert numbers(graph(waits(story, 2, LOCK)).stuck) == []


def test_two_tasks_in_opposite_order():
    story = begin().resource(OTHER, "asyncio.Lock", 1, made_at="/app/db.py\t10\t")
    holds(story, 1, LOCK).idle(MS)
    holds(story, 2, OTHER).idle(MS)
    story.step(1, place=HOLDS)
    waits(story, 1, OTHER)
    story.step(2, place=HOLDS)
    waits(story, 2, LOCK)
    found = graph(story)
    assert knots(found) == [(1, 2)]
    (knot,) = found.knots()
    assert {link.resource.number for link in knot.links} == {LOCK, OTHER}


def pool(story, *, free=0):
    """Five connections whose holders want a sixth; `free` of them do not."""
    story.resource(POOL, "asyncio.Semaphore", 5, made_at="/app/db.py\t11\t")
    for number in range(1, 6):
        holds(story, number, POOL, number).idle(MS)
    for number in range(1, 6 - free):
        story.step(number, place=HOLDS)
        waits(story, number, POOL)
    return story


def test_all_holders_of_a_pool_wait_for_the_same_pool():
    found = graph(pool(begin()))
    assert numbers(found.stuck) == [1, 2, 3, 4, 5]
    assert knots(found) == [(1, 2, 3, 4, 5)]


def test_one_holder_that_does_not_wait_is_enough():
    assert numbers(graph(pool(begin(), free=1)).stuck) == []


def test_a_holder_that_is_not_known_may_give_it_back():
    story = begin().resource(POOL, "asyncio.Semaphore", 2, made_at="/app/db.py\t11\t")
    story.acquires(0, POOL, 1)
    holds(story, 1, POOL, 2)
    assert numbers(graph(waits(story, 1, POOL)).stuck) == []


def test_what_others_give_back_makes_nobody_stuck():
    """A semaphore that is a signal: its waiter acquires again and again, others release."""
    story = begin().resource(POOL, "asyncio.Semaphore", 1, made_at="/app/db.py\t11\t")
    holds(story, 1, POOL).idle(MS)
    request(story, 2).releases(2, POOL, 0).idle(MS)
    story.step(1, place=HOLDS).acquires(1, POOL, 1)
    assert numbers(graph(waits(story, 1, POOL)).stuck) == []


def test_a_wait_to_take_something_out_is_no_edge():
    story = Story().idle(MS).resource(POOL, "asyncio.Queue", 5, made_at="/app/db.py\t11\t")
    request(story, 1).waits_for(1, POOL, direction=WAIT_GET, place=WAITS).idle(MS)
    assert numbers(graph(story).stuck) == []


def test_what_an_ended_task_holds_is_leaked():
    story = holds(begin(), 1, LOCK).end(1, TASK_CANCELLED).idle(MS)
    request(story, 2)
    found = graph(waits(story, 2, LOCK))
    assert numbers(found.stuck) == [2]
    assert knots(found) == []


def parent_and_child():
    story = holds(begin(), 1, LOCK).task(2, "child", parent=1).idle(MS).step(2)
    return waits(story, 2, LOCK)


def test_a_task_that_awaits_one_that_waits_for_its_lock():
    assert numbers(graph(parent_and_child()).stuck) == []
    story = parent_and_child()
    found = graph(story, awaiting(1, 2), at_ns=story.now_ns)
    assert knots(found) == [(1, 2)]


def test_an_answer_from_before_the_last_step_counts_for_nothing():
    story = holds(begin(), 1, LOCK).task(2, "child", parent=1).idle(MS).step(2)
    early = story.now_ns
    waits(story, 2, LOCK).step(1, place=HOLDS).idle(MS)
    assert numbers(graph(story, awaiting(1, 2), at_ns=early).stuck) == []


@pytest.mark.parametrize(("any_of", "stuck"), [(False, [1, 2]), (True, [])])
def test_of_all_awaited_one_that_is_stuck_is_enough_of_any_all_must_be(any_of, stuck):
    story = holds(begin(), 1, LOCK).task(2, "a", parent=1).task(3, "b", parent=1).idle(MS).step(2)
    waits(story, 2, LOCK).step(3).idle(MS)
    found = graph(story, awaiting(1, 2, 3, any_of=any_of), at_ns=story.now_ns)
    assert numbers(found.stuck) == stuck


def test_an_ended_awaited_task_does_not_count():
    story = holds(begin(), 1, LOCK)
    waits(story, 1, LOCK)
    request(story, 2).idle(MS)
    found = graph(story, awaiting(2, 99), at_ns=story.now_ns)
    assert numbers(found.stuck) == [1]


@pytest.mark.parametrize(("queued", "stuck"), [(False, []), (True, [1, 2])])
def test_threads_wait_for_connections_whose_owners_wait_for_a_thread(queued, stuck):
    """The worker's wait is its task's, however it is recorded."""
    story = begin().resource(POOL, "sqlalchemy.pool", 1, made_at="/app/db.py\t11\t")
    story.resource(THREADS, "ThreadPoolExecutor", 1, made_at="/app/db.py\t12\t")
    holds(story, 1, POOL).idle(MS)
    request(story, 2).job(21, THREADS, "query", by=2).idle(MS).job_starts(21, THREADS)
    waits(story.step(2), 2, POOL)
    if queued:
        story.step(1, place=HOLDS).job(11, THREADS, "validate", by=1).idle(MS)
    found = graph(story)
    assert numbers(found.stuck) == stuck
    assert knots(found) == [tuple(stuck)] * queued


def test_the_work_is_linear_in_the_edges():
    """A queue of 2,000 behind a holder who works is let go in one pass."""
    story = holds(begin(), 1, LOCK).idle(MS)
    for task in range(2, 2002):
        request(story, task).waits_for(task, LOCK, place=WAITS)
    assert numbers(graph(story.idle(MS)).stuck) == []


@st.composite
def situations(draw):
    """Which resources tasks hold, and which one each waits for (0: none), of three tasks to six."""
    tasks = draw(st.integers(3, 6))
    holds = [draw(st.sets(st.integers(1, 3))) for _ in range(tasks)]
    waits_for = [draw(st.integers(0, 3)) for _ in range(tasks)]
    return holds, waits_for


@given(situations())
@settings(max_examples=300, deadline=None)
def test_stuck_is_who_cannot_go_on_whatever_the_others_do(situation):
    """Against a simulation: who waits for nothing ends and gives back; one unit is enough."""
    held, waits_for = situation
    story = Story().idle(MS)
    holders = {n: [t for t, them in enumerate(held, 1) if n in them] for n in (1, 2, 3)}
    for number, tasks in holders.items():
        story.resource(number, "asyncio.Semaphore", len(tasks), made_at=f"/app/db.py\t{number}\t")
    for task in range(1, len(held) + 1):
        request(story, task)
    for number, tasks in holders.items():
        for units, task in enumerate(tasks, 1):
            story.step(task).acquires(task, number, units)
    for task, number in enumerate(waits_for, 1):
        if number:
            story.step(task).waits_for(task, number, place=WAITS)
    goes_on: set[int] = set()
    grown = True
    while grown:
        more = {
            task
            for task, number in enumerate(waits_for, 1)
            if not number or not holders[number] or goes_on & set(holders[number])
        }
        grown, goes_on = more != goes_on, more
    found = graph(story.idle(MS))
    assert numbers(found.stuck) == sorted(set(range(1, len(held) + 1)) - goes_on)
    in_knots = {link.task for knot in found.knots() for link in knot.links}
    assert in_knots <= set(found.stuck)
    assert bool(in_knots) == bool(found.stuck), "nothing is leaked here: a circle is behind it all"
    behind = [task for knot in found.knots() for task in found.behind(knot)]
    assert in_knots | set(behind) == set(found.stuck)
