"""What the load saw, and before and after."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot import LOAD_LATE_NS
from loopviz.model.state.routes import RouteNames
from loopviz.probe.requests import RequestTags
from loopviz.probe.tasks import NAMES_KEPT
from loopviz.testing import Story
from loopviz.wire.samples import CONNECTION, LEFT, TIMEOUT, RouteRow, Sample

T0 = 1024 * SECOND


def fed(model, samples, route=0):
    """`samples` are (scheduled, latency in ms, status)."""
    n = len(model.routes.routes)
    batch = [
        Sample(route, at, at + 1000, at + latency * MS, status) for at, latency, status in samples
    ]
    sent = [r.sent + (len(batch) if i == route else 0) for i, r in enumerate(model.routes.routes)]
    model.feed_load(batch, sent, [0] * n, [0] * n)


def steady(model, start, seconds, latency, rps=20, route=0):
    step = SECOND // rps
    count = int(seconds * rps)
    fed(model, [(start + i * step, latency, 200) for i in range(count)], route)
    return count


def test_counts_and_errors_have_names():
    model = Model([("GET /a", 10), ("GET /b", 5)])
    statuses = [200, 204, 302, 404, 500, 500, TIMEOUT, CONNECTION]
    fed(model, [(T0 + i, 5, status) for i, status in enumerate(statuses)])
    model.feed_load([], [9, 3], [1, 3], [0, 2])
    a, b = model.snapshot(T0 + SECOND, SECOND).routes
    assert (a.route, a.offered_rps, a.sent, a.ok, a.in_flight) == ("GET /a", 10, 9, 3, 1)
    assert a.errors == {"404": 1, "500": 2, "timeout": 1, "connection": 1}
    assert (b.sent, b.ok, b.errors, b.in_flight) == (3, 0, {"shed": 2}, 3)
    assert a.latency_recent.count == 8
    assert b.latency_recent.count == 0


def test_who_left_is_counted_and_has_no_latency():
    model = Model([("GET /a", 10)])
    fed(model, [(T0, 900, LEFT), (T0 + 1, 5, 200), (T0 + 2, 900, LEFT)])
    (route,) = model.snapshot(T0 + SECOND, 2 * SECOND).routes
    assert (route.sent, route.ok, route.errors) == (3, 1, {"left": 2})
    assert (route.latency_recent.count, route.latency_recent.max_ns) == (1, 5 * MS)
    assert model.routes.routes[0].latency().count == 1


def test_recent_means_done_in_the_last_five_seconds():
    model = Model([("GET /a", 20)])
    steady(model, T0, 5, 100)
    steady(model, T0 + 5 * SECOND, 5, 10)
    (route,) = model.snapshot(T0 + 10 * SECOND, SECOND).routes
    assert route.latency_recent.max_ns == 100 * MS, "sent before, done since"
    (route,) = model.snapshot(T0 + 10 * SECOND + 150 * MS, SECOND).routes
    assert (route.latency_recent.count, route.latency_recent.max_ns) == (97, 10 * MS)


def test_latency_counts_from_the_schedule():
    model = Model([("GET /a", 20)])
    model.feed_load([Sample(0, T0, T0 + 300 * MS, T0 + 310 * MS, 200)], [1], [0], [0])
    (route,) = model.routes.routes
    assert route.latency().p50_ns == 310 * MS
    assert route.late_sends().p50_ns == 300 * MS


def test_the_rate_scales_what_is_offered():
    model = Model([("GET /a", 20)])
    model.mark(T0, "load:1.5")
    assert model.snapshot(T0 + SECOND, SECOND).routes[0].offered_rps == 30


def test_the_latency_of_the_whole_run_is_of_the_whole_run():
    """An hour's bench too: what the screen may forget, the report may not."""
    model, story = Model([("GET /a", 500)]), Story()
    total = 0
    for minute in range(5):
        total += steady(model, T0 + minute * 60 * SECOND, 60, 100 if minute < 3 else 10, rps=500)
        for _ in range(60):
            story.idle(SECOND).callback("f", MS)
        story.feed(model)
    (route,) = model.routes.routes
    assert total == 150_000
    assert route.latency().count == total
    assert route.latency().p50_ns == pytest.approx(100 * MS, rel=1 / 32)


