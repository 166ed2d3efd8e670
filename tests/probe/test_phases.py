"""The phases of a request to FastAPI: dependencies, endpoint, serialization, background tasks."""

import asyncio

import fastapi.background
import fastapi.routing
import opentelemetry.trace
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware

from loopviz.probe import frameworks
from loopviz.probe.asgi import watch_requests
from loopviz.wire.events import Kind


class Item(BaseModel):
    name: str


async def _dependency():
    await asyncio.sleep(0.01)
    return 5


async def _spare():
    await asyncio.sleep(0.03)


def _app():
    app = FastAPI()

    @app.get("/plain")
    async def plain():
        await asyncio.sleep(0.02)
        return {"ok": True}

    @app.get("/sync")
    def sync():
        return {"ok": True}

    @app.get("/depends")
    async def depends(value: int = Depends(_dependency)):
        await asyncio.sleep(0.02)
        return value

    @app.post("/body")
    async def body(item: Item) -> Item:
        return item

    @app.get("/response")
    async def response():
        return Response(b"x")

    @app.get("/stream")
    async def stream():
        async def parts():
            for _ in range(3):
                await asyncio.sleep(0.01)
                yield b"x"

        return StreamingResponse(parts())

    @app.get("/raises")
    async def raises():
        raise HTTPException(404)

    @app.get("/breaks")
    async def breaks():
        raise KeyError("x")

    @app.get("/background")
    async def background(tasks: BackgroundTasks):
        tasks.add_task(_spare)
        tasks.add_task(_spare)
        return 1

    @app.get("/one")
    async def one():
        return Response(b"x", background=BackgroundTask(_spare))

    @app.websocket("/socket")
    async def socket(socket: WebSocket, value: int = Depends(_dependency)):
        await socket.accept()
        await socket.close()

    return app


def _phase(event):
    """Its name; empty if it ends the phase before: a stream begins."""
    return event.text if event.kind is Kind.PHASE else ""


@pytest.fixture
def phases(loop, probe_of, recording, patched):
    """Serve one request: its phases with their beginnings in milliseconds, and the status."""

    def run(path, method="GET", body=b"", app=None, raises=()):
        app = app or _app()
        probe, began, sent = probe_of(loop), loop.clock(), []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }

        bodies = [body]

        async def receive():
            if not bodies:
                await asyncio.Event().wait()  # the client stays
            return {"type": "http.request", "body": bodies.pop()}

        async def send(message):
            sent.append(message)

        async def serving():
            watched = watch_requests(app, probe.hooks)
            if raises:
                with pytest.raises(raises):
                    await watched(scope, receive, send)
            else:
                await watched(scope, receive, send)

        loop.run(serving())
        probe.uninstall()
        seen = recording(probe)
        (start,) = seen.of(Kind.REQUEST_START)
        events = seen.of(Kind.PHASE, Kind.STREAM_OPENED)
        assert all(event.task_id == start.task_id for event in events)
        return [(_phase(event), (event.at - began) / 1e6) for event in events], sent[0]["status"]

    return run


def test_phases_of_a_plain_endpoint(phases):
    """Nothing is told of dependencies that it does not have."""
    assert phases("/plain") == ([("endpoint", 0), ("serialization", 20)], 200)


def test_phases_of_one_with_a_dependency(phases):
    expected = [("dependencies", 0), ("endpoint", 10), ("serialization", 30)]
    assert phases("/depends") == (expected, 200)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/sync", ["endpoint", "serialization"]),
        ("/response", ["endpoint"]),
        ("/raises", ["endpoint"]),
        ("/missing", []),
    ],
)
def test_phases_of_others(phases, path, expected):
    assert [name for name, _ in phases(path)[0]] == expected


def test_a_body_is_validated_among_the_dependencies(phases):
    told, status = phases("/body", "POST", b'{"name": "x"}')
    assert [name for name, _ in told] == ["dependencies", "endpoint", "serialization"]
    assert status == 200


def test_a_body_that_is_not_valid_reaches_no_endpoint(phases):
    told, status = phases("/body", "POST", b"{}")
    assert ([name for name, _ in told], status) == (["dependencies"], 422)


def test_an_endpoint_that_breaks(phases):
    told, status = phases("/breaks", raises=KeyError)
    assert ([name for name, _ in told], status) == (["endpoint"], 500)


