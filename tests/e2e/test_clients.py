"""The app's own HTTP clients: httpx and httpx2 in one app, each with too few connections."""

import json

import pytest

from tests.e2e.command import loopviz

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

CLIENTS = """
from contextlib import asynccontextmanager

import httpx
import httpx2
from fastapi import APIRouter

from loopviz.parts.upstream import upstream
from loopviz.scenario import Load, Scenario

router = APIRouter()
one: httpx.AsyncClient
two: httpx2.AsyncClient


@asynccontextmanager
async def lifespan(app):
    global one, two
    async with upstream(delay_s=0.1) as url:
        one = httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=2))
        two = httpx2.AsyncClient(base_url=url, limits=httpx2.Limits(max_connections=2))
        async with one, two:
            yield


scenario = Scenario(
    title="clients",
    lesson="l",
    look=("l",),
    router=router,
    lifespan=lifespan,
    load=[Load("GET /one", rps=40), Load("GET /two", rps=40)],
)


@router.get("/one")
async def get_one():
    return (await one.get("/")).status_code


@router.get("/two")
async def get_two():
    return (await two.get("/")).status_code
"""


def line(text):
    return next(n for n, found in enumerate(CLIENTS.splitlines(), 1) if text in found)


def test_two_pools_of_two_connections_are_exhausted(tmp_path):
    """The same of both: the pool at the line that made it, the finding at the line that calls."""
    (tmp_path / "clients.py").write_text(CLIENTS)
    words = ("--scenarios", str(tmp_path), "--duration", "1.5", "--json", "-")
    said = loopviz("bench", "clients", *words)
    assert said.returncode == 0, said.stderr
    report = json.loads(said.stdout)
    for name in "one", "two":
        made = f"scenarios/clients.py:{line(f'{name} = ')} pool(2)"
        (pool,) = [found for found in report["resources"] if found["name"] == made]
        assert (pool["kind"], pool["capacity"]) == ("httpcore.pool", 2)
        assert pool["in_use"]["max"] == 2
        assert pool["waiting"]["max"] > 5, "40 per second come, and 20 can go"
        assert pool["wait_ms"]["p99"] > 100
        calls = line(f"await {name}.get")
        rules = {
            found["rule"]: found
            for found in report["findings"]
            if (found["location"] or {}).get("line") == calls
        }
        assert "Both HTTP connections of " in rules["pool-exhausted"]["sentence"]
        assert rules["pool-exhausted"]["victims"] > 5
    kinds = [found["kind"] for found in report["resources"]]
    assert kinds.count("httpcore.pool") == 2, "the load's own client is none of the app's"
    assert not {"anyio.Lock", "anyio.Semaphore"} & set(kinds), "nor are the parts of a pool"
    assert "failed_hooks" not in report["probe"]
