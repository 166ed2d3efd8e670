"""Where a request's time went: exact, against a plain account of what ran when."""

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot import State
from loopviz.model.snapshot.breakdown import IN_TRANSIT, OTHERS, breakdown
from loopviz.model.snapshot.merge import merge
from loopviz.model.state.lanes import Lanes
from loopviz.testing import Story
from tests.model.programs import World, programs

WINDOW = 60 * SECOND


def by_kind(found):
    sums = Counter()
    for part in found.parts:
        sums[part.kind] += part.total_ns
    return sums


def check(snapshot, request):
    """What holds for every breakdown; returns it."""
    found = breakdown(snapshot, request)
    assert found.total_ns == request.end_ns - request.start_ns
    assert sum(part.total_ns for part in found.parts) == found.total_ns
    assert [p.total_ns for p in found.parts] == sorted(p.total_ns for p in found.parts)[::-1]
    assert all(part.total_ns > 0 and part.count > 0 for part in found.parts)
    sums = by_kind(found)
    assert sums["ran"] + sums["blocking"] == request.busy_ns
    assert sums["ready"] == request.ready_ns
    assert sums["resource"] + sums["await"] == request.waiting_ns
    return found


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs, back=st.integers(0, 100))
def test_parts_sum_to_the_life_and_the_blame_is_exact(program, back):
    world, model = World(), Model()
    world.story.idle(SECOND)
    for move in program:
        world.play(move)
    story = world.story.idle(MS)
    story.feed(model)
    live = model.snapshot(story.now_ns, WINDOW)
    then = model.past(live, story.now_ns - WINDOW, story.now_ns - back * MS)
    for snapshot in (live, then):
        routes = {request.number: request.route for request in snapshot.requests}
        for request in snapshot.requests:
            found = check(snapshot, request)
            expected = Counter()
            for start, end, state in request.spans:
                if state is not State.READY:
                    continue
                rest = end - start
                for began, ended, number in world.ran:
                    lasted = min(ended, end) - max(began, start)
                    if lasted > 0:
                        who = routes.get(number, "call")
                        shown = ended <= snapshot.now_ns or snapshot.now_ns - began >= 12 * MS
                        stall = shown and ended - began >= 20 * MS
                        expected[who if number or stall else OTHERS] += lasted
                        rest -= lasted
                expected[IN_TRANSIT] += rest
            blamed = Counter()
            for part in found.parts:
                if part.kind == "ready":
                    blamed[part.what] += part.total_ns
            assert blamed == +expected


