"""The ASGI wrapper: a start and an end per HTTP request, and nothing changed on the way."""

import asyncio
import inspect
import types

import pytest

from loopviz.probe.asgi import watch_requests
from loopviz.wire.events import Kind
from loopviz.wire.samples import SENT_HEADER


def http(path="/ping", sent=None, **more):
    headers = [(b"host", b"x")] + ([(SENT_HEADER, sent)] if sent is not None else [])
    return {"type": "http", "method": "GET", "path": path, "headers": headers} | more


async def answers(scope, receive, send):
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await asyncio.sleep(0.25)
    await send({"type": "http.response.body", "body": b"x"})


@pytest.fixture
def serve(loop, probe_of, recording):
    """Serve one scope with the app under the wrapper: what was sent, and the request's events."""

    def run(app, scope, raises=()):
        probe = probe_of(loop)
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "http.request"}

        async def serving():
            if raises:
                with pytest.raises(raises):
                    await watch_requests(app, probe.hooks)(scope, receive, send)
            else:
                await watch_requests(app, probe.hooks)(scope, receive, send)

        loop.run(serving())
        probe.uninstall()
        seen = recording(probe)
        task = seen.start_of("serving").task_id
        events = seen.of(Kind.REQUEST_START, Kind.REQUEST_END)
        assert all(event.task_id == task for event in events)
        return sent, events

    return run


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


def test_the_end_names_the_route(serve):
    async def routed(scope, receive, send):
        scope["route"] = types.SimpleNamespace(path="/items/{id}")
        await answers(scope, receive, send)

    _, (start, end) = serve(routed, http("/items/7"))
    assert (start.text, end.text) == ("GET /items/7", "GET /items/{id}")


@pytest.mark.parametrize("scope", [{"type": "websocket"}, {"type": "lifespan"}])
def test_other_scopes_pass_through_untouched(loop, probe_of, scope):
    seen = []

    async def app(*args):
        seen.extend(args)

    arguments = (scope, object(), object())
    hooks = probe_of(loop).hooks
    loop.run(watch_requests(app, hooks)(*arguments))
    assert all(a is b for a, b in zip(seen, arguments, strict=True))


def test_a_template_has_a_name_even_after_very_many_paths(loop, probe_of, recording):
    """Paths are named up to a limit; a route that is first served later is still named."""
    probe = probe_of(loop)

    async def nothing(*args):
        pass

    async def serving():
        watched = watch_requests(nothing, probe.hooks)
        for i in range(1500):
            route = types.SimpleNamespace(path="/items/{id}")
            await watched(http(f"/items/{i}", route=route), None, None)
        await watched(http("/late/1", route=types.SimpleNamespace(path="/late/{id}")), None, None)

    loop.run(serving())
    probe.uninstall()
    ends = recording(probe).of(Kind.REQUEST_END)
    assert {end.text for end in ends[:-1]} == {"GET /items/{id}"}
    assert ends[-1].text == "GET /late/{id}"


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


def test_an_app_that_does_not_listen_does_not_tell(gone):
    assert gone(answers, Client(LEFT)) == ([Kind.REQUEST_START, Kind.REQUEST_END], [])


def test_a_message_of_another_kind_is_the_apps_to_judge(gone):
    async def asks(scope, receive, send):
        assert [await receive(), await receive()] == [None, 5]

    assert gone(asks, Client(None, 5))[1] == []


def test_after_uninstall_requests_pass_and_nothing_is_written(loop, probe_of, recording):
    probe = probe_of(loop)
    watched = watch_requests(answers, probe.hooks)
    probe.uninstall()
    client = Client(ASKED, LEFT)
    loop.run(watched(http(), client.receive, client.send))
    assert len(client.sent) == 2
    assert recording(probe).of(Kind.REQUEST_START, Kind.REQUEST_END) == []
