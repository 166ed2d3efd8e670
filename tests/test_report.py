"""The report: its shape is a contract."""

import json
import platform

import pytest

import loopviz
from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.report.build import build_report
from loopviz.report.text import compare_table, summary
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED
from loopviz.wire.samples import LEFT, TIMEOUT, Sample

T0 = 1024 * SECOND


def run(*, fix=False):
    """A made-up run: 10 requests on /report that block for 50 ms, or do not, and 10 pings."""
    naming = Naming([("/app", "scenarios")], lambda _path, _line: "    time.sleep(0.05)\n")
    model = Model([("GET /report", 12), ("GET /ping", 20)], ["to_thread"], naming)
    if fix:
        model.phases.assume("to_thread")
    model.mark(T0, "scenario:block")
    story = Story()
    samples = []
    for i in range(10):
        story.idle(50 * MS).callback("beat", late=0)
        story.task(i).step(i).request(i, "GET /report")
        if fix:
            story.runs(MS)
        else:
            story.runs(25 * MS).sampled("/app/block.py", 42, "report").runs(25 * MS)
        story.response(i, "GET /report").end(i).idle(0)
        at = T0 + i * 100 * MS
        samples.append(Sample(0, at, at + MS, at + (6 if fix else 60) * MS, 200))
        samples.append(Sample(1, at, at, at + (2 if fix else 40) * MS, 200 if i else TIMEOUT))
    story.tell(model)
    model.feed_load(samples, [10, 10], [0, 0], [0, 0])
    return model


def report_of(model, fixes=(), **more):
    about = {"target": "block", "started_at": "2025-01-01T00:00:00Z", "duration_s": 1.0, "seed": 0}
    return build_report(model, fixes=list(fixes), **(about | more))


def test_the_whole_report():
    report = report_of(run())
    sentence = "GET /report held the loop 50 ms in time.sleep(0.05)."
    assert report == {
        "format": 1,
        "loopviz": loopviz.__version__,
        "python": platform.python_version(),
        "target": "block",
        "fixes": [],
        "started_at": "2025-01-01T00:00:00Z",
        "duration_s": 1.0,
        "seed": 0,
        "load": [
            {
                "route": "GET /report",
                "offered_rps": 12,
                "sent": 10,
                "ok": 10,
                "errors": {},
                "unanswered": 0,
                "latency_ms": {"p50": 60.0, "p90": 60.0, "p99": 60.0, "max": 60.0},
                "late_sends_ms": {"p99": 1.0},
            },
            {
                "route": "GET /ping",
                "offered_rps": 20,
                "sent": 10,
                "ok": 9,
                "errors": {"timeout": 1},
                "unanswered": 0,
                "latency_ms": {"p50": 40.0, "p90": 40.0, "p99": 40.0, "max": 40.0},
                "late_sends_ms": {"p99": 0.0},
            },
        ],
        "loop": {
            "iterations": 20,
            "callbacks": 20,
            "utilization": 0.5,
            "lag_ms": {"p50": 0.0, "p99": 0.0, "max": 0.0},
            "ready_delay_ms": {"p50": 0.0, "p99": 0.0, "max": 0.0},
            "callback_ms": {"p50": 0.0, "p99": 49.807, "max": 50.0},
            "gc_ms": {"count": 0, "total": 0.0, "max": 0.0},
        },
        "resources": [],
        "tasks": {
            "started": 10,
            "raised": 0,
            "cancelled": 0,
            "never_retrieved": 0,
            "outlived_parent": 0,
            "lost": 0,
        },
        "findings": [
            {
                "rule": "slow-callback",
                "severity": "error",
                "title": "SLOW CALLBACK",
                "sentence": sentence,
                "count": 10,
                "worst_ms": 50.0,
                "total_ms": 500.0,
                "location": {
                    "file": "scenarios/block.py",
                    "line": 42,
                    "function": "report",
                },
                "victims": 0,
                "victim_wait_ms": 0.0,
                "suggested_fix": "to_thread",
            }
        ],
        "probe": report["probe"],
    }
    assert report["probe"] == {
        "level": "full",
        "events": 10 * 12,
        "dropped_events": 0,
        "ns_per_event": None,
        "cpu_share": None,
    }
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_what_is_not_known_is_null_and_what_does_not_apply_is_absent():
    report = report_of(Model([("GET /a", 5)]))
    assert report["loop"]["utilization"] is None
    assert report["loop"]["lag_ms"] == {"p50": None, "p99": None, "max": None}
    assert report["load"][0]["latency_ms"] == {"p50": None, "p90": None, "p99": None, "max": None}
    assert report["load"][0]["late_sends_ms"] == {"p99": None}
    assert report["load"][0]["errors"] == {}
    assert report["findings"] == []
    assert "failed_hooks" not in report["probe"]


