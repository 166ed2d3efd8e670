"""What has not ended counts: a stall that goes on, in figures and findings, at the moment asked."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot import State
from loopviz.model.totals import run_totals
from loopviz.report.build import build_report
from loopviz.testing import Story
from loopviz.wire.samples import Sample
from tests.model.findings.stories import CYCLE, fed, found


def beat(story):
    """The probe's heartbeat, on time."""
    return story.callback("", late=0)


def before(story=None):
    """A second in which the loop is idle but for heartbeats."""
    story = story or Story()
    for _ in range(50):
        beat(story.idle(20 * MS))
    return story


def held(*, sampled=True):
    """The loop is blocked since just now, by a request."""
    story = before().idle(10 * MS).task(1, CYCLE).step(1).request(1, "GET /a")
    return story.sampled("/app/api.py", 7, "a") if sampled else story


def report(model, now):
    about = {"target": "x", "started_at": "", "duration_s": 1.0, "seed": 0, "fixes": []}
    return build_report(run_totals([model], now), **about)


def test_busy_time_goes_on_to_the_moment():
    story = held()
    now, model = story.now_ns + 2990 * MS, fed(story)
    assert report(model, now)["loop"]["utilization"] == pytest.approx(2.99 / 4, abs=0.001)
    assert model.snapshot(now, 5 * SECOND).loop.utilization_recent == pytest.approx(
        2.99 / 4, abs=0.001
    )


def test_idle_time_goes_on_to_the_moment():
    story = before().task(1).step(1, 50 * MS)
    model = fed(story.selects())
    at_once, later = (report(model, story.now_ns + ns)["loop"] for ns in (0, 950 * MS))
    assert at_once["utilization"] == pytest.approx(50 / 1050, abs=0.001)
    assert later["utilization"] == pytest.approx(50 / 2000, abs=0.001)


def test_the_callback_that_runs_is_as_long_as_it_has_run():
    story = held()
    now, model = story.now_ns + 3 * SECOND, fed(story)
    assert report(model, now)["loop"]["callback_ms"]["max"] == 3000.0
    assert model.snapshot(now, SECOND).loop.whole.callback.quantiles.max_ns == 3 * SECOND


def test_a_short_callback_at_the_end_is_no_stall():
    story = held()
    now, model = story.now_ns + 19 * MS, fed(story)
    at_the_end = report(model, now)
    assert at_the_end["loop"]["callback_ms"]["max"] == 0.0
    assert at_the_end["loop"]["lag_ms"]["max"] == 0.0
    assert at_the_end["findings"] == []