def test_who_held_it_up_is_named_with_line_and_slice():
    story, model = Story().idle(MS), Model()
    story.task(1).step(1).request(1, "GET /ping").runs(MS)
    for task, ms in ((2, 30), (3, 50)):
        story.task(task).step(task).request(task, "GET /report").sampled("app.py", 9, "work")
        story.runs(ms * MS).response(task, "GET /report").end(task)
    slow = story.now_ns - 50 * MS
    story.callback("\tlib.py\t7\tcall", 5 * MS).step(
        1, 2 * MS, waited=70 * MS, place="sleep\t\t0\t"
    )
    story.response(1, "GET /ping").end(1).idle(MS).feed(model)
    snapshot = model.snapshot(story.now_ns, WINDOW)
    ping = snapshot.requests[0]
    parts = check(snapshot, ping).parts
    assert [
        (p.kind, p.what, p.total_ns // MS, p.count, p.location and p.location.line) for p in parts
    ] == [
        ("ready", "GET /report", 65, 2, 9),
        ("await", "sleep", 15, 1, None),
        ("ready", OTHERS, 5, 1, None),
        ("ran", "", 3, 2, None),
    ]
    assert (parts[0].request, parts[0].at_ns) == (3, slow)
    (own,) = check(snapshot, snapshot.requests[2]).parts
    assert (own.kind, own.location.line, own.at_ns) == ("blocking", 9, slow)


def test_what_it_waited_for_has_its_place():
    story, model = Story().task(1).step(1).request(1, "GET /a"), Model()
    story.resource(7, "asyncio.Semaphore", 1, name="pool").waits_for(1, 7, place="\ta.py\t5\tf")
    story.idle(20 * MS).step(1).acquires(1, 7).idle(5 * MS).step(1, MS, place="socket\ta.py\t6\tf")
    story.response(1, "GET /a").end(1).idle(MS).feed(model)
    snapshot = model.snapshot(story.now_ns, WINDOW)
    parts = check(snapshot, snapshot.requests[0]).parts
    assert [(p.kind, p.what, p.total_ns // MS, p.location.line) for p in parts[:2]] == [
        ("resource", "pool", 20, 5),
        ("await", "socket", 5, 6),
    ]
    then = model.past(snapshot, story.now_ns - SECOND, story.now_ns - 17 * MS)
    (part,) = check(then, then.requests[0]).parts
    assert (part.kind, part.what, part.total_ns) == ("resource", "pool", 10 * MS)


def test_the_wait_for_the_first_step_while_the_loop_is_idle_is_nobodys():
    story, model = Story().idle(8 * MS), Model()
    story.task(1).step(1).request(1, "GET /a", sent_ns=story.now_ns - 3 * MS).runs(MS)
    story.response(1, "GET /a").end(1).idle(MS).feed(model)
    snapshot = model.snapshot(story.now_ns, WINDOW)
    parts = check(snapshot, snapshot.requests[0]).parts
    assert [(p.kind, p.what, p.total_ns // MS) for p in parts] == [
        ("ready", IN_TRANSIT, 3),
        ("ran", "", 1),
    ]


def test_a_very_long_request_still_sums_up():
    story, model = Story().task(1).step(1).request(1, "GET /a"), Model()
    for i in range(2000):
        story.runs(1000).idle(2000 + i).step(1, place="sleep\t\t0\t")
    story.response(1, "GET /a").end(1).idle(MS).feed(model)
    snapshot = model.snapshot(story.now_ns, WINDOW)
    found = breakdown(snapshot, snapshot.requests[0])
    assert (
        found.total_ns
        == sum(p.total_ns for p in found.parts)
        == (snapshot.requests[0].end_ns - snapshot.requests[0].start_ns)
    )


def test_only_who_runs_on_the_same_loop_is_to_blame():
    lanes = Lanes()
    models = [Model(lanes=lanes, worker=number) for number in (1, 2)]
    stories = [Story().idle(MS) for _ in models]
    for task, story in enumerate(stories, 1):
        story.task(task).step(task).request(task, "GET /a", sent_ns=story.now_ns - MS // 2)
        story.runs(10 * MS).idle(MS)
    for model, story in zip(models, stories, strict=True):
        story.feed(model)
    first, second = (m.snapshot(stories[0].now_ns, WINDOW) for m in models)
    whole = merge(first, [(2, second)])
    assert [request.worker for request in whole.requests] == [1, 2]
    for request in whole.requests:
        assert {p.what for p in check(whole, request).parts if p.kind == "ready"} == {IN_TRANSIT}


def test_a_wait_says_which_library_waits_for_the_users_code():
    story = Story().idle(MS).task(1).step(1, MS).request(1, "GET /a").idle(80 * MS)
    story.step(1, MS, place="socket\t/app/api.py\t7\ta\thttpx").response(1, "GET /a").end(1)
    model = Model()
    story.idle(MS).feed(model)
    snapshot = model.snapshot(story.now_ns, WINDOW)
    (request,) = snapshot.requests
    part = check(snapshot, request).parts[0]
    assert (part.kind, part.what, part.library) == ("await", "socket", "httpx")
    assert part.location.line == 7
    assert [state for _, _, state in request.spans] == [State.RUN, State.AWAIT, State.RUN]