def crowded(**more):
    """A pool of two: one waits 30 ms, one gives up after 10; and some trouble with tasks."""
    model = Model(naming=Naming([("/app", "")]), **more)
    story = Story().resource(1, "sqlalchemy.pool", 2, made_at="/app/db.py\t17\t").gc(2 * MS)
    story.resource(2, "asyncio.Lock", made_at="/app/db.py\t20\t")
    story.resource(3, "asyncio.Lock", made_at="/app/db.py\t20\t").resource(4, "asyncio.Event")
    story.resource(9, "ThreadPoolExecutor", 4, name="default executor")
    story.task(1).task(2, parent=1).task(3).task(4).task(5).step(1).request(1, "GET /a")
    story.acquires(1, 1, 1).acquires(2, 1, 2).acquires(1, 2).releases(1, 2).idle(10 * MS)
    for task in (3, 4):
        story.step(task).waits_for(task, 1)
    story.idle(10 * MS).step(4).wait_over(4, 1).end(4, TASK_CANCELLED).idle(20 * MS)
    story.step(1).disconnects(1).response(1, "GET /a").releases(1, 1, 1).end(1).step(3).acquires(
        3, 1, 2
    )
    story.idle(60 * MS).destroyed(5).never_retrieved(4, "ValueError: x").job(1, 9).runs(MS)
    story.job_starts(1, 9).runs(4 * MS).job_ends(1, 9).overhead(300).idle(MS).tell(model)
    return model


def test_resources_and_troubles():
    report = report_of(crowded())
    pool, executor, lock = report["resources"]
    assert pool == {
        "name": "db.py:17 pool(2)",
        "kind": "sqlalchemy.pool",
        "capacity": 2,
        "in_use": {"mean": 2.0, "max": 2},
        "waiting": {"mean": pytest.approx(40 / 106, abs=1e-3), "max": 2},
        "wait_ms": {"p50": 30.0, "p99": 30.0},
        "gave_up": 1,
    }
    assert (lock["name"], lock["instances"], lock["capacity"]) == ("db.py:20 Lock", 2, None)
    assert lock["wait_ms"] == {"p50": None, "p99": None}
    assert (executor["in_use"]["max"], executor["waiting"]["max"]) == (1, 0)
    tasks = report["tasks"]
    assert (tasks["lost"], tasks["never_retrieved"], tasks["outlived_parent"]) == (1, 1, 1)
    assert report["requests"] == [{"route": "GET /a", "gone": 1}]
    assert report["loop"]["gc_ms"] == {"count": 1, "total": 2.0, "max": 2.0}
    (jobs,) = report["jobs"]
    assert (jobs["finished"], jobs["raised"]) == (1, 0)
    assert jobs["queued_ms"]["max"] == 1.0
    assert jobs["run_ms"]["max"] == 4.0
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_the_summary_shows_what_was_crowded_and_the_troubles():
    lines = summary(report_of(crowded())).splitlines()
    assert lines[-7:] == [
        "resource                              in use   waiting    p99 ms   gave up",
        "db.py:17 pool(2)                         2/2         2        30         1",
        "",
        "tasks   1 destroyed while pending · 1 raised unseen · 1 outlived their parent of 5",
        "",
        "WARNING exception never seen × 1",
        "  A task raised ValueError: x, and nobody ever retrieved it.",
    ]


def test_what_the_probe_costs():
    model = crowded()
    probe = report_of(model)["probe"]
    share = model.loop.events * 300 / model.loop.busy_ns
    assert (probe["ns_per_event"], probe["cpu_share"]) == (300, round(share, 4))


