"""The warm-up: what happens only once happens before the load begins."""

import asyncio
import contextlib

import pytest

from loopviz.lab.target.warm_up import CANCEL_S, LIMIT_S, warm_up
from loopviz.scenario import Counter, Load
from loopviz.testing import VirtualLoop


def run(app, load, counters=(), state=None):
    with VirtualLoop() as loop:
        began = loop.clock()
        address = ("127.0.0.1", 8000)
        loop.run(warm_up(app, load, counters, address=address, state=state or {}))
        return (loop.clock() - began) / 1e9


def test_each_route_that_changes_nothing_is_asked_once():
    asked = []

    async def app(scope, receive, send):
        asked.append((scope["method"], scope["path"], scope["query_string"], scope["state"]))
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        assert (b"host", b"127.0.0.1:8000") in scope["headers"]
        await send({"type": "http.response.start", "status": 200, "headers": []})

    load = [
        Load("GET /items/{n}?of=2", rps=1, warm_up=True),
        Load("GET /ping", rps=20, warm_up=True),
        Load("GET /ping", rps=2, warm_up=True),
        Load("POST /pay", rps=5, warm_up=True),
        Load("GET /once", rps=5),
    ]
    run(app, load, state={"db": 1})
    assert sorted(asked) == [
        ("GET", "/items/0", b"of=2", {"db": 1}),
        ("GET", "/ping", b"", {"db": 1}),
    ]


def test_every_scenario_has_a_ping_that_builds_the_middleware():
    asked = []

    async def app(scope, receive, send):
        asked.append(scope["path"])

    run(app, [Load("POST /vote", rps=60)])
    assert asked == ["/ping"]


def test_counters_get_their_values_back():
    counter = Counter("calls", "calls", value=3)

    async def app(scope, receive, send):
        counter.value += 1

    run(app, [Load("GET /a", rps=1, warm_up=True)], [counter])
    assert counter.value == 3


def test_what_raises_is_nobodys_and_what_hangs_is_cancelled():
    ended = []

    async def app(scope, receive, send):
        if scope["path"] == "/raises":
            raise KeyError("x")
        try:
            await receive()
            await receive()  # the client stays
        finally:
            ended.append(scope["path"])

    load = [Load("GET /raises", rps=1, warm_up=True), Load("GET /hangs", rps=1, warm_up=True)]
    assert run(app, load) == pytest.approx(LIMIT_S)
    assert sorted(ended) == ["/hangs", "/ping"]


def test_what_cannot_be_cancelled_is_waited_for_no_longer():
    async def app(scope, receive, send):
        for _ in range(10):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1)

    assert run(app, [Load("GET /a", rps=1, warm_up=True)]) == pytest.approx(LIMIT_S + CANCEL_S)