# Requests are called as the load calls them

NAMES = ["POST /pay/{n}", "GET /items/7", "GET /a%20b/{n}.x", "GET /of/{n}/{n}"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("POST /pay/17", "POST /pay/{n}"),
        ("GET /items/7", "GET /items/7"),
        ("GET /a b/3.x", "GET /a%20b/{n}.x"),
        ("GET /of/3/3", "GET /of/{n}/{n}"),
        ("GET /pay/17", None),
        ("POST /pay/x", None),
        ("POST /pay/17/x", None),
        ("POST /pay/", None),
        ("GET /items/8", None),
        ("GET /a b/3yx", None),
    ],
)
def test_the_loads_name_of_a_path(path, name):
    assert RouteNames(NAMES).of(path) == name
    assert RouteNames().of(path) is None


def test_paths_of_which_the_probe_keeps_the_shape_alone_are_the_loads_too():
    """It does so after a thousand paths: half a minute of `POST /pay/{n}`."""
    texts: list[str] = []

    def intern(text):
        texts.append(text)
        return len(texts)

    tags = RequestTags(intern)
    for n in range(3 * NAMES_KEPT):
        tags.of_start("POST", f"/pay/{n}")
    assert texts[-1] == "POST /pay/{…}"
    assert {RouteNames(NAMES).of(text) for text in texts} == {"POST /pay/{n}"}


def test_numbered_requests_share_the_loads_name_while_open_and_ended():
    """Else each would lie on a lane of its own path, and then of the app's template."""
    model, story = Model([("POST /pay/{n}", 5), ("GET /items/7", 5)]), Story()
    story.idle(MS)
    for task, path in ((1, "POST /pay/1"), (2, "POST /pay/2"), (3, "GET /items/7")):
        story.task(task).step(task).request(task, path).idle(MS)
    story.task(4).step(4).request(4, "GET /other/9").idle(MS)
    for task, template in ((1, "POST /pay/{key}"), (3, "GET /items/{id}"), (4, "GET /other/{id}")):
        story.step(task).disconnects(task).response(task, template).end(task).idle(MS)
    now = story.feed(model).now_ns
    assert [(r.route, r.lane, r.open) for r in model.snapshot(now, SECOND).requests] == [
        ("POST /pay/{n}", 0, False),
        ("POST /pay/{n}", 1, True),
        ("GET /items/7", 0, False),
        ("GET /other/{id}", 0, False),
    ]
    assert model.trace.requests.gone == {
        "POST /pay/{n}": 1,
        "GET /items/7": 1,
        "GET /other/{id}": 1,
    }


# Before and after


def compared(model, now):
    return model.snapshot(now, SECOND).comparison


def test_nothing_to_compare_until_something_was_toggled():
    model = Model([("GET /a", 20)])
    model.mark(T0, "scenario:block")
    steady(model, T0, 10, 50)
    assert compared(model, T0 + 10 * SECOND) is None


def test_before_and_after():
    model = Model([("GET /a", 20)])
    model.mark(T0, "scenario:block")
    steady(model, T0, 10, 100)
    at = T0 + 10 * SECOND
    model.mark(at, "fix:to_thread=on")
    steady(model, at, 10, 10)
    seen = compared(model, at + 10 * SECOND)
    assert (seen.before_fixes, seen.after_fixes, seen.since_ns) == ((), ("to_thread",), at)
    (route,) = seen.routes
    assert route.enough
    # what was scheduled within 300 ms of the start, or of the change, counts for neither side
    assert (route.before.count, route.before.max_ns) == (194, 100 * MS)
    assert (route.after.count, route.after.max_ns) == (194, 10 * MS)


