"""The ASGI wrapper: a start and an end per HTTP request, and nothing changed on the way."""

import asyncio
import inspect
import types

import pytest
from starlette.requests import ClientDisconnect

from loopviz.probe.asgi import watch_requests
from loopviz.wire.events import LASTING, RECEIVED, Kind
from loopviz.wire.samples import SENT_HEADER
from tests.probe.asgi_apps import answers, http
from tests.support.cores import python_core


def test_headers_that_can_be_read_once_are_left_to_the_server(serve):
    headers = [(b"content-length", b"1"), (b"x-test", b"value")]

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": iter(headers)})
        await send({"type": "http.response.body", "body": b"x"})

    (start, _), _ = serve(app, http())
    assert list(start["headers"]) == headers


def test_start_and_end(serve, loop):
    began = loop.clock()
    sent, (start, end) = serve(answers, http())
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert (start.kind, start.at, start.a, start.text) == (
        Kind.REQUEST_START,
        began,
        0,
        "GET /ping",
    )
    assert (end.kind, end.at, end.a, end.text) == (
        Kind.REQUEST_END,
        began + 250_000_000,
        201 | 1 << 16,
        "GET /ping",
    )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"1024000000000", 1024000000000),
        (b"0", 0),
        (b"", 0),
        (b"-5", 0),
        (b"1.5", 0),
        (b"soon", 0),
        (b"\xb2", 0),
        (b" 7", 0),
        (str(2**64).encode(), 0),
        (b"9" * 30, 0),
        (b"9" * 5000, 0),
    ],
)
def test_the_sent_header(serve, header, expected):
    """Whatever a client puts into it, the app answers."""
    sent, (start, end) = serve(answers, http(sent=header))
    assert len(sent) == 2
    assert (start.a, end.a & 0xFFFF) == (expected, 201)


@pytest.mark.parametrize(
    "headers",
    [[], (), None, iter([(SENT_HEADER, b"7")]), [(SENT_HEADER, b"7"), (b"x", b"")], [b"x"]],
)
def test_headers_without_the_sent_header_at_their_end(serve, headers):
    """Only our own load says it, at the end: another client's are not searched."""
    _, (start, end) = serve(answers, http() | {"headers": headers})
    assert (start.a, end.a & 0xFFFF) == (0, 201)


def test_body_bytes_are_counted_over_all_parts(serve):
    async def streams(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"abc", b"", memoryview(b"de")):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})  # ASGI: the body may be left away

    sent, (_, end) = serve(streams, http())
    assert len(sent) == 5
    assert end.a == 200 | 5 << 16


@pytest.mark.parametrize(
    "message",
    [{}, {"type": "http.response.start"}, None, {"type": "http.response.body", "body": 5}],
)
def test_an_improper_message_is_the_servers_to_judge(serve, message):
    async def sends(scope, receive, send):
        await send(message)

    sent, (_, end) = serve(sends, http())
    assert sent == [message]
    assert end.a == 0


def test_what_the_app_returns_is_the_servers_to_judge(loop, probe_of):
    """ASGI says None; uvicorn logs an error if it is anything else."""

    async def returns(scope, receive, send):
        return scope["type"]

    watched = watch_requests(returns, probe_of(loop).hooks)
    assert [loop.run(watched(http() | {"type": kind}, None, None)) for kind in ("http", "x")] == [
        "http",
        "x",
    ]


def test_it_is_still_a_coroutine_function(loop, probe_of):
    """By that uvicorn tells ASGI 3 from ASGI 2."""
    assert inspect.iscoroutinefunction(watch_requests(answers, probe_of(loop).hooks))


def test_an_app_that_raises_before_it_sent_anything(serve):
    async def raises(scope, receive, send):
        raise KeyError("x")

    _, (_, end) = serve(raises, http(), raises=KeyError)
    assert (end.kind, end.a) == (Kind.REQUEST_END, 0)


