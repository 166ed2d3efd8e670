"""A client or an engine made for each request, instead of one for all."""

import pytest

from loopviz.clock import MS
from loopviz.testing import Story
from tests.model.findings.stories import DB, MADE, answered, found, request


def making(requests, makers, kind="httpcore.pool", made=MADE, *, blocks_at=0):
    """Requests of which the first so many make a pool.

    If that blocks the loop at a line, a request to another route waits for it each time.
    """
    story = Story().idle(MS)
    for task in range(1, requests + 1):
        request(story, task)
        if task <= makers:
            story.resource(task, kind, 100, made_at=made, by=task)
        if task > 1 and task <= makers and blocks_at:
            other = 1000 + task
            request(story, other, route="GET /ping").step(task).runs(15 * MS)
            story.sampled("/app/db.py", blocks_at).runs(15 * MS)
            answered(story.step(other, waited=30 * MS), other, route="GET /ping")
        answered(story.idle(10 * MS).step(task), task)
    return story


@pytest.mark.parametrize(
    ("kind", "what"),
    [("httpcore.pool", "HTTP client"), ("sqlalchemy.pool", "database engine")],
)
def test_a_client_for_each_request(kind, what):
    (seen,) = found(making(10, 10, kind))
    assert (seen.rule, seen.count, seen.severity) == ("client-per-request", 10, "error")
    assert (seen.location, seen.victims) == (DB, 0)
    assert seen.sentence == (f"GET /a makes its own {what} in line 9 of /app/db.py: none is shared")


def test_a_client_that_is_made_at_start_up():
    """In the lifespan; requests find it."""
    story = Story().task(99, "lifespan").step(99).resource(1, "httpcore.pool", made_at=MADE, by=99)
    for task in range(1, 9):
        answered(request(story, task).acquires(task, 1).releases(task, 1), task)
    assert found(story) == []


@pytest.mark.parametrize(
    "story",
    [
        making(100, 2),
        making(100, 10),
        making(10, 10, kind="asyncio.Lock"),
        making(10, 10, made="\t0\t"),
        making(10, 10, made="/v/site-packages/lib/x.py\t3\tf"),
    ],
    ids=["the first ones", "a cache that fills", "locks", "no line", "a library's"],
)
def test_pools_that_requests_make_for_all(story):
    assert found(story) == []


def test_that_making_it_blocks_the_loop_follows_from_it():
    """One line is told once, with those who waited meanwhile."""
    (seen,) = found(making(10, 10, blocks_at=9))
    (so,) = seen.consequences
    assert (seen.rule, so.rule, so.count) == ("client-per-request", "slow-callback", 9)
    assert so.sentence == "GET /a blocked the loop 30 ms"
    assert seen.victims == 9
    assert seen.victim_wait_ns == so.waited_ns
    (ping,) = seen.impacts
    assert (ping.route, ping.requests) == ("GET /ping", 9)


@pytest.mark.parametrize(
    ("story", "rules"),
    [
        (making(10, 10, blocks_at=10), ["client-per-request", "slow-callback"]),
        (making(100, 2, blocks_at=9), ["slow-callback"]),
        (
            making(10, 10, "ThreadPoolExecutor", blocks_at=9),
            ["client-per-request", "slow-callback"],
        ),
    ],
    ids=["another line", "few make one", "its end may wait for its threads"],
)
def test_what_blocks_the_loop_for_another_reason(story, rules):
    findings = found(story)
    assert sorted(f.rule for f in findings) == rules
    assert not any(f.consequences for f in findings)
