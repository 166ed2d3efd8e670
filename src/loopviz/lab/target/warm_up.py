"""The warm-up: first imports and first compiles happen before the load begins.

`GET /ping`, and each route that says so, is asked once, if its method is safe, within the process
and past the server and the probe's wrapper: so it is no request to anybody, and no lane or figure
has it.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loopviz.scenario import Counter, Load

__all__ = ["warm_up"]

SAFE = ("GET", "HEAD")
"""Methods that change nothing on the server (RFC 9110)."""
PING = "GET /ping"
"""Asked of every scenario, which has it from loopviz: the first request to an app builds its
middleware, whatever the route."""
LIMIT_S = 0.3
"""How long all of it may take. What is left then is cancelled: imports come early."""
CANCEL_S = 0.2
"""How long that may take in turn."""


async def warm_up(
    app: Any,
    load: Iterable[Load],
    counters: Sequence[Counter] = (),
    *,
    address: tuple[str, int],
    state: Mapping[str, Any],
) -> None:
    """Ask the app once for each route of the load that may be warmed up; see `Load.warm_up`.

    Counters get back the values that they had. `address` is the server's, `state` the lifespan's.
    """
    before = [counter.value for counter in counters]
    routes = {one.route for one in load if one.warm_up and one.route.startswith(SAFE)} | {PING}
    tasks = {asyncio.create_task(_ask(app, route, address, state)) for route in routes}
    if tasks:
        _, left = await asyncio.wait(tasks, timeout=LIMIT_S)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=CANCEL_S)
    for counter, value in zip(counters, before, strict=True):
        counter.value = value


async def _ask(app: Any, route: str, address: tuple[str, int], state: Mapping[str, Any]) -> None:
    """Ask for the route; its response, or what it raises, is nobody's."""
    method, _, target = route.partition(" ")
    path, _, query = target.replace("{n}", "0").partition("?")
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await asyncio.get_running_loop().create_future()  # the client stays
        raise AssertionError

    async def send(_message: dict[str, Any]) -> None:
        pass

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", f"{address[0]}:{address[1]}".encode()),
            (b"accept", b"*/*"),
            (b"user-agent", b"loopviz"),
        ],
        "client": (address[0], 0),
        "server": address,
        "state": dict(state),
    }
    with contextlib.suppress(Exception):
        await app(scope, receive, send)
