"""Requests: where their time went, on which lane, and who delayed them."""

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot import State
from loopviz.model.state.requests import Requests
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED

T0 = 1024 * SECOND
RUN, READY, AWAIT, BLOCKING = State.RUN, State.READY, State.AWAIT, State.BLOCKING


def fed(story):
    model = Model()
    story.feed(model)
    return model


def requests_of(model, story, window=60 * SECOND):
    return model.snapshot(story.now_ns, window).requests


def spans_ms(request):
    return [((b - a) / MS, state) for a, b, state in request.spans]


def check(request):
    """What holds for every request."""
    assert request.spans[0][0] == request.start_ns
    assert request.spans[-1][1] == request.end_ns
    for (_, end, _), (start, _, _) in pairwise(request.spans):
        assert end == start
    finished = request.spans[: -1 if request.open else None]
    assert all(end > start for start, end, _ in finished)
    by_state = defaultdict(int)
    for start, end, state in request.spans:
        by_state[state] += end - start
    assert request.busy_ns == by_state[RUN] + by_state[BLOCKING]
    assert request.ready_ns == by_state[READY]
    assert request.waiting_ns == sum(by_state[state] for state in State if state.waits)
    total = request.busy_ns + request.ready_ns + request.waiting_ns
    assert total == request.end_ns - request.start_ns


def simple_story():
    """Sent at 0, seen at 4, runs till 6, awaits till 9, ready till 10, runs till 12."""
    story = Story().idle(2 * MS).callback("data_received", 2 * MS).task(1, "run_asgi").polls()
    story.step(1, waited=MS).request(1, "GET /a", sent_ns=T0).runs(2 * MS)
    story.idle(3 * MS).callback("wake", 1 * MS).polls()
    return story.step(1, 2 * MS, waited=MS)


def test_the_spans_of_one_request():
    story = simple_story().response(1, "GET /a", 201).end(1).runs(MS).idle(MS)
    (request,) = requests_of(fed(story), story)
    assert spans_ms(request) == [(4, READY), (2, RUN), (3, AWAIT), (1, READY), (2, RUN)]
    assert (request.start_ns, request.end_ns) == (T0, T0 + 12 * MS)
    assert (request.open, request.status, request.route, request.lane) == (
        False,
        201,
        "GET /a",
        0,
    )
    check(request)


def test_an_open_request_goes_on_to_now():
    story = simple_story()
    model = fed(story)
    (request,) = model.snapshot(story.now_ns, SECOND).requests
    assert request.open
    assert spans_ms(request)[-1] == (2, RUN)
    check(request)
    (request,) = model.snapshot(story.now_ns + 28 * MS, SECOND).requests
    assert spans_ms(request)[-1] == (30, BLOCKING)
    check(request)
    story.idle(0).feed(model)
    (request,) = model.snapshot(story.now_ns + 5 * MS, SECOND).requests
    assert spans_ms(request)[-1] == (5, AWAIT)
    check(request)


