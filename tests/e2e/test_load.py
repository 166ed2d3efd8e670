"""Numbered requests, copies, clients that leave, and what the endpoints count: a whole run."""

import pytest

from loopviz.engine.headless import measure
from loopviz.options import RunOptions

pytestmark = pytest.mark.real

SCENARIO = """
import asyncio
from fastapi import APIRouter
from loopviz.scenario import Counter, Load, Scenario

router = APIRouter()
first = Counter("first", "numbers seen for the first time")
again = Counter("again", "numbers seen again", bad=True)
seen = set()
scenario = Scenario(
    title="numbers", lesson="-", look=(), router=router, counters=[first, again],
    load=[
        Load("GET /number/{n}?x=1", rps=40, copies=3),
        Load("GET /slow", rps=40, leaves=0.5, leaves_within_s=0.2),
        Load("GET /ping", rps=20),
    ],
)


@router.get("/number/{number}")
async def number(number: int) -> None:
    if number in seen:
        again.value += 1
    else:
        first.value += 1
    seen.add(number)


@router.get("/slow")
async def slow() -> None:
    await asyncio.sleep(0.3)
"""


def test_numbers_copies_those_who_leave_and_counters(tmp_path):
    (tmp_path / "numbers.py").write_text(SCENARIO)
    report = measure("numbers", RunOptions(folders=(tmp_path,), duration_s=1.5))
    number, slow, ping = report["load"]
    assert number["route"] == "GET /number/{n}"
    assert number["ok"] == number["sent"] > 60
    assert report["counters"] == {"first": number["ok"] // 3, "again": number["ok"] // 3 * 2}
    assert list(slow["errors"]) == ["left"]
    assert 0.2 < slow["errors"]["left"] / slow["sent"] < 0.8
    assert slow["latency_ms"]["p50"] >= 290
    (seen,) = report["requests"]
    assert seen["route"] == "GET /slow"
    assert 0.8 < seen["gone"] / slow["errors"]["left"] <= 1, "some leave before it was read"
    assert ping["errors"] == {}