def test_of_a_foreign_loop_only_what_can_be_seen_is_told():
    model = Model()
    story = Story().coverage("steps").task(1).step(1, 5 * MS, waited=MS).stops()
    story.tell(model)
    report = report_of(model)
    assert report["probe"]["level"] == "steps"
    loop = report["loop"]
    assert (loop["iterations"], loop["callbacks"], loop["utilization"]) == (None, None, None)
    assert loop["ready_delay_ms"] == {"p50": None, "p99": None, "max": None}
    assert loop["callback_ms"]["max"] == 5.0
    assert "utilization unknown · callbacks not seen" in summary(report)


def test_a_line_that_was_not_seen_is_null_and_a_fix_that_does_not_exist_absent():
    model = Model()
    Story().idle(MS).callback("f", 30 * MS).idle(MS).tell(model)
    (found,) = report_of(model)["findings"]
    assert found["location"] is None
    assert "suggested_fix" not in found


def test_loss_and_failed_hooks_are_in_it():
    model = Model()
    Story().hook_failed("select: ValueError: x").idle(MS).tell(model)
    model.lost(7, T0)
    probe = report_of(model)["probe"]
    assert probe["dropped_events"] == 7
    assert probe["failed_hooks"] == ["select: ValueError: x"]
    assert "7 events were lost" in summary(report_of(model))


def test_times_are_milliseconds_to_the_microsecond():
    model = Model([("GET /a", 5)])
    model.feed_load([Sample(0, T0, T0, T0 + 1_234_567, 200)], [1], [0], [0])
    assert report_of(model)["load"][0]["latency_ms"]["p50"] == 1.235


def test_what_was_shed_is_an_error():
    model = Model([("GET /a", 5)])
    model.feed_load([], [3], [0], [4])
    assert report_of(model)["load"][0]["errors"] == {"shed": 4}


def test_summary():
    assert summary(report_of(run())).splitlines() == [
        "block · no fix · 1.0 s · seed 0",
        "",
        "route                      rps   sent     ok  errors    p50 ms    p99 ms",
        "GET /report                 12     10     10       0        60        60",
        "GET /ping                   20     10      9       1        40        40",
        "  timeout × 1",
        "",
        "loop    utilization 50% · 20 callbacks",
        "lag     p50 0.00 ms · p99 0.00 ms · max 0.00 ms",
        "ready   p50 0.00 ms · p99 0.00 ms · max 0.00 ms",
        "",
        "ERROR slow callback × 10",
        "  GET /report held the loop 50 ms in time.sleep(0.05).",
        "  at scenarios/block.py:42",
        "  try --fix to_thread",
    ]


@pytest.mark.parametrize(
    ("victims", "said"),
    [(1, "; 1 request waited 1.5 s for it."), (12, "; 12 requests waited 1.5 s for it.")],
)
def test_summary_names_the_victims(victims, said):
    report = report_of(run())
    report["findings"][0] |= {"victims": victims, "victim_wait_ms": 1500.0}
    assert summary(report).splitlines()[-3].endswith("in time.sleep(0.05)" + said)


def test_summary_of_a_healthy_run_and_of_nothing():
    healthy = summary(report_of(run(fix=True), ["to_thread"], seed=7, duration_s=2.5))
    assert healthy.splitlines()[0] == "block · to_thread · 2.5 s · seed 7"
    assert healthy.splitlines()[-1] == "no findings"
    nothing = summary(report_of(Model([("GET /a", 5)])))
    assert "utilization unknown" in nothing
    assert "lag     p50 – ms · p99 – ms · max – ms" in nothing


def test_compare_table():
    table = compare_table(report_of(run()), report_of(run(fix=True), ["to_thread"]))
    assert table.splitlines() == [
        "block: no fix → to_thread",
        "",
        "                                      before       after    change       samples",
        "GET /report p50                        60 ms     6.00 ms    ▼ 90 %       10 → 10",
        "GET /report p99                        60 ms     6.00 ms    ▼ 90 %       10 → 10",
        "GET /ping p50                          40 ms     2.00 ms    ▼ 95 %       10 → 10",
        "GET /ping p99                          40 ms     2.00 ms    ▼ 95 %       10 → 10",
        "GET /ping errors                           1           1",
        "lag p99                              0.00 ms     0.00 ms          ",
        "ready delay p99                      0.00 ms     0.00 ms          ",
        "utilization                              50%          2%",
        "slow callbacks                            10           0",
    ]


