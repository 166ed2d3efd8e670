"""Clients that leave, as uvicorn's protocols notice."""

import asyncio

import pytest
from uvicorn import Config
from uvicorn.protocols.http import h11_impl, httptools_impl
from uvicorn.server import ServerState

from loopviz.probe.asgi import watch_requests
from loopviz.wire.events import Kind


class Transport:
    def __init__(self):
        self.written = b""
        self.closing = False

    def get_extra_info(self, name, default=None):
        return {"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)}.get(name, default)

    def write(self, data):
        self.written += data

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


@pytest.fixture(params=[httptools_impl.HttpToolsProtocol, h11_impl.H11Protocol])
def connect(request, loop, probe_of, recording, patched):
    """A request over a connection that is lost after so many seconds: GONE and its moment."""

    def run(app, lost_after_s):
        probe, began = probe_of(loop), loop.clock()
        transport = Transport()

        async def client():
            config = Config(watch_requests(app, probe.hooks), log_config=None, lifespan="off")
            protocol = request.param(config, ServerState(), {}, _loop=loop)
            protocol.connection_made(transport)
            protocol.data_received(b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n")
            await asyncio.sleep(lost_after_s)
            protocol.connection_lost(None)
            await asyncio.sleep(1)
            assert protocol.cycle._loopviz_task == 0

        loop.run(client())
        probe.uninstall()
        seen = recording(probe)
        (start,) = seen.of(Kind.REQUEST_START)
        assert all(event.task_id == start.task_id for event in seen.of(Kind.CLIENT_DISCONNECTED))
        return [
            (event.at - began) / 1e6 for event in seen.of(Kind.CLIENT_DISCONNECTED)
        ], transport.written

    return run


async def _slow(scope, receive, send):
    await asyncio.sleep(0.2)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"abc"})
    await asyncio.sleep(0.2)


def test_a_client_that_leaves_under_uvicorn(connect):
    """At once, though the app does not listen."""
    assert connect(_slow, 0.1) == ([100.0], b"")


def test_a_client_that_leaves_after_its_response(connect):
    gone, written = connect(_slow, 0.3)
    assert gone == []
    assert b"abc" in written


def test_a_connection_that_the_app_broke_is_no_client_that_left(connect, caplog):
    async def breaks(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError("x")

    gone, _ = connect(breaks, 0.1)
    assert gone == []
    assert "Exception in ASGI application" in caplog.text
