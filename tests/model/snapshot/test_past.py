"""The past as it was: against what live snapshots of those moments have shown."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot import State
from loopviz.model.snapshot.merge import clip, drop_before, label_worker, merge, merge_past, of_loop
from loopviz.model.state.history import KEEP_NS, RETAINED_NS
from loopviz.model.state.lanes import Lanes
from loopviz.testing import Story
from tests.model.programs import World, programs

WINDOW = 60 * SECOND


def same_request(live, then):
    """As it was seen, but for what was not known yet: how its newest span would end."""
    assert (live.number, live.lane, live.start_ns) == (then.number, then.lane, then.start_ns)
    assert (live.open, live.end_ns, live.status) == (then.open, then.end_ns, then.status)
    known = live.spans[:-1] if live.open else tuple(live.spans)
    assert tuple(then.spans[: len(known)]) == tuple(known)
    assert then.busy_ns + then.ready_ns + then.waiting_ns == then.end_ns - then.start_ns
    assert sum(wait.total_ns for wait in then.waits) == then.waiting_ns
    if not live.open:
        assert live == then


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs, every=st.integers(1, 4))
def test_the_past_is_as_it_was(program, every):
    world, model, seen = World(), Model(), []

    def look():
        if len(world.ran) % every == 0:
            world.story.feed(model)
            seen.append(model.snapshot(world.story.now_ns, WINDOW))

    world.amid = look
    for move in program:
        world.play(move)
    world.story.idle(MS).feed(model)
    held = model.snapshot(world.story.now_ns, WINDOW)
    ends = {s.start_ns: s.end_ns for s in held.loop.stalls}
    for live in reversed(seen):
        now = live.now_ns
        then = model.past(held, now - WINDOW, now)
        assert then.now_ns == now
        known = {request.number: request for request in live.requests}
        for request in then.requests:
            if request.number in known:
                same_request(known.pop(request.number), request)
            else:  # sent, but not read yet
                assert [state for *_, state in request.spans] == [State.READY]
        assert not known
        assert [(s.start_ns, s.end_ns, s.open) for s in then.loop.stalls] == [
            (s.start_ns, s.end_ns, s.open)
            for s in live.loop.stalls
            if s.start_ns in ends  # others were short in the end
        ]
        was, is_ = live.loop.busy, then.loop.busy
        for moment in {*was.times_ns.tolist(), *is_.times_ns.tolist()}:
            assert np.interp(moment, was.times_ns, was.values) == np.interp(
                moment, is_.times_ns, is_.values
            )
        assert then.loop.ready_delay.values.tolist() == live.loop.ready_delay.values.tolist()
        running = live.loop.running
        if running.request or running.since_ns in ends:
            assert then.loop.running == running
        else:  # of a short callback it is not kept which one it was
            assert then.loop.running in (None, running)


def blocked():
    """A request waits for one that blocks the loop for 100 ms; each begins 10 ms after the last."""
    story = Story().idle(10 * MS).task(1).step(1).request(1, "GET /ping").runs(MS)
    story.task(2).step(2).request(2, "GET /report").runs(2 * MS).sampled("app.py", 9, "work")
    story.runs(98 * MS).response(2, "GET /report").end(2)
    story.step(1, MS, waited=60 * MS, place="sleep\tapp.py\t3\tping").response(1, "GET /ping")
    return story.end(1).idle(50 * MS)


def test_an_end_within_a_stall_shows_it_open_and_who_waits():
    story, model = blocked(), Model()
    began = story.now_ns - 151 * MS
    story.feed(model)
    held = model.snapshot(story.now_ns, WINDOW)
    for ms, is_stall, has_line in ((5, False, False), (11, False, True), (50, True, True)):
        then = model.past(held, began - SECOND, began + ms * MS)
        assert (then.loop.running.label, then.loop.running.request) == ("GET /report", 2)
        assert then.loop.running.since_ns == began
        assert (then.loop.running.location is not None) == has_line
        assert [(s.open, s.end_ns) for s in then.loop.stalls] == (
            [(True, began + ms * MS)] if is_stall else []
        )
    ping, report = model.past(held, began - SECOND, began + 50 * MS).requests
    assert (ping.open, ping.spans[-1]) == (True, (began + 40 * MS, began + 50 * MS, State.READY))
    assert report.spans[-1] == (began, began + 50 * MS, State.BLOCKING)
    report = model.past(held, began - SECOND, began + 10 * MS).requests[1]
    assert report.spans[-1] == (began, began + 10 * MS, State.RUN)  # not yet known to be slow
    assert model.past(held, began - SECOND, began + 130 * MS).loop.running is None


def test_figures_are_those_of_the_seconds_before():
    model = Model([("GET /a", 1)], counters=[("kept", "kept", False)])
    story = Story()
    for i in range(100):
        story.callback("\t\t0\t", late=i * MS).counts("kept", i + 1).idle(SECOND // 10)
    story.feed(model)
    held = model.snapshot(story.now_ns, WINDOW)
    then = model.past(held, story.now_ns - 8 * SECOND, story.now_ns - 4 * SECOND - MS)
    assert (then.loop.lag_recent.count, then.loop.lag_recent.max_ns) == (50, 59 * MS)
    assert [(c.value, c.recent) for c in then.counters] == [(60, 50)]
    assert [(c.value, c.recent) for c in held.counters] == [(100, 49)]


def test_figures_are_those_that_were_shown():
    story, model, seen = Story(), Model(), []
    task = steady(story, model, 3)
    for i in range(12):
        task = steady(story, model, 1, per_s=10 + 3 * i, first=task)
        seen.append(model.snapshot(story.now_ns - MS, WINDOW))
    steady(story, model, 3, first=task)
    held = model.snapshot(story.now_ns, WINDOW)
    for live in seen:
        then = model.past(held, live.now_ns - SECOND, live.now_ns)
        assert then.loop.lag_recent == live.loop.lag_recent
        assert then.loop.ready_delay_recent == live.loop.ready_delay_recent
        assert then.loop.utilization_recent == pytest.approx(live.loop.utilization_recent, abs=1e-3)
    assert len({live.loop.lag_recent.count for live in seen}) > 8


def test_gauges_show_the_moment():
    story = Story().task(1).step(1).resource(7, "asyncio.Semaphore", 3)
    times = []
    for used in (1, 2, 3, 2):
        story.runs(50 * MS).acquires(1, 7, used)
        times.append(story.now_ns)
    model = Model()
    story.runs(50 * MS).idle(MS).feed(model)
    held = model.snapshot(story.now_ns, WINDOW)
    seen = []
    for at in (times[0] - 20 * MS, *(at + 20 * MS for at in times)):
        (resource,) = model.past(held, at - SECOND, at).resources
        seen.append((resource.in_use.now, resource.in_use.max))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3), (2, 3)]


def test_marks_of_the_time():
    model, story = Model(), Story()
    for fix in "abc":
        story.idle(SECOND).mark(f"fix:{fix}=on").feed(model)
        model.feed_aux(*story.aux_batch())
    story.idle(SECOND)
    for fix, at in zip("abc", (3, 2, 1), strict=True):
        model.mark(story.now_ns - at * SECOND, f"fix:{fix}=off")
    story.feed(model)
    held = model.snapshot(story.now_ns, WINDOW)
    end = story.now_ns - SECOND - 1
    assert "b off" in [m.text for m in model.past(held, end - 2 * SECOND, end).marks]
    assert "c off" not in [m.text for m in model.past(held, end - 2 * SECOND, end).marks]


# ---- what is held, and what is forgotten


def steady(story, model, seconds, per_s=20, first=1):
    """So many requests a second, with a step of a millisecond each."""
    task = first
    for _ in range(seconds):
        for _ in range(per_s):
            story.task(task).step(task, MS).request(task, "GET /a").runs(MS)
            story.response(task, "GET /a").end(task).callback("t", late=MS)
            story.idle(SECOND // per_s - 2 * MS)
            task += 1
        story.feed(model)
    return task


def test_what_is_retained_stays_and_recording_goes_on():
    story, model = Story(), Model()
    task = steady(story, model, 70)
    frozen = story.now_ns
    held = model.snapshot(frozen, WINDOW)
    model.retain(frozen - KEEP_NS)
    before = model.past(held, frozen - 30 * SECOND, frozen)
    task = steady(story, model, 400, first=task)
    after = model.past(held, frozen - 30 * SECOND, frozen)
    assert after.requests == before.requests
    assert len(after.requests) == 600
    assert after.oldest_ns <= frozen - KEEP_NS
    for name in ("busy", "lag", "ready_delay"):
        was, now = getattr(before.loop, name), getattr(after.loop, name)
        assert np.array_equal(was.times_ns, now.times_ns)
        assert np.array_equal(was.values, now.values)
    now = story.now_ns
    assert len(model.past(held, now - 30 * SECOND, now).requests) == 600
    assert len(model.past(held, now - RETAINED_NS, now).requests) == RETAINED_NS // SECOND * 20
    finished = model.trace.requests.finished
    assert len(finished) < (75 + 10 + RETAINED_NS // SECOND + 20) * 20
    torn = model.past(held, frozen - 10 * SECOND, frozen + 100 * SECOND)  # over the hole
    assert [r.number for r in torn.requests] == list(range(1200 + 1, 1600 + 1))
    model.retain(0)
    steady(story, model, 20, first=task)
    assert len(finished) < (65 + 20) * 20
    assert model.oldest_ns > frozen + 300 * SECOND


def test_without_a_hold_a_minute_is_kept():
    story, model = Story(), Model()
    steady(story, model, 200)
    now = story.now_ns
    snapshot = model.snapshot(now, 300 * SECOND)
    assert now - KEEP_NS - 11 * SECOND <= snapshot.oldest_ns <= now - KEEP_NS
    ended = [r.end_ns for r in snapshot.requests]
    assert min(ended) >= snapshot.oldest_ns
    assert len(ended) == sum(at >= snapshot.oldest_ns for at in ended)
    assert len(model.past(snapshot, now - KEEP_NS, now).requests) == 65 * 20


def test_an_incident_is_shown_when_all_around_is_forgotten():
    story, model = Story(), Model()
    task = steady(story, model, 3)
    story.task(9000).step(9000).request(9000, "GET /slow").sampled("app.py", 4, "f").runs(80 * MS)
    story.response(9000, "GET /slow").end(9000).idle(MS)
    at = story.now_ns - 40 * MS
    task = steady(story, model, 2, first=task)
    held = model.snapshot(story.now_ns, WINDOW)
    before = model.past(held, at - 500 * MS, at)
    steady(story, model, 300, first=task)
    held = model.snapshot(story.now_ns, WINDOW)
    (incident,) = held.incidents
    assert incident.end_ns < model.oldest_ns
    then = model.past(held, at - 500 * MS, at)
    assert then.requests == before.requests
    assert len(then.requests) == 10
    assert then.loop.running == before.loop.running
    assert then.loop.running.location.line == 4
    assert [(s.start_ns, s.end_ns, s.open) for s in then.loop.stalls] == [
        (s.start_ns, s.end_ns, s.open) for s in before.loop.stalls
    ]
    assert then.loop.busy.values[-1] - then.loop.busy.values[0] == (
        before.loop.busy.values[-1] - before.loop.busy.values[0]
    )
    late = [sum(t.loop.lag.times_ns >= at - 500 * MS) for t in (then, before)]
    assert late == [9, 9]


def test_too_many_requests_are_forgotten_before_their_time():
    story, model = Story(), Model()
    model.trace.requests.finished._keep = 500
    steady(story, model, 40)
    snapshot = model.snapshot(story.now_ns, WINDOW)
    assert 450 <= len(snapshot.requests) <= 500
    first = min(r.end_ns for r in islice(snapshot.requests, 5))
    assert story.now_ns - 26 * SECOND < snapshot.oldest_ns <= first


def test_windows_move_both_ways():
    story, model = Story(), Model()
    steady(story, model, 30)
    held = model.snapshot(story.now_ns, WINDOW)
    every = {r.number: r for r in held.requests}
    ends = (5, 6, 20, 19, 3, 30, 29, 28, 27, 2)
    for end in (story.now_ns - ago * SECOND - 3 * MS for ago in ends):
        for width in (SECOND, 5 * SECOND, 2 * SECOND):
            then = model.past(held, end - width, end)
            assert [r.number for r in then.requests] == [
                n for n, r in every.items() if r.end_ns >= end - width and r.start_ns < end
            ]


# ---- several workers


def test_workers_as_they_were():
    lanes = Lanes()
    models = [Model(counters=[("n", "n", False)], lanes=lanes, worker=n) for n in (1, 2)]
    models[0].counters.join(models[1].counters)
    stories = [Story().idle(MS) for _ in models]
    for number, story in enumerate(stories, 1):
        for task in (1, 2):
            story.task(task).step(task).request(task, "GET /a").counts("n", number * task)
            story.runs(30 * MS).response(task, "GET /a").end(task).idle(20 * MS)
    for model, story in zip(models, stories, strict=True):
        story.feed(model)
    now = stories[0].now_ns
    first, second = (model.snapshot(now, WINDOW) for model in models)
    held = merge(first, [(2, label_worker(2, second))], [drop_before(0, second)])
    end = now - 35 * MS  # 15 ms into the second request of each
    start = now - SECOND
    own = dict(held.loops)
    each = {n: model.past(own[n], start, end) for n, model in enumerate(models, 1)}
    then = merge_past(held, each, [clip(second, start, end)])
    assert [(r.number, r.worker, r.open) for r in then.requests] == [
        (1, 1, False),
        (2, 1, True),
        *[(3, 2, False)] * 2,
        *[(4, 2, True)] * 2,
    ]
    for request in then.requests:
        assert request.end_ns == min(end, request.end_ns)
        assert request.busy_ns == request.end_ns - request.start_ns
    assert [counter.value for counter in then.counters] == [2 + 4]
    (other,) = then.peers
    assert other.loop.running.request == 4
    assert [(s.open, s.end_ns - s.start_ns) for s in other.loop.stalls] == [
        (False, 30 * MS),
        (True, 15 * MS),
    ]
    assert (then.loop.running.request, then.now_ns) == (2, end)
    alone = of_loop(then, 2)
    assert [(r.number, r.worker) for r in alone.requests] == [(3, 2), (4, 2)]
    assert (alone.loop, alone.counters, alone.peers) == (other.loop, then.counters, ())
