"""Servers other than uvicorn: what they serve is recorded, and goes on as it was."""

import asyncio
import types

import pytest
from aiohttp import web, web_protocol, web_response, web_runner, web_ws

from loopviz.probe import aiohttp_server
from loopviz.probe.patches.patch import apply, undo
from loopviz.probe.servers import servers
from loopviz.wire.events import LASTING, Kind
from tests.probe.test_uvicorn import Transport

REQUESTS = (
    Kind.REQUEST_START,
    Kind.STREAM_OPENED,
    Kind.MESSAGE,
    Kind.CLIENT_DISCONNECTED,
    Kind.REQUEST_EXCEPTION,
    Kind.REQUEST_END,
)


class Connection(Transport):
    def pause_reading(self):
        pass

    def get_extra_info(self, name, default=None):
        return default

    def abort(self):
        self.closing = True

    def writelines(self, parts):
        for part in parts:
            self.write(part)


@pytest.fixture
def aiohttp_serves(loop, probe_of, recording):
    """Serve raw requests over one connection of aiohttp: what was written, and the events."""
    applied = apply(
        [
            *aiohttp_server.patches_of_protocol(web_protocol),
            *aiohttp_server.patches_of_response(web_response),
            *aiohttp_server.patches_of_websocket(web_ws),
        ]
    )

    def run(handlers, *requests, leaves_after_s=0.0):
        probe, transport = probe_of(loop), Connection()

        async def client():
            app = web.Application()
            app.add_routes([web.get(path, handler) for path, handler in handlers.items()])
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            protocol = runner.server()
            protocol.connection_made(transport)
            for request in requests:
                protocol.data_received(b"GET " + request + b" HTTP/1.1\r\nhost: x\r\n\r\n")
                await asyncio.sleep(leaves_after_s or 1)
            protocol.connection_lost(None)
            await asyncio.sleep(1)
            await runner.cleanup()

        loop.run(client())
        probe.uninstall()
        assert aiohttp_server._serving == {}
        seen = recording(probe)
        return transport.written, [(e.kind, e.a, e.text) for e in seen.of(*REQUESTS)]

    yield run
    undo(applied)


async def item(request):
    await asyncio.sleep(0.1)
    return web.Response(text=f"item {request.match_info['id']}")


def test_aiohttp_s_requests_have_their_routes(aiohttp_serves):
    """Two of one connection, which one task serves."""
    written, events = aiohttp_serves({"/items/{id}": item}, b"/items/7", b"/items/8", b"/no")
    assert written.count(b"200 OK") == 2
    assert events == [
        (Kind.REQUEST_START, 0, "GET /items/7"),
        (Kind.REQUEST_END, 200 | 6 << 16, "GET /items/{id}"),
        (Kind.REQUEST_START, 0, "GET /items/8"),
        (Kind.REQUEST_END, 200 | 6 << 16, "GET /items/{id}"),
        (Kind.REQUEST_START, 0, "GET /no"),
        (Kind.REQUEST_END, 404 | 14 << 16, "GET (not found)"),
    ]


def test_what_aiohttp_s_app_raises_and_when_its_client_leaves(aiohttp_serves):
    async def breaks(request):
        raise KeyError("x")

    _, events = aiohttp_serves({"/": breaks}, b"/")
    assert [(kind, text) for kind, _, text in events][1] == (
        Kind.REQUEST_EXCEPTION,
        "KeyError: 'x'",
    )
    assert events[2][1] & 0xFFFF == 500
    _, events = aiohttp_serves({"/items/{id}": item}, b"/items/7", leaves_after_s=0.05)
    assert events[1][0] is Kind.CLIENT_DISCONNECTED


def test_aiohttp_s_streams(aiohttp_serves):
    async def events_of(request):
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(2):
            await response.write(b"abc")
        return response

    written, events = aiohttp_serves({"/events": events_of}, b"/events")
    assert written.count(b"abc") == 2
    assert [event[:2] for event in events[1:4]] == [
        (Kind.STREAM_OPENED, LASTING),
        (Kind.MESSAGE, 3 << 1),
        (Kind.MESSAGE, 3 << 1),
    ]


