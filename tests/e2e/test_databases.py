"""The scenarios with a database, on a real PostgreSQL: bug and fixes, and what is left behind."""

import asyncio
import functools

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from loopviz.engine.headless import measure
from loopviz.lab.catalogue import builtin_folder, load_scenario
from loopviz.options import RunOptions
from loopviz.report.expectations import judge, needed
from tests.e2e.command import loopviz

SCENARIOS = ("dbpool", "race", "idem")
DURATION_S = 4.0


@pytest.fixture
def on_postgres(postgres, monkeypatch):
    """Runs of this test use the server; when it is over there must be none of our tables."""
    monkeypatch.setenv("LOOPVIZ_DATABASE_URL", postgres.url)
    yield
    assert asyncio.run(tables(postgres.url)) == []


async def tables(url):
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        ours = text("SELECT tablename FROM pg_tables WHERE tablename LIKE 'loopviz%'")
        found = list(await connection.scalars(ours))
    await engine.dispose()
    return found


@functools.cache
def report(scenario, fixes):
    return measure(scenario, RunOptions(fixes=fixes, duration_s=DURATION_S))


CLAIMS = [
    (name, claim)
    for name in SCENARIOS
    for claim in load_scenario(builtin_folder() / f"{name}.py").expect
]


@pytest.mark.claims
@pytest.mark.parametrize(
    ("scenario", "claim"), CLAIMS, ids=[f"{s}-{c.fix or 'bug'}-{c.metric}" for s, c in CLAIMS]
)
def test_claims_hold_on_postgres(on_postgres, scenario, claim):
    verdict = judge(claim, {fixes: report(scenario, fixes) for fixes in needed(claim)})
    print(verdict.sentence)
    assert verdict.holds, verdict.sentence


@pytest.mark.real
@pytest.mark.parametrize(
    ("scenario", "fix", "counter", "good"),
    [
        ("race", (), "lost", False),
        ("race", ("atomic",), "lost", True),
        ("idem", ("unique",), "double", True),
    ],
)
def test_a_short_run_on_postgres(on_postgres, ours, scenario, fix, counter, good):
    """As the claims say, in a second; nothing is left of it."""
    counted = measure(scenario, RunOptions(fixes=fix, duration_s=1.2))["counters"]
    assert (counted[counter] == 0) is good
    assert max(counted.values()) > 20
    assert ours() == {}


@pytest.mark.real
def test_the_pool_of_the_lesson_is_the_one_on_postgres(on_postgres):
    """Five connections, and no more, to the real server."""
    pools = [
        found
        for found in measure("dbpool", RunOptions(duration_s=2.0))["resources"]
        if found["kind"] == "sqlalchemy.pool"
    ]
    assert [(pool["capacity"], pool["in_use"]["max"]) for pool in pools] == [(5, 5)]
    assert pools[0]["waiting"]["max"] > 10
    assert pools[0]["gave_up"] > 0


@pytest.mark.real
def test_a_server_that_is_not_there_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setenv("LOOPVIZ_DATABASE_URL", "postgresql+asyncpg://me:secret@127.0.0.1:1/x")
    said = loopviz("bench", "race", "--duration", "1")
    assert said.returncode == 3
    assert said.stderr.startswith("loopviz: LOOPVIZ_DATABASE_URL is postgresql+asyncpg://me:***@")
    assert said.stderr.rstrip().endswith("or unset the variable to use SQLite.")
    assert "secret" not in said.stderr
