"""The load's HTTP client against servers that answer in every way that HTTP/1.1 allows."""

import asyncio

import pytest

from loopviz.clock import SECOND
from loopviz.errors import LoopvizError
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.address import address_of
from loopviz.lab.load.client import IDLE_NS, Client
from loopviz.lab.load.deadlines import Deadlines
from loopviz.lab.load.schedule import Arrival
from loopviz.wire.samples import CONNECTION, LEFT, TIMEOUT

GET = LoadInfo("GET /a", 1)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers each request with the next of `answers`; an empty one closes the connection."""

    def __init__(self, *answers, then_close=False):
        self.answers, self.then_close = list(answers), then_close
        self.requests = []
        self._writers, self._tasks = [], []
        self.connections = 0
        self.lost = asyncio.Event()
        """Set when a client has closed its connection."""

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_exc):
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks)
        await asyncio.sleep(0)

    async def _serve(self, reader, writer):
        self.connections += 1
        self._writers.append(writer)
        self._tasks.append(asyncio.current_task())
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                answer = self.answers.pop(0)
                for part in answer if isinstance(answer, list) else [answer]:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
                if self.then_close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self.lost.set()
        writer.close()


async def replies(server, *routes, count=1, leaves_s=None, **more):
    """The replies to that many requests of each route, one after the other."""
    client = Client(routes, address_of(server.url), **more)
    got = []
    for number in range(count):
        for route in range(len(routes)):
            reply = asyncio.get_running_loop().create_future()
            client.send(Arrival(0, route, number, leaves_s), reply.set_result)
            got.append(await asyncio.wait_for(reply, 5))
    client.close()
    return got


def statuses(*answers, routes=(GET,), count=1, then_close=False, **more):
    async def main():
        async with Server(*answers, then_close=then_close) as server:
            got = await replies(server, *routes, count=count, **more)
            return [reply.status for reply in got], server

    return asyncio.run(main())


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        [OK[:9], OK[9:30], OK[30:]],
        [bytes([byte]) for byte in OK],
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 77\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n", b"0\r\n\r\n"],
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        [b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", OK],
    ],
)
def test_one_connection_serves_requests_whatever_frames_the_responses(answer):
    got, server = statuses(answer, answer, OK, count=3)
    first = 204 if answer[9:12] == b"204" else 304 if answer[9:12] == b"304" else 200
    assert got == [first, first, 200]
    assert server.connections == 1


def test_a_response_to_head_has_no_body_whatever_its_length_says():
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n"
    got, server = statuses(head, OK, routes=(LoadInfo("HEAD /a", 1), GET))
    assert got == [200, 200]
    assert server.connections == 1


def test_a_body_may_end_with_its_connection():
    got, _ = statuses(b"HTTP/1.1 200 OK\r\n\r\nall of it", then_close=True)
    assert got == [200]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhal",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"HTTP/1.1 200",
        b"",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
    ],
)
def test_a_response_that_is_cut_off_or_none_is_a_failed_connection(answer):
    got, _ = statuses(answer, then_close=True)
    assert got == [CONNECTION]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nno",
    ],
)
def test_a_connection_that_its_server_closes_is_not_used_again(answer):
    got, server = statuses(answer, OK, count=2)
    assert got[1] == 200
    assert server.connections == 2


def test_a_connection_that_was_closed_while_idle_is_not_used_again():
    async def main():
        async with Server(OK, OK, then_close=True) as server:
            client = Client([GET], address_of(server.url))
            got = []
            for _ in range(2):
                reply = asyncio.get_running_loop().create_future()
                client.send(Arrival(0, 0, 0), reply.set_result)
                got.append((await reply).status)
                await asyncio.sleep(0.05)  # its end arrives
            return got, server.connections

    assert asyncio.run(main()) == ([200, 200], 2)


def test_who_waits_too_long_closes_the_connection():
    async def main():
        async with Server([]) as server:
            (reply,) = await replies(server, LoadInfo("GET /a", 1, timeout_s=0.05))
            await asyncio.wait_for(server.lost.wait(), 5)
            return reply

    reply = asyncio.run(main())
    assert reply.status == TIMEOUT
    assert reply.done_ns - reply.sent_ns >= 0.05 * SECOND


def test_who_leaves_closes_the_connection_and_who_has_the_response_has_not_left():
    async def main():
        async with Server(OK, []) as server:
            stays, leaves = await replies(server, GET, count=2, leaves_s=0.2)
            await asyncio.wait_for(server.lost.wait(), 5)
            return stays, leaves

    stays, leaves = asyncio.run(main())
    assert (stays.status, leaves.status) == (200, LEFT)


def test_who_leaves_before_there_is_a_connection_sends_nothing():
    async def main():
        async with Server(OK) as server:
            client = Client([GET], address_of(server.url))
            reply = asyncio.get_running_loop().create_future()
            client.send(Arrival(0, 0, 0, 0.0), reply.set_result)
            status = (await reply).status
            await asyncio.wait_for(server.lost.wait(), 5)
            return status, server.requests

    assert asyncio.run(main()) == (LEFT, [])


def test_nobody_listens():
    async def main():
        async with Server() as server:
            pass
        return [reply.status for reply in await replies(server, GET)]

    assert asyncio.run(main()) == [CONNECTION]


@pytest.mark.parametrize(
    ("route", "line"),
    [
        ("GET /item/{n}?of={n}", b"GET /item/3?of=3 HTTP/1.1"),
        ("get /a%20b/ä?q=ö|1#part", b"GET /a%20b/%C3%A4?q=%C3%B6%7C1 HTTP/1.1"),
        ("DELETE /x{m}", b"DELETE /x%7Bm%7D HTTP/1.1"),
    ],
)
def test_what_is_sent(route, line):
    async def main():
        async with Server(OK) as server:
            client = Client([LoadInfo(route, 1)], address_of(server.url))
            reply = asyncio.get_running_loop().create_future()
            client.send(Arrival(0, 0, 3), reply.set_result)
            sent_ns = (await reply).sent_ns
            client.close()
            return server.requests[0].split(b"\r\n"), sent_ns, server.url

    (first, *headers), sent_ns, url = asyncio.run(main())
    assert first == line
    assert b"host: " + url.removeprefix("http://").encode() in headers
    assert b"x-loopviz-sent: %d" % sent_ns in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_request_without_a_body_says_so(method):
    _, server = statuses(OK, routes=(LoadInfo(f"{method} /a", 1),))
    assert b"\r\ncontent-length: 0\r\n" in server.requests[0]


def test_headers_and_a_body_with_the_arrival_s_number(tmp_path):
    (tmp_path / "order.json").write_text('{"item": {n}}')
    headers = ("Accept: text/html", "authorization: Bearer x")
    route = LoadInfo("POST /a", 1, headers=headers, body=str(tmp_path / "order.json"))

    async def main():
        received, closed = asyncio.get_running_loop().create_future(), asyncio.Event()

        async def serve(reader, writer):
            head = await reader.readuntil(b"\r\n\r\n")
            received.set_result((head, await reader.readexactly(12)))
            writer.write(OK)
            await reader.read()  # until the client closes
            writer.close()
            await writer.wait_closed()
            closed.set()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            client, done = Client([route], address_of(f"http://127.0.0.1:{port}")), asyncio.Event()
            client.send(Arrival(0, 0, 42, None), lambda _reply: done.set())
            await done.wait()
            client.close()
            await closed.wait()
        return await received

    head, body = asyncio.run(main())
    assert body == b'{"item": 42}'
    lines = head.split(b"\r\n")
    assert {b"Accept: text/html", b"authorization: Bearer x", b"content-length: 12"} <= set(lines)
    assert b"content-type: application/json" in lines
    assert not [line for line in lines if line == b"accept: */*"]
    assert lines[-3].startswith(b"x-loopviz-sent: ")  # the last header: the probe looks there


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "https://127.0.0.1:1",
        "http://127.0.0.1.example.org",
        "http://user@127.0.0.1:1",
        "http://127.0.0.1@example.org",
        "http://[::1",
        "http://127.0.0.1:70000",
        "",
    ],
)
def test_nothing_is_sent_to_another_host(url):
    with pytest.raises(LoopvizError, match="The load "):
        address_of(url)


def test_an_unused_connection_is_closed_before_its_server_does(monkeypatch):
    assert IDLE_NS < 5 * SECOND, "uvicorn's own limit"
    monkeypatch.setattr("loopviz.lab.load.client.IDLE_NS", 0)
    got, server = statuses(OK, OK, count=2)
    assert got == [200, 200]
    assert server.connections == 2


def test_deadlines_take_one_timer_and_report_in_order(virtual):
    async def main(loop):
        expired = []
        deadlines = Deadlines(1.0, lambda who: expired.append((who, loop.clock())), loop.clock)
        timers = []
        call_at = loop.call_at
        loop.call_at = lambda when, *args, **more: (
            timers.append(when) or call_at(when, *args, **more)
        )
        begun = []
        for who in range(10):
            begun.append(loop.clock())
            deadlines.add(who)
            if who % 3:
                deadlines.discard(who)
            await asyncio.sleep(0.01)
        ours = sum(1 for when in timers if when * SECOND >= begun[0] + 0.9 * SECOND)
        await asyncio.sleep(2)
        return expired, begun, ours

    expired, begun, ours = virtual(main)
    assert [who for who, _ in expired] == [0, 3, 6, 9]
    for who, at_ns in expired:
        assert at_ns == pytest.approx(begun[who] + SECOND, abs=2)
    assert ours == 1
