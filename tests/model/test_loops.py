"""One loop after another in the same recording: what was open in a closed one is over."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.totals import run_totals
from loopviz.testing import Story

LOCK = "asyncio.Lock"
JOB = "job\t/app/jobs.py\t3\tjob"


def jobs(count, *, block=60 * MS):
    story = Story()
    for number in range(1, count + 1):
        story.idle(MS).task(number, JOB).step(number, block).end(number).idle(MS).loop_closed()
        story.runs(100 * MS)
    return story


def test_the_stalls_of_all_loops_are_one_finding():
    model = Model()
    jobs(30).feed(model)
    totals = run_totals([model])
    (found,) = totals.findings
    assert (found.rule, found.count) == ("slow-callback", 30)
    assert totals.tasks.started == 30
    assert totals.workers[0].loop.loops == 30


def test_the_time_between_two_loops_is_neither_busy_nor_idle():
    model = Model()
    jobs(10, block=2 * MS).feed(model)
    loop = run_totals([model]).workers[0].loop
    assert loop.utilization == pytest.approx(0.5)
    assert loop.callback.max_ns == 2 * MS
    assert loop.lag.count == 0


def test_what_was_open_in_a_closed_loop_is_over():
    story = Story().idle(MS)
    story.resource(7, LOCK, 1).task(1, JOB).step(1, MS).acquires(1, 7)
    story.task(2, JOB).step(2, MS).request(2, "GET /a").waits_for(2, 7).idle(MS).loop_closed()
    model = Model()
    story.runs(5 * SECOND).feed(model)
    at = story.now_ns
    seen = model.snapshot(at, 10 * SECOND)
    assert (seen.tasks.live, seen.tasks.started, seen.tasks.lost) == (0, 2, 0)
    (request,) = seen.requests
    assert (request.open, request.end_ns) == (False, at - 5 * SECOND)
    (lock,) = seen.resources
    assert (lock.waiting.now, lock.holders) == (0, ())
    assert model.findings(at) == ()


def test_whether_a_loop_is_open_and_how_many_there_were():
    model, story = Model(), Story()
    for loops, closed, more in (
        (1, False, lambda: story.idle(MS)),
        (1, True, story.loop_closed),
        (2, False, lambda: story.runs(MS).idle(MS)),
        (3, True, lambda: story.loop_closed().idle(MS).loop_closed()),
        (5, False, lambda: story.idle(MS).loop_closed().idle(MS)),
    ):
        more().feed(model)
        assert (model.loop.loops, model.loop.closed) == (loops, closed)


def test_the_heartbeat_of_a_closed_loop_is_not_missed():
    model, story = Model(), Story()
    story.callback(late=0).idle(MS).loop_closed().runs(SECOND)
    story.idle(MS).step(1, 30 * MS).feed(model)
    assert model.distributions(story.now_ns).lag.quantiles.max_ns == 0


def test_a_stall_is_told_though_no_record_follows():
    """Where waits for a core are measured, that takes a moment. The next loop may be far."""
    model, story = Model(), Story()
    story.idle(MS).waits_for_core().task(1, JOB).step(1, 60 * MS).end(1).idle(MS).loop_closed()
    story.feed(model)
    assert model.findings() == ()
    model.feed(*story.batch(), story.runs(SECOND).now_ns)
    (found,) = model.findings()
    assert found.count == 1
