"""Several workers, each with a model of its own: one picture, in which nothing collides."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot.merge import (
    add_findings,
    drop_before,
    keep_ended,
    label_worker,
    merge,
    worker_label,
)
from loopviz.model.state.lanes import Lanes
from loopviz.testing import Story

COUNTERS = [("kept", "kept", False), ("lost", "lost", True)]


def workers(count=2):
    lanes = Lanes()
    models = [Model(counters=COUNTERS, lanes=lanes) for _ in range(count)]
    for other in models[1:]:
        models[0].counters.join(other.counters)
    return models, [Story() for _ in range(count)]


def serve(story, task, route, ms, *, sent_ago=0):
    """One request that blocks the loop all the time."""
    story.task(task).step(task).request(task, route, sent_ns=story.now_ns - sent_ago)
    return story.runs(ms * MS).response(task, route).end(task).idle(MS)


def blocks(story, task, ms=30, line=7):
    """A request that makes a stall, seen on its line."""
    story.task(task).step(task).request(task, "GET /a").sampled("app.py", line, "work")
    return story.runs(ms * MS).response(task, "GET /a").end(task).idle(MS)


def feed(models, stories):
    for model, story in zip(models, stories, strict=True):
        story.feed(model)


def picture(models, now, window=60 * SECOND):
    first, *others = [model.snapshot(now, window) for model in models]
    peers = [(i, label_worker(i, snapshot)) for i, snapshot in enumerate(others, 2)]
    return merge(first, peers)


def test_alone_it_is_the_picture_of_its_model():
    (model,), (story,) = workers(1)
    serve(story, 1, "GET /a", 5).feed(model)
    snapshot = model.snapshot(story.now_ns, SECOND)
    assert merge(snapshot, ()) is snapshot
    assert snapshot.peers == ()


def test_requests_have_numbers_and_lanes_of_their_own():
    models, stories = workers()
    for story in stories:  # the same at the same time, and with the same task numbers
        for task in (1, 2, 3):
            serve(story, task, "GET /a", 5)
    feed(models, stories)
    seen = picture(models, stories[0].now_ns)
    assert [r.number for r in seen.requests] == [1, 2, 3, 4, 5, 6]
    assert [r.lane for r in seen.requests] == [0, 0, 0, 1, 1, 1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1), st.integers(1, 9), st.integers(0, 30), st.booleans(), st.booleans()
        ),
        max_size=40,
    )
)
def test_on_a_lane_requests_follow_one_another(turns):
    """Whatever the batches, and whether one worker's events are lost meanwhile."""
    models, stories = workers()
    for task, (worker, ms, ago, fed, lost) in enumerate(turns, 1):
        serve(stories[worker], task, "GET /a", ms, sent_ago=ago * MS)
        if fed:
            stories[worker].feed(models[worker])
        if lost:
            models[worker].lost(1, stories[worker].now_ns)
    feed(models, stories)
    now = max(story.now_ns for story in stories)
    lanes = {}
    for request in picture(models, now).requests if all(m.seen for m in models) else ():
        lanes.setdefault(request.lane, []).append(request)
    for requests in lanes.values():
        for one, next_ in pairwise(requests):
            assert one.end_ns <= next_.start_ns


def test_a_gap_in_one_worker_leaves_the_other_s_lanes():
    models, stories = workers()
    for task, (model, story) in enumerate(zip(models, stories, strict=True), 1):
        story.task(task).step(task).request(task, "GET /a").idle(MS).feed(model)
    models[0].lost(10, stories[0].now_ns)
    stories[1].step(2, MS).response(2, "GET /a").end(2).idle(MS).feed(models[1])
    seen = picture(models, stories[1].now_ns).requests
    assert [(r.lane, r.open, r.status) for r in seen] == [(1, False, 200)]


def test_the_same_culprit_in_two_workers_is_one_finding():
    models, stories = workers()
    blocks(blocks(stories[0], 1), 2, ms=50)
    blocks(blocks(stories[1], 1, ms=80), 2, line=9)
    feed(models, stories)
    now = stories[1].now_ns
    found = {f.location.line: f for f in picture(models, now).findings}
    assert {line: (f.rule, f.count, f.worst_ns // MS) for line, f in found.items()} == {
        7: ("slow-callback", 3, 80),
        9: ("slow-callback", 1, 30),
    }
    assert found[7].total_ns == 160 * MS
    assert found[7].sentence == models[1].findings()[0].sentence


def test_findings_without_a_line_stay_apart_unless_they_say_the_same():
    models, stories = workers()
    for story in stories:
        for task, ms in ((1, 30), (2, 40)):
            serve(story, task, f"GET /{task}", ms)
    feed(models, stories)
    of = [model.findings() for model in models]
    assert all(finding.location is None for finding in of[0])
    together = add_findings(of)
    assert len(together) == len(of[0])
    assert sum(f.count for f in together) == 4


def test_counts_are_sums_and_resources_say_whose_they_are():
    models, stories = workers()
    for number, story in enumerate(stories, 1):
        story.task(1).step(1).resource(5, "asyncio.Lock", 1, name="door", by=1)
        story.acquires(1, 5).runs(MS).idle(MS)
        story.counts("kept", 10 * number).counts("lost", number)
    feed(models, stories)
    seen = picture(models, stories[0].now_ns)
    assert [(c.key, c.value, c.recent) for c in seen.counters] == [("kept", 30, 30), ("lost", 3, 3)]
    assert [(r.name, r.in_use.now) for r in seen.resources] == [
        ("door", 1),
        ("door (worker 2)", 1),
    ]
    assert (seen.tasks.live, seen.tasks.started) == (2, 2)
    assert seen.health.events == sum(model.health().events for model in models)
    assert [peer.worker for peer in seen.peers] == [2]
    assert seen.peers[0].loop.callbacks == models[1].loop.callbacks


def test_what_a_worker_counted_outlives_it():
    models, stories = workers()
    for story in stories:
        blocks(story, 1).counts("lost", 4)
    stories[1].task(2).step(2).runs(MS).idle(MS)  # still there when it ends
    feed(models, stories)
    now = stories[1].now_ns
    models[1].stop(now)
    gone = keep_ended(None, label_worker(2, models[1].snapshot(now, SECOND)))
    gone = keep_ended(gone, label_worker(2, models[1].snapshot(now, SECOND)))  # its successor, too
    seen = merge(models[0].snapshot(now, SECOND), (), [drop_before(now - SECOND, gone)])
    assert [(c.key, c.value, c.recent) for c in seen.counters] == [("kept", 0, 0), ("lost", 8, 8)]
    assert [f.count for f in seen.findings] == [3]
    assert seen.tasks.live == 0
    assert len(seen.requests) == 3
    assert seen.peers == ()
    assert drop_before(now + SECOND, gone).requests == ()


@pytest.mark.parametrize(("worker", "name"), [(1, "db pool"), (2, "db pool (worker 2)")])
def test_names(worker, name):
    assert worker_label("db pool", worker) == name
