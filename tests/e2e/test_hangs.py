"""An app that hangs to the end of a run: what `bench` and the screen say of it."""

import json

import pytest

from loopviz.engine.session import Session
from loopviz.options import RunOptions
from tests.e2e.command import loopviz
from tests.e2e.sessions import frame_when

pytestmark = pytest.mark.real

SCENARIO = """
import asyncio
import time
from fastapi import APIRouter
from loopviz.scenario import Load, Scenario

router = APIRouter()
calls = 0
scenario = Scenario(
    title="hangs", lesson="-", look=(), router=router,
    load=[Load("GET /a", rps=20, arrivals="constant"), Load("GET /ping", rps=20)],
)


@router.get("/a")
async def a() -> None:
    global calls
    calls += 1
    if calls > 5:
        {hang}


@router.get("/ping")
async def ping() -> None:
    pass
"""
LINE = SCENARIO.splitlines().index("        {hang}") + 1
HELD, IDLE = "time.sleep(60)", "await asyncio.get_running_loop().create_future()"


def bench(tmp_path, hang, duration_s):
    (tmp_path / "hangs.py").write_text(SCENARIO.replace("{hang}", hang))
    report = tmp_path / "report.json"
    words = ["--scenarios", tmp_path, "--duration", str(duration_s), "--json", report]
    said = loopviz("bench", "hangs", *words)
    assert said.returncode == 0, said.stderr
    return said.stdout.splitlines(), json.loads(report.read_text())


def accounted(route):
    return route["ok"] + sum(route["errors"].values()) + route["unanswered"] == route["sent"]


def test_a_loop_that_is_held_to_the_end(tmp_path):
    lines, report = bench(tmp_path, HELD, 1)
    a, ping = report["load"]
    assert accounted(a)
    assert accounted(ping)
    assert a["ok"] == 5
    assert a["unanswered"] > 8
    assert ping["unanswered"] > 5
    assert {"p90", "p99", "max"} <= set(a["latency_at_least"])
    assert a["latency_ms"]["p99"] > 1000
    assert report["loop"]["utilization"] > 0.5
    assert report["loop"]["lag_ms"]["p99"] > 1000
    assert report["loop"]["callback_ms"]["max"] > 1000
    (finding,) = (f for f in report["findings"] if f["location"] and f["location"]["line"] == LINE)
    assert (finding["rule"], finding["severity"]) == ("slow-callback", "error")
    assert finding["open"]["count"] == 1
    assert finding["victims"] > 12
    assert lines[0].startswith(
        f"HANGS at scenarios/hangs.py:{LINE}: GET /a has blocked the loop for "
    )
    unanswered, sent = a["unanswered"] + ping["unanswered"], a["sent"] + ping["sent"]
    assert lines[0].endswith(f"; {unanswered} of {sent} requests were not answered.")


def test_requests_that_wait_for_ever_while_the_loop_idles(tmp_path):
    lines, report = bench(tmp_path, IDLE, 1.6)
    a, ping = report["load"]
    assert accounted(a)
    assert (a["ok"], ping["unanswered"]) == (5, 0)
    assert a["unanswered"] == a["sent"] - 5 > 15
    (finding,) = (f for f in report["findings"] if f["rule"] == "request-hangs")
    assert (finding["severity"], finding["location"]["line"]) == ("error", LINE)
    assert finding["count"] > 3
    assert lines[0].startswith(f"HANGS at scenarios/hangs.py:{LINE}: {finding['count']} requests")
    assert lines[0].endswith(
        f"; {a['unanswered']} of {a['sent'] + ping['sent']} requests were not answered."
    )
    assert "requests" not in report, "our own clients wait to the end, none has left"


def test_the_screen_tells_the_same_while_it_lasts(tmp_path):
    (tmp_path / "hangs.py").write_text(SCENARIO.replace("{hang}", HELD))
    session = Session("hangs", RunOptions(folders=(tmp_path,)))
    try:
        frame = frame_when(
            session, lambda f: f.snapshot.findings and f.snapshot.findings[0].open_ns > 10**9
        )
        snapshot = frame.snapshot
        (finding,) = (f for f in snapshot.findings if f.open)
        assert (finding.rule, finding.severity, finding.location.line) == (
            "slow-callback",
            "error",
            LINE,
        )
        assert finding.victims > 5
        assert snapshot.loop.stalls[-1].open
        assert snapshot.loop.lag_recent.max_ns > 5 * 10**8
    finally:
        session.close()
