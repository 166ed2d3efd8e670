"""Servers that run before loopviz attaches: their apps are wrapped while it does, then put back."""

import asyncio
import types

import pytest

from loopviz.probe.running_servers import adopt_servers, release_apps
from loopviz.wire.events import Kind

SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": []}
GRANIAN_ASGI = """\
def _callback_wrapper(callback, access_log):
    def _runner(scope, proto):
        return callback(scope, None, proto)

    async def _http_logger(scope, proto):
        return await _runner(scope, proto)

    def _ws_logger(scope, proto):
        return _runner(scope, proto)

    def _logger(scope, proto):
        return (_http_logger if scope["type"] == "http" else _ws_logger)(scope, proto)

    return _logger if access_log else _runner
"""
GRANIAN = """\
def _spawn_asgi_worker(loop, inner, serving):
    async def future_watcher(scope, proto):
        await inner(scope, proto)

    wcallback = future_watcher
    loop.run(serving(wcallback))
"""
DAPHNE = """\
class Server:
    def __init__(self, application):
        self.application, self.listening_addresses = application, [("127.0.0.1", 8000)]

    def run(self, loop, serving):
        loop.run(serving(lambda scope, send: self.application(scope, receive=None, send=send)))
"""


def module(name, source):
    """As the server's own; only what is looked for is in it."""
    made = types.ModuleType(name)
    exec(source, vars(made))
    return made


async def app(scope, receive, send):
    del scope, receive
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body"})


def granian(loop, *, access_log):
    inner = module("granian.asgi", GRANIAN_ASGI)._callback_wrapper(app, access_log)
    return lambda serving: module("granian.server.mp", GRANIAN)._spawn_asgi_worker(
        loop, inner, serving
    )


def daphne(loop):
    server = module("daphne.server", DAPHNE).Server(app)
    return lambda serving: server.run(loop, serving)


@pytest.mark.parametrize(
    ("server", "urls"),
    [
        (lambda loop: granian(loop, access_log=False), []),
        (lambda loop: granian(loop, access_log=True), []),
        (daphne, ["http://127.0.0.1:8000"]),
    ],
    ids=["granian", "granian, access log", "daphne"],
)
def test_requests_are_seen_from_the_attaching_to_the_end(server, urls, loop, probe_of, recording):
    told, seen_by = [], []

    async def send(message):
        seen_by.append(message["type"])

    async def serving(call):
        await call(SCOPE, send)
        probe = probe_of(loop)
        loop.call_soon(adopt_servers, loop, lambda _loop, url: told.append(url))
        await asyncio.sleep(0.1)
        await call(SCOPE, send)
        loop.call_soon(release_apps, probe)
        await asyncio.sleep(0.1)
        await call(SCOPE, send)
        probe.uninstall()
        probes.append(probe)

    probes = []
    server(loop)(serving)
    assert len(seen_by) == 6
    assert told == urls
    (_, end) = recording(probes[0]).of(Kind.REQUEST_START, Kind.REQUEST_END)
    assert (end.a, end.text) == (201, "GET /")
