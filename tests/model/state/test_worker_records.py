"""What worker threads record, in the order of what the loop records."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot import State
from loopviz.testing import Story
from tests.model.findings.stories import MADE, answered, fed, request

POOL, THREADS = 1, 2
QUERY = "\t/app/api.py\t20\tquery"


def begin(capacity=1):
    story = Story().idle(MS).resource(POOL, "sqlalchemy.pool", capacity, made_at=MADE)
    return story.resource(THREADS, "ThreadPoolExecutor", 40, name="default executor")


def job(story, number, task):
    """The task submits a job and waits; a thread takes it up."""
    return (
        story.job(number, THREADS, "query\t/app/api.py\t19\tquery", by=task)
        .idle(MS)
        .job_starts(number, THREADS)
    )


def waited():
    """Two requests: the first one's job takes the only connection, the second one's waits."""
    story = begin()
    job(request(story, 1), 11, 1).runs(MS).job_acquires(11, POOL, 1, place=QUERY)
    job(request(story, 2), 12, 2).runs(MS).job_waits_for(12, POOL, place=QUERY).idle(50 * MS)
    story.job_releases(11, POOL, 0).job_acquires(12, POOL, 1).runs(MS).job_ends(11, THREADS)
    answered(story.step(1), 1)
    story.runs(10 * MS).job_releases(12, POOL, 0).job_ends(12, THREADS)
    return answered(story.step(2, place="thread\t/app/api.py\t9\torder"), 2)


def pool_of(model):
    return model.trace.resources.live[POOL]


@pytest.mark.parametrize("batches", [1, 5, 1000])
def test_they_are_taken_up_in_the_order_of_their_times(batches):
    """The aux ring is read after the loop's, and so may be ahead of it."""
    story, model = waited(), Model()
    (aux, names), (events, strings) = story.aux_batch(), story.batch()
    model.feed_aux(aux, names)
    size = max(len(events) // batches, 1)
    for at in range(0, len(events), size):
        part = events[at : at + size]
        model.feed(part, strings, int(part["at"][-1]))
    pool = pool_of(model)
    assert (pool.in_use, pool.holders, pool.waiters) == (0, {}, {})
    assert (pool.group.max_in_use, pool.group.max_waiting) == (1, 1)
    assert pool.group.waited.quantiles().max_ns == 50 * MS
    assert model.trace.jobs.open == {}


def test_what_is_newer_than_the_loop_s_batch_is_kept_until_its_time():
    model, story = Model(), request(begin(), 1)
    now = story.now_ns
    job(story, 11, 1).runs(MS).job_acquires(11, POOL, 1)
    (aux, names), (events, strings) = story.aux_batch(), story.batch()
    model.feed_aux(aux, names)
    early = events["at"] <= now
    model.feed(events[early], strings, now)
    assert pool_of(model).holders == {}
    model.feed(events[~early], strings, story.now_ns)
    assert [hold.task.number for hold in pool_of(model).holders.values()] == [1]


def test_a_loop_that_is_blocked_keeps_nothing_back():
    model, story = Model(), job(request(begin(), 1), 11, 1).step(1)
    story.feed(model)
    story.runs(SECOND).job_acquires(11, POOL, 1).feed(model)
    assert pool_of(model).in_use == 1


def test_a_request_waits_for_the_connection_that_its_job_waits_for():
    model = fed(waited())
    request = list(model.trace.requests.finished)[-1]
    resource = [span for span in request.history if span[3] is pool_of(model).group]
    assert [(end - start, place) for start, end, place, _ in resource] == [
        (50 * MS, resource[0][2])
    ]
    where = model.trace.site(resource[0][2])
    assert (where.path, where.line, where.function) == ("/app/api.py", 20, "query")
    queued = MS  # until a thread took the job up
    assert request.sums[State.RESOURCE] == queued + 50 * MS
    assert request.sums[State.THREAD] > 0


def test_meanwhile_it_is_shown_as_waiting_for_it():
    story = begin()
    job(request(story, 1), 11, 1).runs(MS).job_acquires(11, POOL, 1)
    job(request(story, 2), 12, 2).runs(MS).job_waits_for(12, POOL, place=QUERY).idle(50 * MS)
    model = fed(story.selects())
    trace = model.trace
    now = [trace.open_spans(trace.requests.open[number], story.now_ns)[-1][1] for number in (1, 2)]
    assert now == [State.THREAD, State.RESOURCE]
    info = model.builder.task(trace.tasks.live[2], story.now_ns)
    assert (info.waits_for, info.place.line) == ("app/db.py:9 pool(1)", 20)


def test_a_task_that_goes_on_does_not_wait_for_what_its_job_waits_for():
    story = begin()
    job(request(story, 1), 11, 1).runs(MS).job_acquires(11, POOL, 1)
    job(request(story, 2), 12, 2).runs(MS).job_waits_for(12, POOL, place=QUERY).idle(50 * MS)
    model = fed(story.step(2, place="sleep\t/app/api.py\t9\torder").idle(10 * MS))
    task = model.trace.tasks.live[2]
    assert (task.waiting, task.job_wait.task) == (None, task)
    queued = MS  # until a thread took the job up
    assert task.request.sums[State.RESOURCE] == queued


def test_a_job_whose_task_has_ended_makes_up_no_task():
    story = begin()
    job(request(story, 1), 11, 1)
    answered(story.step(1), 1).runs(MS).job_acquires(11, POOL, 1, place=QUERY).idle(MS)
    model = fed(story)
    assert model.trace.tasks.live == {}
    (hold,) = pool_of(model).holders.values()
    assert (hold.task.number, hold.owner_ended) == (1, False)
    story.job_releases(11, POOL, 0).job_ends(11, THREADS).idle(MS).feed(model)
    assert (pool_of(model).holders, model.trace.tasks.live) == ({}, {})


def test_another_thread_returns_what_a_job_has_taken():
    """A dependency with `yield`: its end is a job of its own, after the job that took it."""
    story = begin()
    job(request(story, 1), 11, 1).job_acquires(11, POOL, 1, place=QUERY).job_ends(11, THREADS)
    job(story.step(1), 12, 1)
    model = fed(story)
    (hold,) = pool_of(model).holders.values()
    assert (hold.task.number, hold.job.number, bool(hold.job.ended_ns)) == (1, 11, True)
    story.job_releases(11, POOL, 0).job_ends(12, THREADS)
    answered(story.idle(MS).step(1), 1).feed(model)
    pool = pool_of(model)
    assert (pool.in_use, pool.holders, pool.group.handed_over) == (0, {}, False)


def test_a_count_from_before_another_one_took_a_unit():
    """Two threads count the units in use, and record that in the other order."""
    story = begin(5)
    for number in (11, 12):
        job(request(story, number - 10), number, number - 10)
    story.job_acquires(12, POOL, 2).runs(10).job_acquires(11, POOL, 1).idle(MS)
    model = fed(story)
    assert (pool_of(model).in_use, len(pool_of(model).holders)) == (2, 2)
    story.job_releases(11, POOL, 0).idle(MS).feed(model)
    assert [hold.job.number for hold in pool_of(model).holders.values()] == [12]
    assert pool_of(model).in_use == 1


def test_the_task_returns_on_the_loop_s_thread_what_it_took_there():
    story = begin(2)
    job(request(story, 1), 11, 1).job_acquires(11, POOL, 1)
    request(story, 2).acquires(2, POOL, 2).idle(MS).step(2).releases(2, POOL, 1).idle(MS)
    pool = pool_of(fed(story))
    assert [hold.job.number for hold in pool.holders.values()] == [11]


def test_after_a_loss_nobody_holds_or_waits_for_ever():
    story = begin()
    job(request(story, 1), 11, 1).job_acquires(11, POOL, 1)
    job(request(story, 2), 12, 2).job_waits_for(12, POOL, place=QUERY).idle(MS)
    model = fed(story)
    model.lost_aux(3)
    pool = pool_of(model)
    assert (pool.holders, pool.waiters, model.trace.resources.waits) == ({}, {}, {})
    assert pool.group.waiting == 0
    story.job_acquires(12, POOL, 1).job_releases(12, POOL, 0).idle(MS).feed(model)
    assert pool.holders == {}


def test_after_a_loss_in_the_loop_s_ring_neither():
    story = begin()
    job(request(story, 1), 11, 1).job_acquires(11, POOL, 1)
    job(request(story, 2), 12, 2).job_waits_for(12, POOL, place=QUERY).idle(MS)
    model = fed(story)
    model.lost(3, story.now_ns)
    story.job_acquires(12, POOL, 1).job_releases(11, POOL, 0).idle(MS).feed(model)
    pool = pool_of(model)
    assert (pool.holders, pool.waiters, pool.group.waiting) == ({}, {}, 0)


def test_what_a_worker_did_before_a_loss_is_lost_with_it():
    story, model = begin(), Model()
    request(story, 1).job(11, THREADS, by=1).idle(MS).feed(model)
    story.runs(MS).job_starts(11, THREADS).job_acquires(11, POOL, 1)
    model.feed_aux(*story.aux_batch())
    model.lost(3, story.now_ns)
    story.idle(MS).feed(model)
    (jobs,) = model.builder.jobs()
    assert (jobs.queued, jobs.running, pool_of(model).holders) == (0, (), {})


def test_a_wait_whose_end_was_not_seen_ends_with_its_job():
    story = begin()
    job(request(story, 1), 11, 1).job_waits_for(11, POOL).idle(MS).job_ends(11, THREADS).idle(MS)
    model = fed(story)
    assert (pool_of(model).waiters, pool_of(model).group.gave_up) == ({}, 0)


def test_a_wait_that_gives_up():
    story = begin()
    job(request(story, 1), 11, 1).job_acquires(11, POOL, 1)
    job(request(story, 2), 12, 2).job_waits_for(12, POOL, place=QUERY).idle(2 * SECOND)
    model = fed(story.job_wait_over(12, POOL).job_ends(12, THREADS).idle(MS))
    group = pool_of(model).group
    assert (group.gave_up, group.given_up.quantiles().max_ns) == (1, 2 * SECOND)


def test_what_an_ended_task_took_on_the_loop_s_thread_a_thread_returns():
    """A session of an `async def` endpoint that is collected later."""
    story = begin(2)
    job(request(story, 1), 11, 1).job_acquires(11, POOL, 1)
    answered(request(story, 2).acquires(2, POOL, 2), 2).releases(2, POOL, 1).idle(MS)
    pool = pool_of(fed(story))
    assert [hold.job.number for hold in pool.holders.values()] == [11]