def test_what_settles_counts_for_neither_side():
    model = Model([("GET /a", 20)])
    model.mark(T0, "scenario:block")
    steady(model, T0, 10, 100)
    at = T0 + 10 * SECOND
    model.mark(at, "fix:a=on")
    fed(model, [(at + 299 * MS, 77, 200), (at + 300 * MS, 10, 200)])
    (route,) = compared(model, at + SECOND).routes
    assert (route.after.count, route.after.max_ns) == (1, 10 * MS)
    assert route.before.max_ns == 100 * MS


@pytest.mark.parametrize(
    ("before", "after", "enough"), [(29, 50, False), (50, 29, False), (30, 30, True), (0, 0, False)]
)
def test_thirty_on_both_sides(before, after, enough):
    model = Model([("GET /a", 20)])
    model.mark(T0, "scenario:block")
    fed(model, [(T0 + SECOND + i * MS, 50, 200) for i in range(before)])
    at = T0 + 10 * SECOND
    model.mark(at, "fix:a=on")
    fed(model, [(at + SECOND + i * MS, 50, 200) for i in range(after)])
    seen = compared(model, at + 2 * SECOND)
    assert seen.needed == 30
    assert seen.routes[0].enough is enough


def test_toggles_in_one_breath_are_one_change():
    model = Model([("GET /a", 20)])
    model.mark(T0, "scenario:block")
    steady(model, T0, 10, 100)
    at = T0 + 10 * SECOND
    model.mark(at, "fix:a=on")
    model.mark(at + SECOND // 2, "fix:b=on")
    model.mark(at + SECOND, "fix:a=off")
    steady(model, at + SECOND, 10, 10)
    seen = compared(model, at + 11 * SECOND)
    assert (seen.before_fixes, seen.after_fixes) == ((), ("b",))
    assert seen.since_ns == at + SECOND
    assert seen.routes[0].before.count == 194
    assert seen.routes[0].after.max_ns == 10 * MS


def test_the_next_change_compares_with_the_last_phase():
    model = Model([("GET /a", 20)])
    model.mark(T0, "scenario:block")
    steady(model, T0, 5, 100)
    model.mark(T0 + 5 * SECOND, "fix:a=on")
    steady(model, T0 + 5 * SECOND, 5, 10)
    model.mark(T0 + 10 * SECOND, "fix:a=off")
    steady(model, T0 + 10 * SECOND, 5, 90)
    seen = compared(model, T0 + 15 * SECOND)
    assert (seen.before_fixes, seen.after_fixes) == (("a",), ())
    (route,) = seen.routes
    assert (route.before.max_ns, route.after.max_ns) == (10 * MS, 90 * MS)


def test_before_reaches_thirty_seconds_back():
    model = Model([("GET /a", 20)])
    model.mark(T0, "scenario:block")
    steady(model, T0, 60, 100)
    model.mark(T0 + 60 * SECOND, "fix:a=on")
    seen = compared(model, T0 + 61 * SECOND)
    assert seen.routes[0].before.count == 600


def test_another_load_starts_anew():
    model = Model([("GET /a", 20)])
    model.mark(T0, "scenario:block")
    steady(model, T0, 5, 100)
    model.mark(T0 + 5 * SECOND, "fix:a=on")
    assert compared(model, T0 + 6 * SECOND) is not None
    model.mark(T0 + 7 * SECOND, "load:2.0")
    seen = compared(model, T0 + 8 * SECOND)
    assert (seen.comparable, seen.routes, seen.load) == (False, (), (1.0, 2.0))
    steady(model, T0 + 7 * SECOND, 5, 50, rps=40)
    model.mark(T0 + 12 * SECOND, "fix:a=off")
    seen = compared(model, T0 + 13 * SECOND)
    assert (seen.before_fixes, seen.after_fixes) == (("a",), ())
    assert seen.routes[0].before.max_ns == 50 * MS


def test_a_fix_that_was_on_from_the_start():
    model = Model([("GET /a", 20)])
    model.phases.assume("a")
    model.mark(T0, "scenario:block")
    steady(model, T0, 5, 10)
    model.mark(T0 + 5 * SECOND, "fix:a=off")
    seen = compared(model, T0 + 6 * SECOND)
    assert (seen.before_fixes, seen.after_fixes) == (("a",), ())
    assert seen.routes[0].before.count == 94


def test_a_load_at_its_limit_is_known_now_and_in_the_past():
    """Late in the median, over the last seconds; the odd late one is the machine's."""
    model = Model([("GET /a", 20)])
    Story(T0).selects().idle(20 * SECOND).feed(model)

    def sent(start, late, count=60):
        at = [start + i * SECOND // 20 for i in range(count)]
        batch = [Sample(0, t, t + late, t + late + 5 * MS, 200) for t in at]
        model.feed_load(batch, [model.routes.routes[0].sent + count], [0], [0])

    sent(T0, 40 * MS)
    late = model.snapshot(T0 + 3 * SECOND, 3 * SECOND)
    assert late.routes[0].late_recent_ns == 40 * MS >= LOAD_LATE_NS
    sent(T0 + 4 * SECOND, MS // 10, count=200)
    sent(T0 + 13 * SECOND, 900 * MS, count=1)
    now = model.snapshot(T0 + 14 * SECOND, 14 * SECOND)
    assert now.routes[0].late_recent_ns == MS // 10
    model.retain(T0)
    past = model.past(now, T0, T0 + 3 * SECOND)
    assert past.routes[0].late_recent_ns == 40 * MS


def test_what_the_load_has_not_read_is_its_own_delay_and_no_latency():
    model = Model([("GET /a", 20)])
    Story(T0).selects().idle(SECOND).feed(model)
    read_late = Sample(0, T0, T0, T0 + 5 * MS, 200, 40 * MS)
    model.feed_load([read_late], [1], [0], [0])
    route = model.snapshot(T0 + SECOND, SECOND).routes[0]
    assert route.latency_recent.p50_ns == 5 * MS
    assert route.late_recent_ns == 40 * MS
    assert route.at_limit


def test_a_load_that_is_always_busy_is_at_its_limit_though_it_is_not_late():
    model = Model([("GET /a", 0.0, 50, "")])
    Story(T0).selects().idle(12 * SECOND).feed(model)

    def reported(first_s, busy):
        for at in range(T0 + first_s * SECOND, T0 + (first_s + 1) * SECOND, 50 * MS):
            model.feed_load([Sample(0, at, at, at + MS, 200)], [1], [0], [0], at_ns=at, busy=busy)

    reported(0, 0.9)
    assert not model.snapshot(T0 + SECOND, SECOND).routes[0].at_limit
    for second in range(1, 12):
        reported(second, 0.99)
    now = model.snapshot(T0 + 12 * SECOND, SECOND).routes[0]
    assert now.at_limit
    assert now.clients == 50
    assert now.offered_rps == 0
    assert model.routes.busy_share == pytest.approx((0.9 + 11 * 0.99) / 12)
    assert model.routes.at_limit(T0 + SECOND, T0 + 2 * SECOND)
    assert not model.routes.at_limit(T0, T0 + SECOND // 2)


@pytest.mark.parametrize(("factor", "clients"), [(2.0, 6), (0.1, 1), (0.0, 0)])
def test_a_factor_is_one_on_the_clients_too(factor, clients):
    model = Model([("GET /a", 0.0, 3, "")])
    model.routes.factor = factor
    assert model.routes.snapshot(T0)[0].clients == clients


def test_routes_that_come_late_take_the_place_of_the_question():
    model = Model([("openapi /openapi.json", 20)])
    model.set_routes([RouteRow("SSE /e/{n} gap", 0.0, 3, "GET /e/{n}"), RouteRow("GET /", 5)])
    assert [route.name for route in model.routes.routes] == ["SSE /e/{n} gap", "GET /"]
    assert model.trace.requests._names.of("GET /e/17") == "GET /e/{n}"
