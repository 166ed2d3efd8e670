"""The routes' table: which kind of load it is, and whether that is at its limit."""

from dataclasses import replace

import pytest

from loopviz.clock import MS
from loopviz.model.snapshot import Quantiles, RouteInfo
from loopviz.tui.panels.layout import PlanInput, make_plan
from loopviz.tui.panels.routes import _offered, _title, draw_routes
from tests.tui.comparisons import compared, scene_of


def route(**more):
    given = {"route": "GET /a", "offered_rps": 20.0, "sent": 0, "ok": 0, "errors": {}}
    return RouteInfo(**given | {"in_flight": 0, "latency_recent": Quantiles()} | more)


OPEN, CLOSED = route(), route(offered_rps=0.0, clients=50)


@pytest.mark.parametrize(
    ("routes", "title"),
    [
        ([OPEN], "LOAD"),
        ([CLOSED], "LOAD, CLOSED LOOP"),
        ([OPEN, CLOSED], "LOAD, OPEN AND CLOSED LOOP"),
        ([], "LOAD"),
        ([route(route="SSE /e gap", offered_rps=0.0, clients=5)], "LOAD"),
    ],
)
def test_the_title_says_which_kind_it_is(routes, title):
    assert _title(routes) == title


def test_how_much_is_asked_for():
    assert _offered(OPEN) == "20"
    assert _offered(CLOSED) == "50 cl"
    assert _offered(route(offered_rps=0.0)) == "–"


def drawn(*routes, left_out=()):
    scene = scene_of(replace(compared(seconds=1), routes=routes))
    scene = replace(scene, status=replace(scene.status, left_out=left_out))
    plan = make_plan(200, 60, PlanInput(view="live"))
    return [strip.text.rstrip() for strip in draw_routes(scene, plan)]


def test_a_load_at_its_limit_is_said_where_the_latencies_stand():
    assert "LOAD" in drawn(OPEN)[0]
    assert "LIMIT" not in "".join(drawn(OPEN))
    for limited in (route(load_busy=0.99), route(late_recent_ns=5 * MS)):
        rows = drawn(OPEN, limited)
        assert "LOAD AT ITS LIMIT" in rows[0]
        assert "its own doing" in " ".join(rows)


def test_what_the_latencies_of_a_closed_loop_hide_is_said():
    text = " ".join(" ".join(drawn(CLOSED)).replace("│", " ").split())
    assert "LOAD, CLOSED LOOP" in text
    assert "coordinated omission" in text
    assert "omission" not in "".join(drawn(OPEN))


def test_what_is_not_sent_is_listed():
    rows = drawn(OPEN, left_out=("POST /pay: it may change something",))
    assert any("not sent: POST /pay: it may" in row for row in rows)