def test_compare_shows_what_was_counted_what_failed_and_where_the_crowd_was():
    def counted(stored, fix):
        about = {"routes": [("GET /a", 5)], "counters": [("stored", "rows stored", False)]}
        model = Model(**about) if fix else crowded(**about)
        Story().counts("stored", stored).tell(model)
        statuses = [200] * 3 if fix else [500, 200, LEFT]
        samples = [Sample(0, T0 + i, T0 + i, T0 + 9 * MS, s) for i, s in enumerate(statuses)]
        model.feed_load(samples, [3], [0], [0])
        return report_of(model, ["fix"] if fix else [])

    before, after = counted(3, fix=False), counted(12, fix=True)
    lines = compare_table(before, after).splitlines()
    assert "GET /a errors                              1           0" in lines
    assert lines[-2:] == [
        "waiting for db.py:17 pool(2)               2           0",
        "counted stored                             3          12",
    ]
    assert "waiting for db.py:17 pool(2)               0           2" in (
        compare_table(after, before).splitlines()
    )
    said = summary(before).splitlines()
    assert said[3:5] == [
        "GET /a                       5      3      1       1      9.00      9.00",
        "  500 × 1 · left × 1",
    ]
    assert "counted stored 3" in said


def test_what_is_counted_is_reported():
    model = Model(counters=[("b", "first", False), ("a", "second", True)])
    assert report_of(model)["counters"] == {"b": None, "a": None}
    Story().counts("a", 1).counts("b", 4).counts("a", 2).tell(model)
    assert list(report_of(model)["counters"].items()) == [("b", 4), ("a", 2)]
    assert "counters" not in report_of(Model())


def test_compare_says_what_got_worse():
    table = compare_table(report_of(run(fix=True)), report_of(run(), ["x", "y"]))
    lines = table.splitlines()
    assert lines[0] == "block: no fix → x + y"
    assert lines[3].split("▲")[1].split() == ["900", "%", "10", "→", "10"]


def test_compare_with_nothing_measured():
    empty = Model([("GET /a", 5)])
    lines = compare_table(report_of(empty), report_of(empty, ["x"])).splitlines()
    assert lines[3].split() == ["GET", "/a", "p50", "–", "ms", "–", "ms", "0", "→", "0"]
    assert not any("utilization" in line for line in lines)


@pytest.mark.parametrize("length", [5, 20, 21, 24, 25, 60])
def test_compare_keeps_the_figures_of_a_long_route_apart(length):
    model = Model([("GET /" + "x" * (length - 5), 5)])
    lines = compare_table(report_of(model), report_of(model, ["x"])).splitlines()
    assert " p50 " in lines[3]
    assert " p99 " in lines[4]


def hung(*, fix=False, held=False):
    """30 requests, of which 20 are never answered; with the fix all are, but more slowly."""
    now = T0 + 5 * SECOND
    model = Model(
        [("GET /a", 5), ("GET /b", 5)], naming=Naming([("/app", "")], lambda *_: "lock\n")
    )
    story = Story(T0).idle(MS)
    if held:
        story.task(1).step(1).request(1, "GET /a").sampled("/app/x.py", 4, "a")
    elif not fix:
        story.task(21).step(21).request(21, "GET /a").response(21, "GET /a").end(21).idle(MS)
        story.resource(7, "asyncio.Lock", 1, name="door")
        for task in range(1, 21):
            story.task(task).step(task).request(task, "GET /a")
            story.waits_for(task, 7, place="\t/app/x.py\t9\tf").idle(MS)
        story.selects()
    story.tell(model)
    answered = 30 if fix else 10
    samples = [Sample(0, T0, T0, T0 + (40 if fix else 5) * MS, 200)] * answered
    waiting = [] if fix else [(0, T0 + i * 100 * MS) for i in range(1, 21)]
    samples += [Sample(1, T0, T0, T0 + 2 * MS, 200 if i else TIMEOUT) for i in range(9)]
    model.feed_load(samples, [30, 9], [len(waiting), 0], [0, 0], waiting)
    return report_of(model, ["unlock"] if fix else [], now_ns=now)


