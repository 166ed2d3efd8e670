"""Claims against made-up reports: each metric, each kind of bound, each mistake."""

import pytest

from loopviz.errors import UsageError
from loopviz.report.expectations import BUG, judge, needed, value_of
from loopviz.scenario import Expect


def report(**changes):
    route = {
        "route": "GET /items/{n}",
        "sent": 100,
        "ok": 60,
        "errors": {"500": 4, "timeout": 1, "left": 20, "shed": 20},
        "latency_ms": {"p50": 10.0, "p90": 20.0, "p99": 30.0, "max": 40.0},
    }
    unanswered = {"p50": None, "p90": None, "p99": None, "max": None}
    return {
        "load": [
            route,
            route | {"route": "GET /ping", "errors": {}},
            route | {"route": "GET /none", "sent": 0, "errors": {}, "latency_ms": unanswered},
        ],
        "loop": {"utilization": 0.25, "lag_ms": {"p50": 1.0, "p99": 2.0, "max": 3.0}},
        "resources": [
            {"kind": "asyncio.Lock", "in_use": {"max": 1}, "waiting": {"max": 3}},
            {"kind": "asyncio.Lock", "in_use": {"max": 2}, "waiting": {"max": 0}},
            {"kind": "sqlalchemy.pool", "in_use": {"max": 5}, "waiting": {"max": 9}},
        ],
        "tasks": {"lost": 3, "outlived_parent": 0},
        "counters": {"stored": 7},
        "findings": [
            {"rule": "slow-callback", "count": 3},
            {"rule": "slow-callback", "count": 4},
            {"rule": "lock-convoy", "count": 1},
        ],
        "requests": [
            {"route": "GET /items/{n}", "gone": 8},
            {"route": "GET /{name:path}", "gone": 3},
        ],
    } | changes


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("p50_ms GET /ping", 10),
        ("p90_ms GET /items/{n}", 20),
        ("p99_ms GET /ping", 30),
        ("max_ms GET /ping", 40),
        ("errors GET /ping", 0),
        ("errors GET /items/{n}", 0.25),  # 25 of 100: 80 sent that stayed, 20 shed
        ("gone GET /items/{n}", 8),
        ("gone GET /ping", 0),
        ("lag_p99_ms", 2),
        ("utilization", 0.25),
        ("findings slow-callback", 7),
        ("findings task-lost", 0),
        ("counter stored", 7),
        ("tasks lost", 3),
        ("tasks outlived_parent", 0),
        ("in_use_max asyncio.Lock", 2),
        ("waiting_max asyncio.Lock", 3),
        ("waiting_max sqlalchemy.pool", 9),
    ],
)
def test_metrics(metric, value):
    assert value_of(metric, report()) == value


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("p98_ms GET /ping", r"no metric 'p98_ms'; there are: p50_ms, .* waiting_max\.$"),
        ("p99_ms GET /pong", r"no route 'GET /pong'; there are: GET /items/\{n\}, GET /ping"),
        ("errors GET /pong", "no route"),
        ("gone GET /pong", "no route"),
        ("findings slow-calback", "no rule 'slow-calback'; there are: client-per-request, slow-"),
        ("counter lost", "no counter 'lost'; there are: stored"),
        ("tasks gone", "no count of tasks 'gone'; there are: lost, outlived_parent"),
        ("waiting_max asyncio.Look", "kind 'asyncio.Look'; there are: asyncio.Lock, sqlalch"),
        ("p99_ms GET /none", "nothing was measured"),
        ("errors GET /none", "nothing was measured"),
        ("", "no metric ''"),
    ],
)
def test_a_metric_that_cannot_be_measured(metric, said):
    with pytest.raises(UsageError, match=said):
        value_of(metric, report())


def test_two_loads_of_one_name_cannot_be_told_apart():
    ping = report()["load"][1]
    with pytest.raises(UsageError, match="Several loads are called 'GET /ping'"):
        value_of("p99_ms GET /ping", report(load=[ping, ping]))


def test_a_counter_that_was_not_told_is_not_known():
    with pytest.raises(UsageError, match="nothing was measured"):
        value_of("counter stored", report(counters={"stored": None}))


@pytest.mark.parametrize(
    ("claim", "runs"),
    [
        (Expect("utilization"), (BUG,)),
        (Expect("utilization", fix="a"), (("a",), BUG)),
        (Expect("utilization", fix=("a", "b")), (("a", "b"), BUG)),
        (Expect("utilization", fix="a", against="b"), (("a",), ("b",))),
        (Expect("utilization", fix="a", against=None), (("a",),)),
    ],
)
def test_the_runs_that_a_claim_needs(claim, runs):
    assert needed(claim) == runs


def counted(value):
    return report(counters={"stored": value})


RUNS = {BUG: counted(40), ("a",): counted(10), ("b",): counted(5), ("a", "b"): counted(0)}


@pytest.mark.parametrize(
    ("claim", "value", "holds"),
    [
        (Expect("counter stored", at_least=40), 40, True),
        (Expect("counter stored", at_least=41), 40, False),
        (Expect("counter stored", fix="a", at_most=0.25), 0.25, True),
        (Expect("counter stored", fix="a", at_most=0.24), 0.25, False),
        (Expect("counter stored", fix="a", against="b", at_least=2), 2, True),
        (Expect("counter stored", fix="a", against="b", at_most=1.9), 2, False),
        (Expect("counter stored", fix=["a", "b"], against=None, at_most=0), 0, True),
        (Expect("counter stored", fix=("a", "b"), at_most=0), 0, True),
        (Expect("counter stored", fix="a", against=None, at_least=9, at_most=11), 10, True),
        (Expect("counter stored", fix="a", against=None, at_least=11, at_most=12), 10, False),
        (Expect("counter stored", fix="a", against=None, at_least=8, at_most=9), 10, False),
    ],
)
def test_bounds(claim, value, holds):
    verdict = judge(claim, RUNS)
    assert (verdict.value, verdict.holds) == (value, holds)


def test_the_verdict_in_a_sentence():
    claim = Expect("counter stored", fix="a", at_least=0.1, at_most=0.5, why="a queue")
    assert judge(claim, RUNS).sentence == (
        "counter stored with a is 10, 0.25 × that with the bug (40); "
        "claimed: at most 0.5 and at least 0.1 (a queue)."
    )
    alone = judge(Expect("counter stored", fix=("a", "b"), against=None, at_most=3), RUNS)
    assert alone.sentence == "counter stored with a + b is 0; claimed: at most 3."


def test_a_ratio_to_nothing_is_refused():
    claim = Expect("findings task-lost", fix="a", at_most=0.5)
    with pytest.raises(UsageError, match=r"with the bug is 0.*against=None"):
        judge(claim, RUNS)


def test_a_claim_without_bounds_is_refused():
    with pytest.raises(UsageError, match="no bounds"):
        judge(Expect("counter stored"), RUNS)