def test_aiohttp_s_websockets(aiohttp_serves):
    async def chat(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("hello")
        await socket.close()
        return socket

    upgrade = (
        b"/chat/7 HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nx:"
    )
    _, events = aiohttp_serves({"/chat/{room}": chat}, upgrade, leaves_after_s=30.0)
    assert [(kind, text) for kind, _, text in events] == [
        (Kind.REQUEST_START, "WS /chat/7"),
        (Kind.STREAM_OPENED, "WS /chat/{room}"),
        (Kind.MESSAGE, ""),
        (Kind.REQUEST_END, "WS /chat/{room}"),
    ]
    assert events[-1][1] & 0xFFFF == 101


def test_aiohttp_tells_its_address(loop, probe_of):
    told = []
    patches = servers(lambda _loop, url: told.append(url))["aiohttp.web_runner"](web_runner)
    (patch,) = patches

    async def start(self):
        return 5

    site = types.SimpleNamespace(name="http://0.0.0.0:8080")
    assert loop.run(patch.make(start)(site)) == 5
    assert told == ["http://127.0.0.1:8080"]


# ---- servers that start their app before their loop runs


async def app(scope, receive, send):
    await send(
        {"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body"})


SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": []}


def granian():
    """As `granian.server.mp`: its workers wrap the app, and call it with a scope."""
    return types.SimpleNamespace(_asgi_call_wrap=lambda callback, *_: callback)


def wrapped_by_granian():
    module = granian()
    (patch,) = servers(lambda *_: None)["granian.server.mp"](module)
    return patch.make(module._asgi_call_wrap)(app, {}, {}, None)


def test_granian_s_requests(loop, probe_of, recording):
    """The same app in two loops: each has its own requests; without a probe it is only called."""
    wrapped, sent = wrapped_by_granian(), []

    async def send(message):
        sent.append(message["type"])

    async def serving():
        await wrapped(SCOPE, None, send)

    loop.run(serving())
    probe = probe_of(loop)
    loop.run(serving())
    probe.uninstall()
    loop.run(serving())
    assert len(sent) == 6
    (_, end) = recording(probe).of(Kind.REQUEST_START, Kind.REQUEST_END)
    assert (end.a, end.text) == (201, "GET /")


def test_what_granian_runs_outside_of_tasks_is_left_alone(loop, probe_of, recording):
    """Its `--task-impl rust`: whose steps these are is not known."""
    wrapped, sent = wrapped_by_granian(), []

    async def send(message):
        sent.append(message["type"])

    def step():
        with pytest.raises(StopIteration):
            wrapped(SCOPE, None, send).send(None)

    async def main():
        loop.call_soon(step)
        await asyncio.sleep(0.1)

    probe = probe_of(loop)
    loop.run(main())
    probe.uninstall()
    assert len(sent) == 2
    assert recording(probe).of(Kind.REQUEST_START) == []


def test_daphne_s_requests_and_its_address(loop, probe_of, recording):
    class Server:
        application = staticmethod(app)
        told = None

        def run(self):
            return loop.run(self.serving())

        async def serving(self):
            self.listen_success(types.SimpleNamespace(getHost=lambda: host))
            await asyncio.ensure_future(
                self.application(scope=SCOPE, receive=None, send=self.reply)
            )

        async def reply(self, message):
            pass

        def listen_success(self, port):
            self.told = port

    host, told = types.SimpleNamespace(host="127.0.0.1", port=8000), []
    reactor = types.SimpleNamespace(_asyncioEventloop=loop)
    module = types.SimpleNamespace(Server=Server, reactor=reactor)
    applied = apply(servers(lambda _loop, url: told.append(url))["daphne.server"](module))
    probe = probe_of(loop)
    Server().run()
    probe.uninstall()
    undo(applied)
    assert told == ["http://127.0.0.1:8000"]
    (_, end) = recording(probe).of(Kind.REQUEST_START, Kind.REQUEST_END)
    assert (end.a, end.text) == (201, "GET /")
