"""How long callbacks and iterations took, over time and before a fix; what a finding tells."""

import numpy as np
import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot import Impact
from loopviz.model.snapshot.merge import add_findings
from loopviz.testing import Story

T0 = 1024 * SECOND


def fed(story):
    model = Model()
    story.feed(model)
    return model


def turns():
    """Three iterations: of 3 ms, of 4 ms, and one that goes on."""
    story = Story().idle(10 * MS)
    story.callback("f", MS, waited=2 * MS).step(1, 2 * MS).idle(5 * MS)
    return story.step(1, 4 * MS).idle(MS).callback("g")


def test_an_iteration_lasts_from_one_select_to_the_next():
    loop = fed(turns()).snapshot(T0 + SECOND, 2 * SECOND).loop
    assert loop.iteration.values.tolist() == [3 * MS, 4 * MS]
    assert (loop.iteration.times_ns - T0).tolist() == [13 * MS, 22 * MS]
    assert loop.whole.iteration.quantiles.max_ns == 977 * MS, "one goes on, and blocks the loop"
    assert loop.iterations == 3
    soon = fed(turns()).snapshot(T0 + 24 * MS, 2 * SECOND).loop
    assert soon.whole.iteration.quantiles.count == 2


def test_lag_is_from_when_a_timer_is_due_to_when_it_runs():
    """Not to the start of its iteration; and of any timer, not of the probe's own alone."""
    story = Story().idle(10 * MS).selects()
    story.callback("f", 7 * MS).callback(late=9 * MS).step(1, 2 * MS)
    story.callback("app.retry", late=3 * MS).callback(late=0).idle(MS)
    loop = fed(story).snapshot(T0 + SECOND, 2 * SECOND).loop
    assert loop.lag.values.tolist() == [9 * MS, 3 * MS, 0], (
        "f and the step are no timers, and have none"
    )
    assert (loop.lag.times_ns - T0).tolist() == [17 * MS, 19 * MS, 19 * MS], "when they ran"


def test_a_callback_is_told_at_its_end_and_its_delay_at_its_start():
    loop = fed(turns()).snapshot(T0 + SECOND, 2 * SECOND).loop
    assert loop.callback.values.tolist() == [MS, 2 * MS, 4 * MS]
    assert (loop.callback.times_ns - T0).tolist() == [11 * MS, 13 * MS, 22 * MS]
    assert loop.ready_delay.values.tolist() == [2 * MS, 0, 0, 0]
    assert (loop.ready_delay.times_ns - T0).tolist() == [10 * MS, 11 * MS, 18 * MS, 23 * MS]


@pytest.mark.parametrize("portion", [1, 2, 3])
def test_batches_make_no_difference(portion):
    whole = fed(turns()).loop
    events, strings = turns().batch()
    model = Model()
    for start in range(0, len(events), portion):
        model.feed(events[start : start + portion], strings)
    for name in ("callback", "iteration", "ready_delay"):
        one, other = getattr(whole, name), getattr(model.loop, name)
        assert one.times.tolist() == other.times.tolist()
        assert one.values.tolist() == other.values.tolist()


def test_after_a_gap_the_iteration_that_went_on_is_not_known():
    story = Story().idle(MS).callback("f", MS)
    model = fed(story)
    model.lost(10, 0)
    story.runs(SECOND).idle(MS).callback("f", 2 * MS).idle(MS).feed(model)
    assert model.loop.iteration.values.tolist() == [2 * MS]