def test_a_streams_parts_are_no_phase_but_the_first(phases):
    """The response's start ends the last one, whichever task sends it; parts may come late."""
    assert phases("/stream") == ([("endpoint", 0), ("", 0)], 200)


@pytest.mark.parametrize("path", ["/background", "/one"])
def test_background_tasks_are_one_phase(phases, path):
    told, _ = phases(path)
    assert [name for name, _ in told][-1] == "background"
    assert [name for name, _ in told].count("background") == 1


def test_a_websocket_has_no_phases(loop, probe_of, recording, patched):
    probe = probe_of(loop)
    scope = {"type": "websocket", "path": "/socket", "headers": [], "query_string": b""}
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message["type"])

    loop.run(watch_requests(_app(), probe.hooks)(scope, receive, send))
    probe.uninstall()
    assert sent == ["websocket.accept", "websocket.close"]
    assert recording(probe).of(Kind.PHASE) == []


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ([(b"content-length", b"1")], 200, 0),
        ([], 200, 1),
        ([(b"x", b"1")], 200, 1),
        ([], 204, 0),
        ([], 304, 0),
    ],
)
def test_without_fastapi_only_the_begin_of_a_stream_is_told(
    loop, probe_of, recording, monkeypatch, headers, status, told
):
    """Once: by a response that does not say how long it is, or else by its first part."""
    probe = probe_of(loop)
    monkeypatch.setattr(frameworks, "patched", set())
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        so_far.extend(recording(probe).of(Kind.STREAM_OPENED))
        await send({"type": "http.response.body", "body": b"x", "more_body": True})

    async def send(message):
        pass

    so_far = []
    loop.run(watch_requests(app, probe.hooks)(scope, None, send))
    probe.uninstall()
    assert len(so_far) == told
    (begun,) = recording(probe).of(Kind.STREAM_OPENED)
    assert (begun.text, begun.task_id) == (
        "GET /",
        recording(probe).of(Kind.REQUEST_START)[0].task_id,
    )


def test_an_app_without_a_probe_is_served_by_the_patched_functions(loop, patched):
    sent = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/depends", "headers": []}
    loop.run(_app()(scope | {"query_string": b""}, receive, send))
    assert sent[1]["body"] == b"5"


class Tracer(opentelemetry.trace.NoOpTracer):
    """What an app's own OpenTelemetry set-up would have: names in the order they began."""

    def __init__(self):
        self.began = []

    def start_span(self, name, *args, **options):
        self.began.append(name)
        return super().start_span(name, *args, **options)


@pytest.mark.skipif(
    not hasattr(fastapi.routing, "_operation"), reason="this FastAPI has no spans of its own"
)
def test_the_apps_own_telemetry_gets_its_spans_as_ever(phases):
    class Provider(opentelemetry.trace.TracerProvider):
        def get_tracer(self, *args, **options):
            return tracer

    tracer = Tracer()
    app = FastAPI(telemetry={"tracer_provider": Provider()})

    @app.get("/plain")
    async def plain(value: int = Depends(_dependency)):
        return value

    told, _ = phases("/plain", app=app)
    assert [name for name, _ in told] == ["dependencies", "endpoint", "serialization"]
    names = ["dependencies", "endpoint", "serialization"]
    assert tracer.began == ["GET", *(f"fastapi.{name}" for name in names)]


def test_phases_under_a_middleware_that_runs_the_app_in_a_task_of_its_own(
    loop, probe_of, recording, patched
):
    """Starlette's BaseHTTPMiddleware: the phases are told of that task, its parent's request."""
    app = _app()

    class Middleware(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next):
            return await call_next(request)

    app.add_middleware(Middleware)
    probe = probe_of(loop)
    scope = {"type": "http", "method": "GET", "path": "/plain", "headers": [], "query_string": b""}

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        pass

    loop.run(watch_requests(app, probe.hooks)(scope, receive, send))
    probe.uninstall()
    seen = recording(probe)
    (start,) = seen.of(Kind.REQUEST_START)
    parents = {event.task_id: event.a >> 32 for event in seen.of(Kind.TASK_START)}
    told = [(_phase(event), event.task_id) for event in seen.of(Kind.PHASE, Kind.STREAM_OPENED)]
    assert [name for name, _ in told] == ["endpoint", "serialization", ""]
    assert [parents.get(who) for _, who in told[:2]] == [start.task_id] * 2
    assert told[2][1] == start.task_id  # it streams the response
