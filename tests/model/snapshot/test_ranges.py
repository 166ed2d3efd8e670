"""The figures of a range of time, against a plain account."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot import State
from loopviz.model.snapshot.ranges import figures
from loopviz.testing import Story
from tests.model.programs import World, programs

WINDOW = 60 * SECOND


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs, first=st.integers(0, 400), lasted=st.integers(1, 400))
def test_a_range_of_any_program(program, first, lasted):
    world, model = World(), Model()
    began = world.story.idle(10 * MS).now_ns
    for move in program:
        world.play(move)
    world.story.idle(MS).feed(model)
    snapshot = model.snapshot(world.story.now_ns, WINDOW)
    start = began + first * MS // 2
    end = min(start + lasted * MS, snapshot.now_ns)
    if end <= start:
        return
    found = figures(snapshot, start, end)
    assert found == figures(snapshot, end, start)
    assert found.lasted_ns == end - start
    sums = dict.fromkeys(State, 0)
    ended, still_open = [], 0
    for request in snapshot.requests:
        for s, e, state in request.spans:
            sums[state] += max(min(e, end) - max(s, start), 0)
        if request.start_ns < end and request.end_ns > start:
            if request.open or request.end_ns > end:
                still_open += 1
            else:
                ended.append(request.end_ns - request.start_ns)
    assert found.ran_ns == sums[State.RUN] + sums[State.BLOCKING]
    assert found.ready_ns == sums[State.READY]
    assert found.waiting_ns == sums[State.AWAIT] + sums[State.RESOURCE] + sums[State.THREAD]
    assert (found.duration.count, found.duration.max_ns) == (len(ended), max(ended, default=0))
    assert found.open == still_open
    assert sum(route.duration.count for route in found.routes) == len(ended)
    held = [
        (min(e, end) - max(s, start), e - s)
        for s, e, _ in world.ran
        if e - s >= 20 * MS and s < end and e > start
    ]
    assert (found.stalls, found.stalled_ns) == (len(held), sum(inside for inside, _ in held))
    if held:
        assert found.worst.end_ns - found.worst.start_ns == max(whole for _, whole in held)
    else:
        assert found.worst is None
    busy = sum(max(min(e, end) - max(s, start), 0) for s, e, _ in world.ran)
    assert round(found.utilization * (end - start)) == busy


def test_lag_and_routes():
    story, model = Story().idle(MS), Model()
    for i in range(10):
        story.callback("t", late=i * MS).task(i + 1).step(i + 1)
        route = "GET /b" if i % 5 == 4 else "GET /a"
        story.request(i + 1, route).runs(i * MS).response(i + 1, route).end(i + 1)
        story.idle(20 * MS)
    story.feed(model)
    snapshot = model.snapshot(story.now_ns, WINDOW)
    found = figures(snapshot, story.now_ns - WINDOW, story.now_ns)
    assert (found.lag.count, found.lag.max_ns) == (10, 9 * MS)
    assert [(r.route, r.duration.count, r.duration.max_ns // MS) for r in found.routes] == [
        ("GET /a", 8, 8),
        ("GET /b", 2, 9),
    ]
    empty = figures(snapshot, 0, SECOND)
    assert (empty.utilization, empty.lag.count, empty.duration.count, empty.routes) == (
        0.0,
        0,
        0,
        (),
    )