def test_an_app_that_raises_half_way(serve):
    async def raises(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError("x")

    _, (_, end) = serve(raises, http(), raises=KeyError)
    assert end.a == 200


def test_a_request_that_is_cancelled_has_an_end(serve):
    async def cancelled(scope, receive, send):
        asyncio.current_task().cancel()
        await asyncio.sleep(1)

    _, (_, end) = serve(cancelled, http(), raises=asyncio.CancelledError)
    assert (end.kind, end.a) == (Kind.REQUEST_END, 0)


def test_other_scopes_pass_through_untouched(loop, probe_of):
    scope, seen = {"type": "lifespan"}, []

    async def app(*args):
        seen.extend(args)

    arguments = (scope, object(), object())
    hooks = probe_of(loop).hooks
    loop.run(watch_requests(app, hooks)(*arguments))
    assert all(a is b for a, b in zip(seen, arguments, strict=True))


@python_core
def test_a_request_is_served_though_the_ring_is_broken(loop, probe_of):
    sent = []

    async def send(message):
        sent.append(message["type"])

    probe = probe_of(loop)
    probe._ring.close()
    loop.run(watch_requests(answers, probe.hooks)(http(), None, send))
    assert sent == ["http.response.start", "http.response.body"]


class Client:
    """What a server other than uvicorn gives the app: messages one after another."""

    def __init__(self, *messages):
        self.messages = list(messages)
        self.sent = []

    async def receive(self):
        await asyncio.sleep(0.1)
        return self.messages.pop(0)

    async def send(self, message):
        self.sent.append(message)


ASKED, LEFT = {"type": "http.request", "body": b""}, {"type": "http.disconnect"}


@pytest.fixture
def gone(loop, probe_of, recording):
    """Serve with that client: the events of the request in order, and when its client was gone."""

    def run(app, client):
        probe, began = probe_of(loop), loop.clock()
        loop.run(watch_requests(app, probe.hooks)(http(), client.receive, client.send))
        probe.uninstall()
        events = recording(probe).of(Kind.REQUEST_START, Kind.CLIENT_DISCONNECTED, Kind.REQUEST_END)
        assert len({event.task_id for event in events}) == 1
        ends = [event.at - began for event in events if event.kind is Kind.CLIENT_DISCONNECTED]
        return [event.kind for event in events], ends

    return run


async def listens(scope, receive, send):
    assert await receive() is ASKED
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    assert await receive() is LEFT
    await asyncio.sleep(0.1)


def test_a_client_that_leaves_as_the_app_hears_of_it(gone):
    kinds, ends = gone(listens, Client(ASKED, LEFT))
    assert kinds == [Kind.REQUEST_START, Kind.CLIENT_DISCONNECTED, Kind.REQUEST_END]
    assert ends == [200_000_000]


def test_a_client_that_has_its_response_may_leave(gone):
    """Servers say so to an app that still asks."""

    async def asks_on(scope, receive, send):
        await receive()
        await answers(scope, receive, send)
        assert await receive() is LEFT

    assert gone(asks_on, Client(ASKED, LEFT)) == ([Kind.REQUEST_START, Kind.REQUEST_END], [])


def test_the_exception_by_which_an_app_hears_of_it_is_no_fault(loop, probe_of, recording):
    async def reads(scope, receive, send):
        raise ClientDisconnect

    async def reads_in_a_group(scope, receive, send):
        raise BaseExceptionGroup("x", [ClientDisconnect()])

    async def breaks_meanwhile(scope, receive, send):
        raise BaseExceptionGroup("x", [ClientDisconnect(), KeyError("x")])

    probe = probe_of(loop)
    for app in (reads, reads_in_a_group, breaks_meanwhile):
        with pytest.raises((ClientDisconnect, BaseExceptionGroup)):
            loop.run(watch_requests(app, probe.hooks)(http(), None, None))
    probe.uninstall()
    assert len(recording(probe).of(Kind.REQUEST_EXCEPTION)) == 1


def test_an_app_that_does_not_listen_does_not_tell(gone):
    assert gone(answers, Client(LEFT)) == ([Kind.REQUEST_START, Kind.REQUEST_END], [])


def test_a_message_of_another_kind_is_the_apps_to_judge(gone):
    async def asks(scope, receive, send):
        assert [await receive(), await receive()] == [None, 5]

    assert gone(asks, Client(None, 5))[1] == []


@pytest.fixture
def streamed(loop, probe_of, recording):
    """Serve a scope with an app that sends these messages, one every 100 ms: its events."""

    def run(scope, *messages, received=()):
        probe, client = probe_of(loop), Client(*received)

        async def app(scope, receive, send):
            for message in messages:
                await asyncio.sleep(0.1)
                await send(message)
            for _ in received:
                await receive()

        loop.run(watch_requests(app, probe.hooks)(scope, client.receive, client.send))
        probe.uninstall()
        assert client.sent == list(messages)
        own = (Kind.REQUEST_START, Kind.STREAM_OPENED, Kind.MESSAGE, Kind.REQUEST_END)
        events = recording(probe).of(*own)
        assert len({event.task_id for event in events}) == 1
        return [(event.kind, event.a, event.text) for event in events]

    return run


def part(body, *, more=True):
    return {"type": "http.response.body", "body": body, "more_body": more}


EVENTS = [(b"Content-Type", b"text/event-stream; charset=utf-8")]


def test_server_sent_events_that_answer_a_post_end_when_that_is_done(streamed):
    """As those of an MCP server do: their duration is a latency."""
    start = {"type": "http.response.start", "status": 200, "headers": EVENTS}
    _, opened, *_ = streamed(http() | {"method": "POST"}, start, part(b"abc", more=False))
    assert opened == (Kind.STREAM_OPENED, 0, "POST /ping")


@pytest.mark.parametrize(("headers", "lasts"), [([], 0), (EVENTS, LASTING)])
def test_the_parts_of_a_stream_are_messages(streamed, headers, lasts):
    """Server-sent events last as long as their client wants, other streams do not."""
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    events = streamed(http("/news/7"), start, part(b"abc"), part(b""), part(b"de", more=False))
    assert events[1:] == [
        (Kind.STREAM_OPENED, lasts, "GET /news/{…}"),
        (Kind.MESSAGE, 3 << 1, ""),
        (Kind.MESSAGE, 2 << 1, ""),
        (Kind.REQUEST_END, 200 | 5 << 16, "GET /news/{…}"),
    ]


def test_a_file_in_parts_is_a_stream_and_a_whole_one_is_none(streamed):
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]}
    kinds = [kind for kind, _, _ in streamed(http(), start, part(b"ab"), part(b"cd", more=False))]
    assert kinds[1:3] == [Kind.STREAM_OPENED, Kind.MESSAGE]
    assert kinds.count(Kind.MESSAGE) == 2
    kinds = [kind for kind, _, _ in streamed(http(), start, part(b"abcd", more=False))]
    assert kinds == [Kind.REQUEST_START, Kind.REQUEST_END]