def test_without_the_header_it_starts_when_it_became_ready():
    story = Story().idle(MS).task(1).step(1, waited=MS // 2).request(1, "GET /a").runs(MS)
    story.response(1, "GET /a").end(1).idle(MS)
    (request,) = requests_of(fed(story), story)
    assert spans_ms(request) == [(0.5, READY), (1, RUN)]


@pytest.mark.parametrize("sent", [T0 + 10**12, T0 + MS])
def test_a_header_from_the_future_is_not_believed(sent):
    story = Story().idle(MS).task(1).step(1, waited=MS // 2).request(1, "GET /a", sent_ns=sent)
    story.runs(MS).response(1, "GET /a").end(1).idle(MS)
    (request,) = requests_of(fed(story), story)
    assert request.start_ns == T0 + MS // 2


def test_two_requests_on_one_connection_s_task():
    """The same task may serve one after the other."""
    story = Story().task(1)
    for status in (200, 404):
        story.step(1).request(1, "GET /a").runs(MS).response(1, "GET /a", status)
        story.idle(MS)
    first, second = requests_of(fed(story), story)
    assert (first.status, second.status) == (200, 404)
    assert first.end_ns <= second.start_ns


programs = st.lists(
    st.tuples(
        st.integers(1, 4),  # which task
        st.integers(0, 40),  # how long it runs
        st.integers(0, 100),  # since when ready, in per cent of the time since it last ran
        st.booleans(),  # then idle
        st.integers(0, 20),
        st.booleans(),  # the request ends
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(program=programs, portion=st.integers(1, 20))
def test_every_request_adds_up(program, portion):
    """Busy, ready and waiting sum to its life, whatever happened, open or not."""
    story = Story()
    ran = defaultdict(int)  # by task, while its request was open
    paused, serving = {}, set()
    for task, runs, ready, idles, idle, ends in program:
        since = story.now_ns - paused.get(task, story.now_ns)
        if task not in serving:
            ran[task] = 0
            story.task(task)
            since = 0
        story.step(task, waited=since * ready // 100)
        if task not in serving:
            story.request(task, f"GET /{task % 2}")
            serving.add(task)
        story.runs(runs * MS)
        ran[task] += runs * MS
        if ends:
            story.response(task, f"GET /{task % 2}").end(task)
            serving.discard(task)
        paused[task] = story.now_ns
        if idles:
            story.idle(idle * MS)
    events, strings = story.batch()
    model = Model()
    for start in range(0, len(events), portion):
        model.feed(events[start : start + portion], strings)
    requests = [r for r in requests_of(model, story) if r.end_ns > r.start_ns]
    for request in requests:
        check(request)
    by_lane = defaultdict(list)
    for request in requests:
        by_lane[request.route, request.lane].append((request.start_ns, request.end_ns))
    for lives in by_lane.values():
        for (_, end), (start, _) in pairwise(sorted(lives)):
            assert end <= start, "two at once on one lane"
    open_busy = {t: ran[t] for t in serving if ran[t]}
    assert sorted(r.busy_ns for r in requests if r.open and r.busy_ns) == sorted(open_busy.values())


def test_a_request_of_very_many_steps_keeps_its_sums():
    story = Story().task(1).step(1).request(1, "GET /a")
    for _ in range(5000):
        story.runs(1000).idle(2000).step(1, waited=500)
    story.runs(1000).response(1, "GET /a").end(1).idle(MS)
    (request,) = requests_of(fed(story), story)
    assert request.busy_ns == 5001 * 1000
    assert request.ready_ns == 5000 * 500
    assert request.waiting_ns == 5000 * 1500
    assert len(request.spans) <= 1024
    for (_, end, _), (start, _, _) in pairwise(request.spans):
        assert end == start


# Lanes


def test_the_lowest_free_lane():
    requests = Requests()
    a = requests.start(1, "GET /a", 0)
    b = requests.start(2, "GET /a", 10)
    other = requests.start(3, "GET /b", 10)
    requests.finish(1, 20, 200, "GET /a")
    c = requests.start(4, "GET /a", 15)  # sent before the first one ended
    d = requests.start(5, "GET /a", 20)
    assert [r.lane for r in (a, b, other, c, d)] == [0, 1, 0, 2, 0]


def test_at_its_end_it_moves_to_the_template_s_lane():
    requests = Requests()
    requests.start(1, "GET /items/1", 0)
    requests.start(2, "GET /items/2", 5)
    requests.start(3, "GET /items/3", 30)
    for task, end in ((1, 10), (2, 20), (3, 40)):
        requests.finish(task, end, 200, "GET /items/{id}")
    assert [(r.route, r.lane) for r in requests.finished] == [
        ("GET /items/{id}", 0),
        ("GET /items/{id}", 1),
        ("GET /items/{id}", 0),
    ]


def test_lanes_hold_after_thousands_of_different_paths():
    """Two at a time, each on a path of its own: never two at once on one lane."""
    requests = Requests()
    for i in range(1200):
        tasks = (2 * i, 2 * i + 1)
        for task in tasks:
            requests.start(task, f"GET /items/{task}", i * 100)
        for task in tasks:
            requests.finish(task, i * 100 + 50, 200, "GET /items/{id}")
    assert [view.lane for view in requests.finished] == [0, 1] * 1200
    assert len(requests.lanes) <= 1100


def test_the_model_shows_them_on_different_lanes():
    story = Story()
    for task in (1, 2, 3):
        story.task(task).step(task).request(task, "GET /a").runs(MS)
    story.idle(MS)
    for task in (2, 1, 3):
        story.step(task, MS).response(task, "GET /a").end(task).idle(MS)
    requests = requests_of(fed(story), story)
    assert [r.lane for r in requests] == [0, 1, 2]
    assert [r.number for r in requests] == [1, 2, 3]


def test_the_window():
    """Those that overlap it, by number; nothing older."""
    story = Story()
    for task in range(1, 11):
        story.task(task).step(task).request(task, "GET /a").runs(MS)
        story.response(task, "GET /a").end(task).idle(SECOND)
    model = fed(story)
    numbers = [r.number for r in model.snapshot(story.now_ns, 3 * SECOND + 5 * MS // 2).requests]
    assert numbers == [8, 9, 10]


# Tasks


def test_tasks_are_counted():
    story = Story().task(1, "a").task(2, "b", parent=1).task(3, "c", parent=1)
    story.step(1).end(1).step(2).end(2, TASK_RAISED).step(3).end(3, TASK_CANCELLED).idle(MS)
    tasks = fed(story).trace.tasks
    assert (tasks.started, tasks.raised, tasks.cancelled) == (3, 1, 1)


def test_what_runs_is_called_by_its_name():
    cases = [
        (Story().task(1, "mod.fetch").step(1), "mod.fetch"),
        (Story().task(1, "mod.fetch", name="refresh").step(1), "refresh"),
        (Story().task(1, "mod.fetch").step(1).request(1, "GET /a"), "GET /a"),
        (Story().callback("Server._tick\tx.py\t3\tServer._tick"), "Server._tick"),
        (Story().callback(""), "loopviz heartbeat"),
        (Story().step(9), "a task"),
    ]
    for story, label in cases:
        model = fed(story)
        assert model.snapshot(story.now_ns + MS, SECOND).loop.running.label == label


def test_a_child_works_for_its_parent_s_request():
    story = Story().task(1).step(1).request(1, "GET /a").task(2, "child", parent=1)
    story.task(3, "grandchild", parent=2).idle(MS).step(3)
    model = fed(story)
    (request,) = model.snapshot(story.now_ns, SECOND).requests
    assert model.snapshot(story.now_ns, SECOND).loop.running.request == request.number


def test_after_a_loss_open_requests_are_given_up():
    story = simple_story()
    model = fed(story)
    model.lost(5, story.now_ns)
    story.runs(MS).response(1, "GET /a").end(1).idle(MS)
    story.task(2).step(2).request(2, "GET /a").runs(MS).response(2, "GET /a").end(2).idle(MS)
    story.feed(model)
    (request,) = requests_of(model, story)
    assert (request.route, request.lane) == ("GET /a", 0)
    check(request)


def test_memory_does_not_grow_with_the_run():
    """Ten minutes, in big batches."""
    story, model = Story(), Model([("GET /a", 10)])
    task = 0
    for _ in range(60):
        for _ in range(200):
            task += 1
            story.callback("cb", 100_000, late=1000).task(task, "run_asgi", name=f"t{task % 50}")
            story.step(task, MS).request(task, f"GET /items/{task % 900}").runs(MS)
            story.idle(12 * MS).step(task, 25 * MS).sampled("app.py", task % 40 + 1, "f")
            story.response(task, "GET /items/{id}").end(task).idle(12 * MS)
        story.feed(model)
    assert story.now_ns - T0 > 590 * SECOND
    trace = model.trace
    assert len(trace.tasks.live) == 0
    assert len(trace.tasks.ended) <= 2000
    assert len(trace.requests.open) == 0
    assert len(trace.requests.finished) <= 20_000
    assert len(trace.stalls.ended) <= 2000
    kept = [part for part in vars(trace.samples).values() if hasattr(part, "__len__")]
    assert sum(map(len, kept)) <= 130 * 25
    for series in (model.loop.busy, model.loop.lag, model.loop.ready_delay):
        assert len(series) < 140 * 100
        assert len(series._times) < 4 * 140 * 100
    assert len(model.findings()) == 40
    assert sum(found.count for found in model.findings()) == task