def test_before_is_the_phase_before_the_fix_and_stays():
    story = Story().mark("scenario:x")
    for _ in range(100):
        story.idle(90 * MS).callback("f", 10 * MS, waited=5 * MS, late=7 * MS)
    model = fed(story)
    assert model.snapshot(story.now_ns, SECOND).loop.before is None
    story.mark("fix:a=on")
    for _ in range(40):
        story.idle(99 * MS).callback("f", MS, waited=MS // 10)
    story.feed(model)
    before = model.snapshot(story.now_ns, SECOND).loop.before
    assert before.callback.quantiles.max_ns == 10 * MS
    assert before.ready_delay.quantiles.p50_ns == 5 * MS
    assert before.lag.quantiles.max_ns == 7 * MS
    assert before.iteration.quantiles.max_ns == 10 * MS
    count = before.callback.quantiles.count
    assert 90 <= count <= 100
    assert sum(before.callback.buckets) == count
    for _ in range(900):
        story.idle(99 * MS).callback("f", MS)
    story.feed(model)
    later = model.snapshot(story.now_ns, SECOND).loop
    assert later.before == before, "long forgotten, still known"
    assert later.callback.values.max() == MS


def test_counts_begin_anew_with_the_scenario():
    story = Story().idle(MS).callback("f", 50 * MS).idle(MS)
    model = fed(story)
    story.mark("scenario:y").feed(model)
    story.callback("f", MS).idle(MS).feed(model)
    whole = model.snapshot(story.now_ns, SECOND).loop.whole
    assert whole.callback.quantiles.max_ns == MS
    assert whole.ready_delay.quantiles.count == 1


def blocked():
    """Twice a report of 50 ms holds two requests up."""
    story = Story().idle(MS)
    for n in (0, 10):
        story.task(n + 1).step(n + 1).request(n + 1, "GET /report").runs(50 * MS)
        story.response(n + 1, "GET /report").end(n + 1)
        for task, route in ((n + 2, "GET /ping"), (n + 3, "GET /items/3")):
            sent = story.now_ns - 40 * MS
            story.task(task).step(task, waited=30 * MS).request(task, route, sent_ns=sent)
            story.runs(MS).response(task, route).end(task)
        story.idle(10 * MS)
    return story


def test_a_finding_tells_its_last_times_the_newest_first():
    (found,) = fed(blocked()).findings()
    assert [(m.lasted_ns, m.label, m.request) for m in found.moments] == [
        (50 * MS, "GET /report", 4),
        (50 * MS, "GET /report", 1),
    ]
    assert found.moments[0].at_ns == found.last_ns == T0 + 51 * MS + 2 * MS + 10 * MS + 50 * MS


def test_a_finding_tells_who_suffered_by_route():
    (found,) = fed(blocked()).findings()
    assert {(one.route, one.requests) for one in found.impacts} == {
        ("GET /ping", 2),
        ("GET /items/3", 2),
    }
    assert sum(one.requests for one in found.impacts) == found.victims
    assert sum(one.waited_ns for one in found.impacts) == found.victim_wait_ns


def test_of_several_workers_they_are_one_list():
    (one,) = fed(blocked()).findings()
    (merged,) = add_findings([(one,), (one,)])
    assert len(merged.moments) == 4
    assert list(merged.moments) == sorted(merged.moments, reverse=True)
    assert {s.route: s.requests for s in merged.impacts} == {"GET /ping": 4, "GET /items/3": 4}
    twice = [Impact(s.route, 2 * s.requests, 2 * s.waited_ns) for s in one.impacts]
    assert list(merged.impacts) == twice


def test_many_moments_and_many_routes_are_bounded():
    story = Story().idle(MS)
    for n in range(120):
        story.task(2 * n + 1).step(2 * n + 1).request(2 * n + 1, "GET /r").runs(30 * MS)
        story.response(2 * n + 1, "GET /r").end(2 * n + 1)
        story.task(2 * n + 2).step(2 * n + 2, waited=20 * MS).request(2 * n + 2, f"GET /{n}")
        story.runs(MS).response(2 * n + 2, f"GET /{n}").end(2 * n + 2).idle(MS)
    (found,) = fed(story).findings()
    assert found.count == 120
    assert len(found.moments) == 8
    assert len(found.impacts) == 50
    assert found.victims == 120
    assert np.all(np.diff([m.at_ns for m in found.moments]) < 0)


def test_waits_that_go_on_are_told_by_route_too():
    story = Story().idle(MS).resource(1, "asyncio.Semaphore", 2, name="db")
    for task in (1, 2):
        story.task(task).step(task).acquires(task, 1, task).runs(MS)
    for task in range(3, 13):
        route = "GET /a" if task % 2 else "GET /b"
        story.task(task).step(task).request(task, route).waits_for(task, 1).runs(MS)
    story.idle(2 * SECOND).step(3, MS).idle(MS)
    (found,) = (f for f in fed(story).findings() if f.rule == "pool-exhausted")
    assert found.victims == 10
    assert sum(one.waited_ns for one in found.impacts) == found.victim_wait_ns > 15 * SECOND
    assert {one.route: one.requests for one in found.impacts} == {"GET /a": 5, "GET /b": 5}


def test_in_the_past_of_a_loop_that_never_rests_it_is_busy_no_more_than_all_the_time():
    story = Story().idle(SECOND)
    for _ in range(900):
        story.callback("f", 10 * MS)
    model = fed(story)
    held = model.snapshot(story.now_ns, 10 * SECOND)
    for ago in (0, 1, 2, 3):
        end = story.now_ns - ago * SECOND
        assert model.past(held, end - SECOND, end).loop.utilization_recent == pytest.approx(1.0)
