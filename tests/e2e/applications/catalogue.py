"""The applications, what is asked of them, and the servers that serve them."""

import itertools
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

__all__ = ["APPLICATIONS", "COMMON", "SERVERS", "Answer", "Application", "Server"]

PROGRAMS = Path(__file__).with_name("programs")
COMMON = ("uvicorn[standard]", "hypercorn", "granian", "websockets")

Answer = tuple[str, object]
"""What was asked, and what came: a status, headers and a body; or messages."""
Asking = Callable[[aiohttp.ClientSession, str, int], Awaitable[list[Answer]]]
"""Asks the server at that address for the n-th time."""

UNLIKE = {"date", "server", "mcp-session-id", "set-cookie", "transfer-encoding", "connection"}
"""Headers that differ from one answer to the next, or from one server to the next."""


async def get(client: aiohttp.ClientSession, url: str, path: str, **options: object) -> Answer:
    method = "POST" if options else "GET"
    async with client.request(method, url + path, allow_redirects=False, **options) as reply:
        body = await reply.read()
        headers = {k.lower(): v for k, v in reply.headers.items() if k.lower() not in UNLIKE}
        return f"{method} {path}", (reply.status, headers, body)


async def echo(client: aiohttp.ClientSession, url: str, path: str) -> Answer:
    """Five messages there and back; then the server closes it."""
    said = []
    async with client.ws_connect(url + path) as socket:
        for n in range(5):
            await socket.send_str(f"word {n}")
            said.append(await socket.receive_str())
        await socket.send_str("bye")
        end = await socket.receive()
        said.append((end.type.name, socket.close_code))
    return f"WS {path}", said


def asks(*paths: str, post: tuple[str, object] | None = None, socket: str = "") -> Asking:
    """Each of these paths, `{n}` being a number; a body; a WebSocket that echoes."""

    async def ask(client: aiohttp.ClientSession, url: str, n: int) -> list[Answer]:
        got = [await get(client, url, path.replace("{n}", str(n % 150))) for path in paths]
        if post is not None:
            got.append(await get(client, url, post[0], json=post[1]))
        if socket:
            got.append(await echo(client, url, socket))
        return got

    return ask


async def ask_mcp(client: aiohttp.ClientSession, url: str, n: int) -> list[Answer]:
    """A session: initialize, list the tools, call them, end it."""
    headers = {"accept": "application/json, text/event-stream"}
    ids = itertools.count()

    async def call(method: str, params: dict[str, object], *, notify: bool = False) -> Answer:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if not notify:
            message["id"] = next(ids)
        async with client.post(f"{url}/mcp", json=message, headers=headers) as reply:
            body = await reply.read()
            if session := reply.headers.get("mcp-session-id"):
                headers["mcp-session-id"] = session
            return f"MCP {method}", (reply.status, reply.content_type, _without_ids(body))

    info = {"name": "loopviz", "version": "1"}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
    got = [await call("initialize", hello)]
    got.append(await call("notifications/initialized", {}, notify=True))
    got.append(await call("tools/list", {}))
    got.append(await call("tools/call", {"name": "search", "arguments": {"text": f"{n}"}}))
    got.append(await call("tools/call", {"name": "count", "arguments": {"text": "x" * (n % 50)}}))
    got.append(await call("tools/call", {"name": "nothing", "arguments": {}}))
    async with client.delete(f"{url}/mcp", headers=headers) as reply:
        got.append(("MCP end", reply.status))
    return got