SOCKET = {"type": "websocket", "path": "/chat/7", "headers": []}


def test_a_websocket_is_a_request_with_messages(streamed):
    events = streamed(
        SOCKET | {"route": types.SimpleNamespace(path="/chat/{room}")},
        {"type": "websocket.accept"},
        {"type": "websocket.send", "text": "hello"},
        {"type": "websocket.send", "bytes": b"abc", "text": None},
        {"type": "websocket.close", "code": 1000},
        received=(
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": "hi"},
            {"type": "websocket.receive", "bytes": b"", "text": None},
            {"type": "websocket.disconnect", "code": 1000},
        ),
    )
    assert events == [
        (Kind.REQUEST_START, 0, "WS /chat/7"),
        (Kind.STREAM_OPENED, LASTING, "WS /chat/{room}"),
        (Kind.MESSAGE, 5 << 1, ""),
        (Kind.MESSAGE, 3 << 1, ""),
        (Kind.MESSAGE, 2 << 1 | RECEIVED, ""),
        (Kind.MESSAGE, RECEIVED, ""),
        (Kind.REQUEST_END, 101 | 8 << 16, "WS /chat/{room}"),
    ]


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([{"type": "websocket.close", "code": 1008}], 403),
        ([{"type": "websocket.http.response.start", "status": 401, "headers": []}], 401),
        ([], 0),
    ],
)
def test_a_websocket_that_is_refused(streamed, messages, status):
    *_, (kind, a, _) = streamed(SOCKET, *messages)
    assert (kind, a) == (Kind.REQUEST_END, status)


@pytest.mark.parametrize("message", [{}, None, {"type": "websocket.send", "bytes": 5}])
def test_a_websocket_s_improper_message_is_the_servers_to_judge(streamed, message):
    assert len(streamed(SOCKET, message, received=(message,))) == 2


def test_after_uninstall_requests_pass_and_nothing_is_written(loop, probe_of, recording):
    probe = probe_of(loop)
    watched = watch_requests(answers, probe.hooks)
    probe.uninstall()
    client = Client(ASKED, LEFT)
    loop.run(watched(http(), client.receive, client.send))
    assert len(client.sent) == 2
    assert recording(probe).of(Kind.REQUEST_START, Kind.REQUEST_END) == []
