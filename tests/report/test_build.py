"""The report: its shape is a contract."""

import json
import platform

import pytest

import loopviz
from loopviz.clock import MS
from loopviz.model.model import Model
from loopviz.report.expectations import value_of
from loopviz.report.renderers import renderer
from loopviz.testing import Story
from loopviz.wire.samples import Sample
from tests.report.runs import T0, crowded, report_of, run

summary = renderer("text").report


def test_streams_and_websockets():
    """Open ones count; how long they last is nowhere a latency."""
    model = Model()
    story = Story(T0).task(1, "chat").step(1).request(1, "WS /chat/7").runs(10 * MS)
    story.opens(1, "WS /chat/{room}", lasts=True).message(1).idle(200 * MS).step(1).message(1)
    story.message(1, received=True).idle(MS)
    story.task(2, "news").step(2).request(2, "GET /news").opens(2, "GET /news", lasts=True)
    story.response(2, "GET /news").end(2).idle(MS).feed(model)
    assert report_of(model)["streams"] == [
        {
            "route": "GET /news",
            "count": 1,
            "open": 0,
            "sent": 0,
            "received": 0,
            "first_ms": None,
            "gap_ms": None,
        },
        {
            "route": "WS /chat/{room}",
            "count": 1,
            "open": 1,
            "sent": 2,
            "received": 1,
            "first_ms": 10.0,
            "gap_ms": 200.0,
        },
    ]


def test_what_the_program_says_of_itself_is_counted_by_its_text():
    """From when the run begins; of two workers it is added up."""
    first, second = Model(), Model()
    Story(T0).mark("mark:too early").idle(MS).feed(first)
    first.mark(T0 + 9 * MS, "scenario:app")
    story = Story(T0 + 10 * MS).mark("mark:deploy").mark("log:ERROR\tdb\tlost: 5").idle(90 * MS)
    story.mark("mark:deploy").idle(MS).feed(first)
    Story(T0 + 210 * MS).mark("mark:deploy").idle(MS).feed(second)
    report = report_of(first, others=[second], began_ns=T0 + 10 * MS)
    assert report["marks"] == [{"text": "deploy", "count": 3, "first_ms": 0.0, "last_ms": 200.0}]
    said = {"level": "ERROR", "text": "db: lost: 5", "count": 1, "first_ms": 0.0, "last_ms": 0.0}
    assert report["logs"] == [said]


def test_of_many_texts_the_rest_is_counted_as_one():
    model, story = Model(), Story(T0)
    for number in range(150):
        story.mark(f"log:WARNING\tapp\torder {number}")
    story.idle(MS).feed(model)
    logs = report_of(model)["logs"]
    assert [one["text"] for one in logs[:2]] == ["app: order 0", "app: order 1"]
    assert (len(logs), logs[-1]["text"], logs[-1]["count"]) == (101, "…", 50)


def test_the_whole_report():
    report = report_of(run())
    sentence = "GET /report blocked the loop 50 ms in time.sleep(0.05)."
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
                "advice": "call an async library instead of a blocking one",
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
    assert (executor["in_use"]["max"], executor["waiting"]["max"]) == (1, 1)
    tasks = report["tasks"]
    assert (tasks["lost"], tasks["never_retrieved"], tasks["outlived_parent"]) == (1, 1, 1)
    assert report["requests"] == [{"route": "GET /a", "gone": 1}]
    assert report["loop"]["gc_ms"] == {"count": 1, "total": 2.0, "max": 2.0}
    (jobs,) = report["jobs"]
    assert (jobs["finished"], jobs["raised"]) == (1, 0)
    assert jobs["queued_ms"]["max"] == 1.0
    assert jobs["run_ms"]["max"] == 4.0
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_what_the_probe_costs():
    model = crowded()
    probe = report_of(model)["probe"]
    share = model.loop.events * 300 / model.loop.busy_ns
    assert (probe["ns_per_event"], probe["cpu_share"]) == (300, round(share, 4))


def test_of_a_foreign_loop_only_what_can_be_seen_is_told():
    model = Model()
    story = Story().coverage("steps").task(1).step(1, 5 * MS, waited=MS).stops()
    story.feed(model)
    report = report_of(model)
    assert report["probe"]["level"] == "steps"
    loop = report["loop"]
    assert (loop["iterations"], loop["callbacks"], loop["utilization"]) == (None, None, None)
    assert loop["ready_delay_ms"] == {"p50": None, "p99": None, "max": None}
    assert loop["callback_ms"]["max"] == 5.0
    assert "utilization unknown · callbacks not seen" in summary(report)


def test_a_line_that_was_not_seen_is_null_and_a_fix_that_does_not_exist_absent():
    model = Model()
    Story().idle(MS).callback("f", 30 * MS).idle(MS).feed(model)
    (found,) = report_of(model)["findings"]
    assert found["location"] is None
    assert "suggested_fix" not in found


def test_loss_and_failed_hooks_are_in_it():
    model = Model()
    Story().hook_failed("select: ValueError: x").idle(MS).feed(model)
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


def test_what_is_counted_is_reported():
    model = Model(counters=[("b", "first", False), ("a", "second", True)])
    assert report_of(model)["counters"] == {"b": None, "a": None}
    Story().counts("a", 1).counts("b", 4).counts("a", 2).feed(model)
    assert list(report_of(model)["counters"].items()) == [("b", 4), ("a", 2)]
    assert "counters" not in report_of(Model())


def test_a_callback_that_just_runs_at_the_end_does_not_hang():
    model = Model()
    story = Story(T0).idle(MS).task(1).step(1).sampled("/app/x.py", 4, "a").feed(model)
    for ran, hangs in ((999, False), (1000, True)):
        report = report_of(model, now_ns=story.now_ns + ran * MS)
        assert report["findings"][0]["open"] == {"count": 1, "longest_ms": ran}
        assert summary(report).startswith("HANGS") is hangs


def test_what_follows_from_a_finding_is_told_in_it_and_counts_as_its_rule():
    story = Story().idle(MS).resource(1, "asyncio.Lock", 1, name="lock").task(1).step(1)
    story.request(1, "GET /a").acquires(1, 1).idle(MS)
    for task in range(2, 11):
        story.task(task).step(task).request(task, "GET /b").waits_for(task, 1)
    for task in range(1, 10):
        story.idle(100 * MS).step(task).releases(task, 1).step(task + 1).acquires(task + 1, 1)
    model = Model()
    story.idle(MS).feed(model)
    report = report_of(model)
    (found,) = report["findings"]
    (so,) = found["consequences"]
    assert (found["rule"], so["rule"], so["count"]) == ("lock-held-across-io", "lock-convoy", 5)
    assert so["sentence"] == "9 tasks queued for lock: GET /b waited 900 ms."
    assert value_of("findings lock-convoy", report) == 5