async def ask_nicegui(client: aiohttp.ClientSession, url: str, n: int) -> list[Answer]:
    """A page, whose text has random ids; its static files; the handshake of its socket."""
    asked, (status, headers, body) = await get(client, url, "/")
    headers.pop("content-length", None)
    got: list[Answer] = [(asked, (status, headers, b"hello" in body and b"press" in body))]
    files = sorted(set(re.findall(rb"/_nicegui/[\w./-]+\.css", body)))[:3]
    got += [await get(client, url, path.decode()) for path in files]
    got += [await get(client, url, f"/api/{n % 150}"), await get(client, url, "/api/x")]
    asked, (status, *_) = await get(client, url, "/nothing/here")  # a page with random ids, too
    got.append((asked, status))
    path = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    async with client.ws_connect(url + path) as socket:
        opened = await socket.receive_str()
        got.append(("WS open", sorted(json.loads(opened[1:]))))
    return got


def _without_ids(body: bytes) -> bytes:
    return re.sub(rb"(?m)^id: .*\r?\n", b"", body)


@dataclass(frozen=True)
class Application:
    name: str
    requirements: tuple[str, ...]
    ask: Asking
    differs: str = r"(?!)"
    """What is not the same in two answers: times, random ids."""

    @property
    def target(self) -> str:
        return f"{self.name}_program:app"


APPLICATIONS = {
    application.name: application
    for application in (
        Application(
            "datasette",
            ("datasette==0.65.*",),
            asks(
                "/",
                "/weather",
                "/weather/stations?_next={n}",
                "/weather/stations.json?_sort=name&_facet=city",
                "/weather/stations/{n}.json",
                "/weather.json?sql=select+city,count(*)+from+stations+group+by+city",
                "/nothing/{n}",
            ),
            # it counts rows for some ms only, and says no number if that was not enough
            differs=r"query_ms\W+[\d.]+|took [\d.]+ms|((Many|400) rows in )?1 table"
            r"|stations\"( title=\"(Many|400) rows\")?>|Many rows|400 rows|'content-length': .\d+",
        ),
        Application(
            "fastapi",
            (
                "fastapi",
                "opentelemetry-sdk",
                "opentelemetry-instrumentation-fastapi",
                "opentelemetry-instrumentation-asyncio",
                "sentry-sdk",
                "aiomonitor",
            ),
            asks("/items/{n}", "/items/7", "/traced", "/nothing/{n}", socket="/echo"),
        ),
        Application(
            "litestar",
            ("litestar",),
            asks(
                "/",
                "/orders/{n}",
                "/sync",
                "/events",
                "/nothing/{n}",
                post=("/orders", {"article": "ink", "count": 3}),
                socket="/echo",
            ),
        ),
        Application(
            "django",
            ("django==5.*", "daphne", "channels"),
            asks("/users/", "/users/{n}/", "/stream/", "/users/1", "/nothing/{n}", socket="/echo"),
        ),
        Application(
            "quart",
            ("quart",),
            asks(
                "/",
                "/orders/{n}",
                "/sync",
                "/events",
                "/nothing/{n}",
                post=("/orders", {"article": "ink", "count": 3}),
                socket="/echo",
            ),
        ),
        Application("mcp", ("mcp",), ask_mcp),
        Application("nicegui", ("nicegui",), ask_nicegui),
    )
}


@dataclass(frozen=True)
class Server:
    name: str
    words: Callable[[str, int], list[str]]
    """Its command line for a target and a port."""
    direct: bool = False
    """Whether loopviz starts it itself: `loopviz run TARGET`; otherwise through `--`."""


def _uvicorn(loop: str) -> Callable[[str, int], list[str]]:
    return lambda target, port: ["uvicorn", target, "--port", str(port), "--loop", loop]


SERVERS = {
    server.name: server
    for server in (
        Server("uvicorn-asyncio", _uvicorn("asyncio"), direct=True),
        Server("uvicorn-uvloop", _uvicorn("uvloop"), direct=True),
        Server("hypercorn", lambda target, port: ["hypercorn", target, "-b", f"127.0.0.1:{port}"]),
        Server(
            "granian",
            lambda target, port: [
                *("granian", "--interface", "asgi", "--loop", "asyncio"),
                *("--port", str(port), target),
            ],
        ),
    )
}
