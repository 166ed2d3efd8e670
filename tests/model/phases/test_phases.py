"""Before and after, beyond the routes' quantiles: baseline, load, loop, resources, counters."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.phases.verdict import judge
from loopviz.testing import Story
from loopviz.wire.samples import TIMEOUT, Sample

T0 = 1024 * SECOND


def made(counters=(), headline=""):
    model = Model([("GET /a", 20)], counters=counters, headline=headline)
    model.mark(T0, "scenario:block")
    return model


def load(model, start_s, seconds, latency_ms, *, rps=20, failed=0):
    """Requests scheduled from T0 + start_s on, as regular as a clock; the first ones fail."""
    samples = []
    for i in range(int(seconds * rps)):
        at = T0 + int(start_s * SECOND) + i * SECOND // rps
        samples.append(Sample(0, at, at, at + latency_ms * MS, 500 if i < failed else 200))
    route = model.routes.routes[0]
    model.feed_load(samples, [route.sent + len(samples)], [0], [0])


def at(seconds):
    return T0 + int(seconds * SECOND)


def compared(model, seconds):
    return model.snapshot(at(seconds), SECOND).comparison


def turns(story, model, seconds, *, busy_ms=10, every_ms=100):
    """The loop runs a callback of that length ten times a second."""
    for _ in range(int(seconds * 1000 / every_ms)):
        story.idle((every_ms - busy_ms) * MS).callback("tick", busy_ms * MS)
    story.idle(MS).runs(-MS).feed(model)


# ---- the sides


def test_rates_errors_latencies_and_how_long_each_side_was_measured():
    model = made()
    load(model, 0, 10, 100, failed=10)
    model.mark(at(10), "fix:a=on")
    load(model, 10, 5, 4)
    seen = compared(model, 15)
    (route,) = seen.routes
    assert route.errors == (4, 0), "six of the ten were scheduled while it settled"
    assert [round(rps) for rps in route.rps] == [20, 20]
    assert seen.lasted_ns == (9_700 * MS, 4_700 * MS)
    before, after = route.latencies
    assert (sum(before), sum(after)) == (194, 94)
    assert before.index(194) > after.index(94), "longer ones are further down"
    assert (seen.comparable, seen.started, seen.pinned) == (True, True, False)


def test_only_what_cannot_be_chance_is_sure():
    model = made()
    load(model, 0, 10, 100)
    model.mark(at(10), "fix:a=on")
    load(model, 10.3, 1.7, 50)
    (route,) = compared(model, 12).routes
    assert (route.after.count, route.enough) == (34, True)
    assert route.significant == (True, False, False), "34 cannot tell a p90"
    load(model, 12, 1, 50)
    assert compared(model, 13).routes[0].significant == (True, True, False)
    load(model, 13, 18, 50)
    assert compared(model, 31).routes[0].significant == (True, True, True)


def test_equal_sides_are_never_sure():
    model = made()
    load(model, 0, 30, 100)
    model.mark(at(30), "fix:a=on")
    load(model, 30, 30, 100)
    assert compared(model, 60).routes[0].significant == (False, False, False)


def test_what_is_still_open_does_not_make_it_look_fast():
    """Of what was sent after the oldest open request only the fast ones are back."""
    model, story = made(), Story(T0)
    load(model, 0, 10, 20)
    model.mark(at(10), "fix:a=on")
    load(model, 10, 5, 20)
    story.runs(13 * SECOND).idle(MS).task(1).step(1).request(1, "GET /a").idle(MS).feed(model)
    assert compared(model, 15).routes[0].after.max_ns == 20 * MS
    assert compared(model, 15).routes[0].after.count == 55, "from 10.3 s to 13.0 s"
    assert compared(model, 26).routes[0].after.count == 94, "so old a request holds up nothing"


def test_what_requests_from_before_count_up_is_not_of_the_change():
    """They run on with the fix that was on when they began."""
    model, story = made([("lost", "lost", True)]), Story(T0).counts("lost", 0)
    load(model, 0, 5, 20)
    story.idle(4 * SECOND).task(1).step(1).request(1, "GET /a").idle(SECOND).feed(model)
    model.mark(at(5), "fix:a=on")
    load(model, 5, 10, 20)
    story.idle(2 * SECOND).counts("lost", 40).runs(-MS).feed(model)
    seen = compared(model, 7)
    assert (seen.stuck, seen.settled_ns, seen.counters[0].grew.after) == (1, at(7), 0)
    story.step(1).response(1, "GET /a", 200).end(1).idle(5 * SECOND).feed(model)
    assert compared(model, 7.5).stuck == 0, "it ended a moment ago: after the last look"
    seen = compared(model, 12.5)
    assert (seen.stuck, seen.settled_ns, seen.counters[0].grew.after) == (0, at(7.4), 0)
    assert (seen.counters[0].lately, seen.counters[0].lately_ns) == (0, 5 * SECOND)


def test_what_queues_behind_requests_from_before_is_not_of_the_change():
    """A queue that the bug has left drains with the fix: who stands in it waits for the bug."""
    model, story = made(headline="p99_ms GET /a"), Story(T0)
    load(model, 0, 10, 3000)
    story.idle(9 * SECOND).task(1).step(1).request(1, "GET /a").idle(SECOND).feed(model)
    model.mark(at(10), "fix:a=on")
    load(model, 10, 4, 2500)
    story.idle(4 * SECOND).runs(-MS).feed(model)
    assert compared(model, 14).stuck == 1
    story.step(1).response(1, "GET /a", 200).end(1).idle(6 * SECOND).feed(model)
    load(model, 14, 6, 20)
    assert compared(model, 14.5).stuck == 0
    seen = compared(model, 20)
    assert seen.routes[0].after.p99_ns == pytest.approx(20 * MS, rel=0.02)
    assert (seen.headline.moved, seen.headline.cured) == (-1, True)


# ---- baseline


def test_a_baseline_stays_whatever_is_toggled():
    model = made()
    load(model, 0, 10, 100)
    model.mark(at(10), "baseline")
    assert [mark.kind for mark in model.snapshot(at(10), 20 * SECOND).marks] == [
        "scenario",
        "baseline",
    ]
    seen = compared(model, 11)
    assert (seen.pinned, seen.started, seen.before_fixes) == (True, False, ())
    for second, (key, latency) in enumerate([("a", 50), ("b", 10)]):
        start = 12 + 5 * second
        model.mark(at(start), f"fix:{key}=on")
        load(model, start, 5, latency)
        seen = compared(model, start + 5)
        assert (seen.before_fixes, seen.pinned, seen.started) == ((), True, True)
        assert seen.routes[0].before.p99_ns == 100 * MS
        assert seen.routes[0].after.p99_ns == latency * MS


def test_a_switch_from_one_fix_to_another_is_one_change_compared_with_the_first():
    model = made()
    load(model, 0, 5, 300)
    model.mark(at(5), "fix:a=on")
    load(model, 5, 5, 100)
    model.mark(at(10), "fix:b=on")
    model.mark(at(10) + 1, "fix:a=off")
    load(model, 10, 5, 4)
    seen = compared(model, 15)
    assert (seen.before_fixes, seen.after_fixes) == (("a",), ("b",))
    assert seen.routes[0].before.p50_ns == pytest.approx(100 * MS, rel=0.02)


def test_what_was_found_without_a_fix_stays_known_from_fix_to_fix():
    model, story = made(), Story(T0)
    load(model, 0, 5, 100)
    turns(story, model, 5, busy_ms=50)
    model.mark(at(5), "fix:a=on")
    load(model, 5, 5, 4)
    turns(story, model, 5)
    assert compared(model, 10).found_without_fix == {"slow-callback"}
    model.mark(at(10), "fix:b=on")
    model.mark(at(10) + 1, "fix:a=off")
    load(model, 10, 5, 4)
    turns(story, model, 5, busy_ms=50)
    assert compared(model, 15).found_without_fix == {"slow-callback"}
    for key, on in (("b", "off"), ("c", "on")):
        model.mark(at(15 + 5 * (on == "on")), f"fix:{key}={on}")
        load(model, 15 + 5 * (on == "on"), 5, 4)
        turns(story, model, 5)
    assert compared(model, 25).found_without_fix == set(), "it ended before this time without"


def test_another_baseline_takes_its_place_and_another_run_has_none():
    model = made()
    load(model, 0, 5, 100)
    model.mark(at(5), "baseline")
    load(model, 5, 5, 50)
    model.mark(at(10), "baseline")
    model.mark(at(11), "fix:a=on")
    assert compared(model, 12).routes[0].before.p50_ns == 50 * MS
    assert model.phases.measured_before == (at(5), at(10))
    model.mark(at(13), "scenario:block")
    assert compared(model, 14) is None


def test_a_baselines_figures_outlive_what_is_forgotten():
    model, story = made([("lost", "lost", True)]), Story(T0)
    story.resource(1, "asyncio.Semaphore", 2, name="pool").counts("lost", 0)
    story.runs(SECOND).counts("lost", 10).runs(-SECOND)
    turns(story, model, 10, busy_ms=40)
    load(model, 0, 10, 100)
    model.mark(at(10), "baseline")
    model.mark(at(11), "fix:a=on")
    first = compared(model, 23)
    assert first.loop.before.utilization == pytest.approx(0.4, abs=0.02)
    turns(story, model, 130, busy_ms=5)
    load(model, 11, 129, 10, rps=1000)  # more than a route keeps
    assert len(model.loop.busy) < 2 * 10 * 90, "the loop's history is forgotten"
    seen = compared(model, 140)
    assert seen.routes[0].before == first.routes[0].before
    assert seen.loop.before == first.loop.before
    assert seen.counters[0].grew.before == first.counters[0].grew.before == 10
    assert seen.loop.after.utilization == pytest.approx(0.05, abs=0.01)
    assert seen.lasted_ns.after == 30 * SECOND
    assert seen.full


# ---- load


def test_sides_under_another_load_are_not_compared_until_it_is_back():
    model = made()
    load(model, 0, 10, 100)
    model.mark(at(10), "fix:a=on")
    load(model, 10, 5, 10)
    assert compared(model, 15).comparable
    model.mark(at(15), "load:2.0")
    seen = compared(model, 16)
    assert (seen.comparable, seen.routes, seen.resources, seen.counters) == (False, (), (), ())
    model.mark(at(17), "load:1.0")
    load(model, 17, 5, 10)
    seen = compared(model, 22)
    assert (seen.comparable, seen.before_fixes, seen.after_fixes) == (True, (), ("a",))
    assert seen.routes[0].enough


def test_a_fix_after_a_change_of_load_is_compared_with_what_ran_under_that_load():
    model = made()
    load(model, 0, 10, 100)
    model.mark(at(10), "load:2.0")
    load(model, 10, 5, 300, rps=40)
    model.mark(at(15), "fix:a=on")
    seen = compared(model, 16)
    assert (seen.comparable, seen.load) == (True, (2.0, 2.0))
    assert seen.routes[0].before.p50_ns == 300 * MS


def test_a_run_that_begins_under_another_load():
    model = Model([("GET /a", 20)])
    model.routes.factor = 2.0
    model.mark(T0, "scenario:block")
    load(model, 0, 5, 100)
    model.mark(at(5), "fix:a=on")
    assert compared(model, 6).comparable
    model.mark(at(7), "load:1.0")
    assert not compared(model, 8).comparable


# ---- loop, resources, counters


def test_the_loop_on_both_sides():
    model, story = made(), Story(T0)
    for _ in range(50):
        story.idle(150 * MS).callback("slow", 50 * MS)
    story.idle(MS).runs(-MS).feed(model)
    model.mark(at(10), "fix:a=on")
    turns(story, model, 10, busy_ms=1)
    before, after = compared(model, 20).loop
    assert before.utilization == pytest.approx(0.25, abs=0.01)
    assert after.utilization == pytest.approx(0.01, abs=0.005)
    assert (before.stalls, after.stalls) == (49, 0), "the first one was while it settled"
    assert before.stalled_ns == 49 * 50 * MS


def test_a_resource_on_both_sides():
    model, story = made(), Story(T0)
    story.resource(1, "asyncio.Semaphore", 1, name="pool")
    for turn in range(10):  # held for 0.6 of each second; another waits for 0.3 of it
        one, other = 2 * turn + 1, 2 * turn + 2
        story.task(one).task(other).step(one).acquires(one, 1, 1).idle(300 * MS)
        story.step(other).waits_for(other, 1).idle(300 * MS)
        story.step(one).releases(one, 1, 0).end(one)
        story.step(other).acquires(other, 1, 1).releases(other, 1, 0).end(other).idle(400 * MS)
        story.feed(model)
    model.mark(at(10), "fix:a=on")
    story.runs(10 * SECOND).idle(MS).feed(model)
    (pool,) = compared(model, 20).resources
    assert (pool.name, pool.capacity) == ("pool", 1)
    assert pool.of.before.in_use == pytest.approx(0.6, abs=0.02)
    assert pool.of.before.waiting == pytest.approx(0.3, abs=0.02)
    assert (pool.of.before.in_use_max, pool.of.before.waiting_max) == (1, 1)
    assert pool.of.before.waited.p99_ns == pytest.approx(300 * MS, rel=0.02)
    assert pool.of.before.waited.count == 9, "the first second began before the side did"
    assert (pool.of.after.in_use, pool.of.after.waiting, pool.of.after.waited.count) == (0, 0, 0)


def test_a_resource_that_nobody_uses_costs_two_notes_and_is_exact_when_it_is_used_again():
    model, story = made(), Story(T0)
    story.resource(1, "asyncio.Semaphore", 2, name="pool").task(1).step(1).feed(model)
    for _ in range(60):
        story.runs(SECOND).idle(MS).runs(-MS).feed(model)
    (past,) = model.phases._meter._usage._pasts.values()
    assert len(past.notes) == 2
    story.step(1).acquires(1, 1, 1).idle(5 * SECOND).step(1).releases(1, 1, 0).feed(model)
    model.mark(at(70), "fix:a=on")
    (pool,) = compared(model, 71).resources
    assert pool.of.before.in_use == pytest.approx(5 / 30, rel=0.02)


def test_a_counter_on_both_sides():
    model, story = made([("lost", "votes lost", True), ("kept", "kept", False)]), Story(T0)
    for second in range(20):
        story.counts("lost", min(second, 10) * 5).counts("kept", second).runs(SECOND).feed(model)
    model.mark(at(10.5), "fix:a=on")
    lost, kept = compared(model, 20).counters
    assert (lost.key, lost.title, lost.bad) == ("lost", "votes lost", True)
    assert lost.grew == (50, 0)
    assert lost.per_s == (pytest.approx(50 / 10.2), 0)
    assert kept.grew == (10, 8)


def test_what_other_workers_count_is_counted_too():
    first, second = made([("lost", "lost", True)]), made([("lost", "lost", True)])
    first.counters.join(second.counters)
    first.mark(at(1), "fix:a=on")
    for model, story in ((first, Story(at(2.5))), (second, Story(at(3)))):
        story.counts("lost", 7).feed(model)
    (lost,) = compared(first, 5).counters
    assert lost.grew == (0, 14)


def test_counters_count_from_the_moment_from_which_the_verdict_does():
    """Whatever moments they are asked at: no verdict knows more than the counter beside it."""
    outcomes = set()
    for every_ms in (40, 43, 53, 62, 77):
        models = [made([("twice", "charged twice", True)], "counter twice") for _ in range(2)]
        models[0].counters.join(models[1].counters)
        for model in models:
            story = Story(T0).counts("twice", 0)
            for i in range(100):
                story.idle(SECOND // 10).counts("twice", i).feed(model)
        run = models[0]
        load(run, 0, 25, 20)
        run.mark(at(10), "fix:a=on")
        for now in range(at(10), at(15), every_ms * MS):
            seen = run.snapshot(now, SECOND)
            verdict = judge(seen.comparison, seen.findings)
            (twice,) = seen.counters
            assert verdict is not None
            outcomes.add(verdict.outcome)
            if verdict.outcome == "solved":
                assert (twice.recent, twice.value) == (0, 198)
    assert outcomes == {"early", "solved"}


def test_in_the_past_counters_count_from_the_change_as_well():
    model, story = made([("twice", "charged twice", True)]), Story(T0).counts("twice", 0)
    for i in range(100):
        story.idle(SECOND // 10).counts("twice", i).feed(model)
    load(model, 0, 25, 20)
    model.mark(at(10), "fix:a=on")
    held = model.snapshot(at(14), SECOND)

    def recent(seconds):
        (twice,) = model.past(held, at(seconds - 1), at(seconds)).counters
        return twice.recent

    assert (recent(9), recent(14)) == (50, 0)


# ---- what is compared after several keys


def test_a_phase_too_short_to_be_compared_is_passed_over():
    model = made()
    load(model, 0, 10, 100)
    model.mark(at(10), "fix:a=on")
    load(model, 10, 1.2, 50)
    model.mark(at(11.2), "fix:b=on")
    load(model, 11.2, 5, 10)
    seen = compared(model, 16)
    assert (seen.before_fixes, seen.after_fixes) == ((), ("a", "b"))
    assert seen.routes[0].before.p50_ns == 100 * MS


def test_a_phase_with_enough_samples_is_the_one_before():
    model = made()
    load(model, 0, 10, 100)
    model.mark(at(10), "fix:a=on")
    load(model, 10, 4, 50)
    model.mark(at(14), "fix:b=on")
    load(model, 14, 5, 10)
    seen = compared(model, 19)
    assert seen.before_fixes == ("a",)
    assert seen.headline.without == 100 * MS, "and what it was without a fix is known"
    assert (seen.headline.moved, seen.headline.cured) == (-1, True)


def test_back_where_it_was_nothing_is_compared():
    model = made()
    load(model, 0, 10, 100)
    model.mark(at(10), "fix:a=on")
    load(model, 10, 1.2, 50)
    model.mark(at(11.2), "fix:a=off")
    load(model, 11.2, 5, 100)
    assert compared(model, 16) is None


# ---- what is not answered


def test_answers_count_by_when_they_came_and_timeouts_are_none():
    model = made()
    load(model, 0, 10, 100)
    model.mark(at(10), "fix:a=on")
    late = [Sample(0, at(9 + n / 10), 0, at(12 + n / 10), 200) for n in range(10)]
    never = [Sample(0, at(10 + n / 10), 0, at(12 + n / 10), TIMEOUT) for n in range(10)]
    model.feed_load(late + never, [220], [0], [0])
    (route,) = compared(model, 15).routes
    assert route.answered.after == 10
    assert route.rps.after == pytest.approx(10 / 4.7)


def test_who_is_not_answered_is_counted_and_has_no_latency():
    model = made()
    load(model, 0, 10, 100)
    model.mark(at(10), "fix:a=on")
    waiting = [(0, at(10.8 + n / 10)) for n in range(24)]
    model.feed_load([], [240], [24], [0], waiting)
    (route,) = compared(model, 15).routes
    assert (route.answered.after, route.after.count) == (0, 0)
    assert (route.open, route.oldest_ns) == (24, 4_200 * MS)


def test_requests_from_before_that_do_not_end():
    model = made()
    load(model, 0, 10, 100)
    waiting = [(0, at(9)), (0, at(9.5))]
    model.mark(at(10), "fix:a=on")
    model.feed_load([], [202], [2], [0], waiting)
    assert compared(model, 11).stuck == 2
    seen = compared(model, 17)
    assert (seen.stuck, seen.stuck_ns) == (2, 6 * SECOND)
    model.feed_load([], [202], [1], [0], waiting[:1])
    seen = compared(model, 18)
    assert (seen.stuck, seen.stuck_ns) == (1, 0)


# ---- counters and levels


def test_a_level_is_one_that_falls_as_well_and_what_is_under_way_does_not_make_it_grow():
    model, story = made([("missing", "missing", True), ("lost", "lost", True)]), Story(T0)
    for turn in range(100):
        story.counts("missing", turn % 2).counts("lost", turn).runs(SECOND // 10).feed(model)
    model.mark(at(10), "fix:a=on")
    for turn in range(100):
        story.counts("missing", turn % 2).counts("lost", 99 - turn // 99).runs(SECOND // 10)
        story.feed(model)
    missing, lost = compared(model, 20).counters
    assert (missing.level, lost.level) == (True, False), "a single step back makes no level"
    assert missing.lately == 0