def test_the_first_line_says_what_hangs_and_where():
    quiet, held = (summary(hung(held=held)).splitlines() for held in (False, True))
    assert quiet[0] == (
        "HANGS at x.py:9: 20 requests of GET /a have waited up to 5.0 s so far, the oldest for "
        "door in lock; 20 of 39 requests were not answered, 1 timed out."
    )
    assert held[0] == (
        "HANGS at x.py:4: GET /a has held the loop for 5.0 s so far in lock; "
        "20 of 39 requests were not answered, 1 timed out."
    )
    for lines in (quiet, held):
        assert lines[1] == "block · no fix · 1.0 s · seed 0"
        assert lines[4:6] == [
            "GET /a                       5     30     10       0    ≥ 3400    ≥ 4900",
            "  unanswered × 20",
        ]


def test_the_first_line_of_a_route_that_never_answers():
    model = Model([("GET /a", 5)])
    model.feed_load([], [3], [3], [0], [(0, T0)] * 3)
    said = summary(report_of(model, now_ns=T0 + SECOND)).splitlines()
    assert said[0] == "NO ANSWER: GET /a did not answer once; 3 of 3 requests were not answered."
    model.feed_load([Sample(0, T0, T0, T0 + MS, 500)], [4], [3], [0], [(0, T0)] * 3)
    assert summary(report_of(model, now_ns=T0 + SECOND)).startswith("block")


def test_a_callback_that_just_runs_at_the_end_does_not_hang():
    model = Model()
    story = Story(T0).idle(MS).task(1).step(1).sampled("/app/x.py", 4, "a").tell(model)
    for ran, hangs in ((999, False), (1000, True)):
        report = report_of(model, now_ns=story.now_ns + ran * MS)
        assert report["findings"][0]["open"] == {"count": 1, "longest_ms": ran}
        assert summary(report).startswith("HANGS") is hangs


@pytest.mark.parametrize("held", [False, True])
def test_compare_does_not_rate_a_hang_better_than_its_fix(held):
    """By those that were answered alone, the bug would be eight times as fast."""
    lines = compare_table(hung(held=held), hung(fix=True)).splitlines()
    assert lines[0].startswith("before: HANGS at x.py:")
    assert lines[1] == "block: no fix → unlock"
    assert lines[4:8] == [
        "GET /a p50                         ≥ 3400 ms       40 ms    ▼ 99 %       30 → 30",
        "GET /a p99                         ≥ 4900 ms       40 ms    ▼ 99 %       30 → 30",
        "GET /a unanswered                         20           0",
        "GET /b p50                           2.00 ms     2.00 ms     ▲ 0 %         9 → 9",
    ]
    other = compare_table(hung(fix=True), hung(held=held)).splitlines()
    assert other[0].startswith("after: HANGS at x.py:")
    assert other[4] == (
        "GET /a p50                             40 ms   ≥ 3400 ms  ▲ 8400 %       30 → 30"
    )


@pytest.mark.parametrize("turned", [False, True])
def test_a_lower_bound_beside_nothing(turned):
    """Of the other run nothing came back that counts."""
    reports = [hung(), report_of(Model([("GET /a", 5), ("GET /b", 5)]))]
    row = compare_table(*(reports[::-1] if turned else reports)).splitlines()[4]
    assert row.replace("≥ 3400 ms", "").split() == [
        "GET",
        "/a",
        "p50",
        "–",
        "ms",
        *(["0", "→", "30"] if turned else ["30", "→", "0"]),
    ]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ((100, False), (50, False), "▼ 50 %"),
        ((100, True), (50, False), "▼ 50 %"),
        ((100, True), (150, False), "?"),
        ((100, False), (150, True), "▲ 50 %"),
        ((100, False), (50, True), "?"),
        ((100, True), (50, True), "?"),
    ],
)
def test_a_change_of_lower_bounds_is_told_only_if_it_is_certain(before, after, change):
    reports = []
    for ms, bound in (before, after):
        report = report_of(Model([("GET /a", 5)]))
        report["load"][0]["latency_ms"]["p50"] = float(ms)
        report["load"][0]["latency_at_least"] = ["p50"] if bound else []
        reports.append(report)
    row = compare_table(*reports).splitlines()[3]
    assert row[56:66].strip() == change


def test_compare_names_what_was_on_before():
    before = report_of(run(), ["a"])
    after = report_of(run(fix=True), ["a", "b"])
    assert compare_table(before, after).splitlines()[0] == "block: a → a + b"