@pytest.mark.parametrize("lasts", [990 * MS, 1500 * MS, 4 * SECOND])
def test_beats_that_were_due_are_late_whether_or_not_the_stall_has_ended(lasts):
    """A beat every 20 ms, the first one 10 ms after the callback began; late by what is left."""
    story = held()
    began = story.now_ns
    model = fed(story)
    open_ = report(model, began + lasts)["loop"]["lag_ms"]
    missed = [lasts - 10 * MS - i * 20 * MS for i in range(lasts // (20 * MS))]
    late = sorted([0] * 50 + [ns for ns in missed if ns > 0])
    assert open_["max"] == max(missed) / MS
    assert open_["p50"] == pytest.approx(late[-(-len(late) // 2) - 1] / MS, rel=1 / 32)

    story.runs(lasts).idle(0)  # it ends; the probe makes up for what is late by up to a second
    story.callback("", late=missed[0])
    if missed[0] - 20 * MS <= SECOND:
        for ns in missed[1:]:
            if ns > 0:
                story.callback("", late=ns)
    story.feed(model)
    assert report(model, story.now_ns)["loop"]["lag_ms"] == open_


def test_after_a_long_stall_the_next_beat_is_due_20_ms_after_the_one_that_ran():
    story = held().runs(4 * SECOND).idle(0).callback("", late=3990 * MS).idle(20 * MS)
    model = fed(story.callback("f"))
    assert model.loop.missed_beats(story.now_ns + 5 * MS).tolist() == [5 * MS]


def test_the_lag_of_the_last_seconds_shows_what_holds_the_loop():
    story = held()
    now, model = story.now_ns + 3 * SECOND, fed(story)
    snapshot = model.snapshot(now, 5 * SECOND)
    assert snapshot.loop.lag_recent.max_ns == 2990 * MS
    past = model.past(snapshot, now - 5 * SECOND, now)
    assert past.loop.lag_recent == snapshot.loop.lag_recent, "a frozen picture tells the same"


def unread(model, began, now, *, sent=10):
    """A request every 100 ms since the loop is blocked; and one of before, which is in the app."""
    waiting = [(0, began - 50 * MS), *((0, began + i * 100 * MS) for i in range(sent))]
    model.feed_load([], [sent + 1], [sent + 1], [0], waiting)


def test_requests_that_the_loop_has_not_read_wait_for_it():
    story = held()
    model = fed(story, routes=[("GET /a", 10)])
    began, now = story.started_ns, story.started_ns + 2 * SECOND
    unread(model, began, now)
    waits = [now - began - i * 100 * MS for i in range(10)]
    at_the_end = report(model, now)
    assert at_the_end["loop"]["ready_delay_ms"]["max"] == max(waits) / MS
    (finding,) = at_the_end["findings"]
    assert (finding["victims"], finding["victim_wait_ms"]) == (10, sum(waits) / MS)
    snapshot = model.snapshot(now, 5 * SECOND)
    assert snapshot.loop.ready_delay_recent.max_ns == max(waits)
    assert snapshot.loop.stalls[-1].victims == 10
    ((impact,),) = (f.impacts for f in snapshot.findings)
    assert impact == ("GET /a", 10, sum(waits))


def test_a_stall_that_goes_on_is_a_finding_with_its_line():
    story = held()
    now, model = story.now_ns + 4100 * MS, fed(story)
    (finding,) = model.findings(now)
    assert (finding.rule, finding.severity) == ("slow-callback", "error")
    assert (
        finding.sentence == "GET /a has blocked the loop for 4.1 s so far in line 7 of /app/api.py"
    )
    assert (finding.location.file, finding.location.line) == ("app/api.py", 7)
    assert (finding.count, finding.open, finding.open_ns) == (1, 1, 4100 * MS)
    assert finding.last_ns == now
    assert model.snapshot(now, SECOND).findings == (finding,)
    (said,) = report(model, now)["findings"]
    assert said["open"] == {"count": 1, "longest_ms": 4100.0}


def test_the_line_may_not_be_known():
    story = held(sampled=False)
    (finding,) = fed(story).findings(story.now_ns + 1234 * MS)
    assert finding.sentence == "GET /a has blocked the loop for 1.2 s so far; its line was not seen"
    assert finding.location is None


def test_a_stall_is_one_finding_with_those_of_its_line_that_have_ended():
    story = Story().idle(MS)
    for i in range(3):
        story.task(i + 5, CYCLE).step(i + 5).request(i + 5, "GET /a")
        story.runs(30 * MS).sampled("/app/api.py", 7, "a").runs(30 * MS)
        story.response(i + 5, "GET /a").end(i + 5).idle(MS)
    story.task(1, CYCLE).step(1).request(1, "GET /a").sampled("/app/api.py", 7, "a")
    model = fed(story)
    (first,) = model.findings(story.now_ns + 30 * MS)
    assert (first.count, first.open, first.worst_ns) == (4, 1, 60 * MS)
    assert first.sentence == "GET /a blocked the loop 60 ms in line 7 of /app/api.py"
    (then,) = model.findings(story.now_ns + 90 * MS)
    assert then.sentence == "GET /a has blocked the loop for 90 ms so far in line 7 of /app/api.py"
    story.runs(100 * MS).response(1, "GET /a").end(1).idle(MS).feed(model)
    (ended,) = model.findings(story.now_ns)
    assert (ended.count, ended.open, ended.worst_ns, ended.total_ns) == (4, 0, 100 * MS, 280 * MS)


def test_a_wait_for_the_gil_that_goes_on():
    story = before().task(1, CYCLE).step(1).request(1, "GET /a")
    story.runs(50 * MS).sampled("/app/api.py", 20, "order").waits_for_gil(45 * MS, since=50 * MS)
    model = fed(story.sampled("/app/crunch.py", 3, "crunch", gil=True))
    now = story.now_ns + 1950 * MS
    (finding,) = model.findings(now)
    assert finding.rule == "gil-contention"
    assert finding.sentence == (
        "The loop has waited 2.0 s so far for the GIL while a thread ran crunch"
    )
    snapshot = model.snapshot(now, 3 * SECOND)
    assert snapshot.requests[0].spans[-1][2] is State.GIL
    assert (snapshot.loop.running.gil, snapshot.loop.running.location.function) == (True, "crunch")


@pytest.mark.parametrize(("lasts", "severity"), [(999, "warning"), (1000, "error")])
def test_a_single_long_stall_is_an_error_open_or_ended(lasts, severity):
    story = held()
    assert fed(story).findings(story.now_ns + lasts * MS)[0].severity == severity
    assert found(held().runs(lasts * MS).idle(MS))[0].severity == severity


def test_a_target_that_has_died_holds_nothing_up():
    story = held()
    model = fed(story)
    model.stop(story.now_ns + SECOND)
    (finding,) = model.findings(story.now_ns + 9 * SECOND)
    assert (finding.open, finding.worst_ns) == (0, SECOND)


def test_a_comparison_counts_what_goes_on():
    story = before()
    model = fed(story, routes=[("GET /a", 10)])
    model.mark(story.now_ns, "fix:x=on")
    before(story).idle(10 * MS).task(1, CYCLE).step(1).request(1, "GET /a").feed(model)
    began = story.now_ns
    unread(model, began, began + 2 * SECOND)
    loop = model.snapshot(began + 2 * SECOND, SECOND).comparison.loop.after
    assert (loop.stalls, loop.stalled_ns, loop.victims) == (1, 2 * SECOND, 10)
    assert loop.lag.max_ns == 1990 * MS
    assert loop.utilization == pytest.approx(2 / 2.71, abs=0.01)


# requests that have no answer


def load(answered_ms, waiting_ms, *, now=2000 * SECOND):
    """A model of one route; latencies of what was answered, ages of what was not."""
    model = Model([("GET /a", 10)])
    samples = [
        Sample(0, now - 60 * SECOND, now, now - 60 * SECOND + ms * MS, 200) for ms in answered_ms
    ]
    waiting = [(0, now - ms * MS) for ms in waiting_ms]
    sent = len(samples) + len(waiting)
    model.feed_load(samples, [sent], [len(waiting)], [0], waiting)
    return model, now


@pytest.mark.parametrize(
    ("answered", "waiting", "figures", "bounds"),
    [
        ([5] * 100, [], (5, 5, 5, 5), None),
        ([5] * 90, [3000] * 10, (5, 5, 3000, 3000), ["p99", "max"]),
        ([5] * 20, [1000 * i for i in range(1, 81)], (30000, 70000, 79000, 80000), None),
        ([5] * 98 + [9000], [1000], (5, 5, 1000, 9000), ["p99", "max"]),
        ([], [700], (700, 700, 700, 700), ["p50", "p90", "p99", "max"]),
    ],
)
def test_what_has_no_answer_counts_with_its_age_and_makes_lower_bounds(
    answered, waiting, figures, bounds
):
    model, now = load(answered, waiting)
    (route,) = report(model, now)["load"]
    assert tuple(route["latency_ms"].values()) == figures
    if len(waiting) == 80:
        bounds = ["p50", "p90", "p99", "max"]
    assert route.get("latency_at_least") == bounds
    assert (route["sent"], route["ok"], route["unanswered"]) == (
        len(answered) + len(waiting),
        len(answered),
        len(waiting),
    )


def test_lower_bounds_of_more_latencies_than_are_kept():
    model = Model([("GET /a", 10)])
    now = 2000 * SECOND
    samples = [Sample(0, now, now, now + 5 * MS, 200)] * 120_000
    model.feed_load(samples, [120_000], [0], [0])
    waiting = [(0, now - 3 * SECOND)] * 1_999
    model.feed_load([], [121_999], [1_999], [0], waiting)
    (route,) = report(model, now)["load"]
    assert route["latency_ms"]["p99"] == pytest.approx(3000, rel=1 / 32)
    assert route["latency_at_least"] == ["p99", "max"]


def test_ages_are_those_of_the_loads_last_word():
    """An answer may have come since then."""
    model, now = load([5], [3000])
    model.feed_load([], [2], [1], [0], [(0, now - 3 * SECOND)], (), now - SECOND)
    assert report(model, now)["load"][0]["latency_ms"]["max"] == 2000.0


def test_after_a_gap_nothing_is_known_of_the_beats_before_it():
    story = before()
    model = fed(story)
    model.lost(10, story.now_ns)
    story.callback("f").feed(model)
    now = story.now_ns + 100 * MS
    assert model.ongoing(now).lag.tolist() == []
    assert model.ongoing(now).callback.tolist() == [100 * MS]


def test_an_answer_ends_the_wait():
    model, now = load([5], [3000])
    model.feed_load([Sample(0, now - 3 * SECOND, now, now, 200)], [2], [0], [0])
    (route,) = report(model, now)["load"]
    assert (route["ok"], route["unanswered"], route["latency_ms"]["max"]) == (2, 0, 3000.0)
    assert "latency_at_least" not in route
