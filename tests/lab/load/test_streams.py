"""Clients of WebSockets and of events against servers that answer in every way."""

import asyncio
import base64
import hashlib
from contextlib import asynccontextmanager, suppress

import pytest

from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.address import address_of
from loopviz.lab.load.events import Events
from loopviz.lab.load.frames import CLOSE, PING, PONG, TEXT, Frames, frame
from loopviz.lab.load.ledger import Ledger
from loopviz.lab.load.schedule import Arrival
from loopviz.lab.load.streams import Streams
from loopviz.wire.samples import CONNECTION, NO_EVENT, TIMEOUT

KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@asynccontextmanager
async def serving(answer):
    """The address of a server; `answer(head, reader, writer)` is awaited for each connection."""
    tasks = []

    async def serve(reader, writer):
        tasks.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await answer(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield address_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()
    await asyncio.gather(*tasks)
    await asyncio.sleep(0)


def drive(answer, route):
    """One client's whole life: the statuses of each row, and whether it got any response."""

    async def main():
        async with serving(answer) as address:
            ledger, over = Ledger(2), asyncio.get_running_loop().create_future()
            streams = Streams(route, 0, ledger, address)
            streams.begin(Arrival(0, 0, 7), ledger.opened(0, 0), over.set_result)
            answered = await over
            samples = ledger.take()
            assert ledger.in_flight == [0, 0]
            assert not streams.held
            return [[s.status for s in samples if s.route == row] for row in (0, 1)], answered

    return asyncio.run(main())


# ---- WebSockets


async def accept(head, writer):
    key = next(line for line in head.split(b"\r\n") if line.startswith(b"sec-websocket-key: "))
    digest = hashlib.sha1(key.partition(b": ")[2] + KEY).digest()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


async def client_frame(reader):
    """The kind and content of a frame, which must be masked."""
    kind, size = await reader.readexactly(2)
    assert size & 0x80
    size &= 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2))
    mask, data = await reader.readexactly(4), await reader.readexactly(size)
    return kind & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


def server_frame(kind, content=b"", final=True):
    size = len(content)
    head = bytes([(0x80 if final else 0) | kind])
    head += bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2)
    return head + content


def test_messages_are_sent_one_after_the_other():
    heard = []

    async def echo(head, reader, writer):
        await accept(head, writer)
        while True:
            kind, content = await client_frame(reader)
            heard.append((kind, content))
            if kind == CLOSE:
                return
            writer.write(server_frame(kind, content))

    rows, answered = drive(echo, LoadInfo("WS /chat", 1, messages=3))
    assert rows == [[200], [200, 200, 200]]
    assert answered
    assert heard == [
        (TEXT, b'{"n": 7}'),
        (TEXT, b'{"n": 8}'),
        (TEXT, b'{"n": 9}'),
        (CLOSE, b"\x03\xe8"),
    ]


def test_a_ping_is_answered_and_a_message_in_parts_is_one():
    heard = []

    async def parts(head, reader, writer):
        await accept(head, writer)
        writer.write(server_frame(PING, b"?"))
        heard.append(await client_frame(reader))
        heard.append(await client_frame(reader))
        for part in (
            server_frame(TEXT, b"a", False),
            server_frame(PING),
            server_frame(0, b"b" * 200),
        ):
            writer.write(part)
            await writer.drain()
        heard.append(await client_frame(reader))

    rows, _ = drive(parts, LoadInfo("WS /chat", 1))
    assert rows == [[200], [200]]
    assert sorted(heard) == [(TEXT, b'{"n": 7}'), (PONG, b""), (PONG, b"?")]


async def refuse(head, reader, writer):
    writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")


async def close_at_once(head, reader, writer):
    await accept(head, writer)
    writer.write(server_frame(CLOSE, b"\x03\xe8"))
    await reader.read()


async def another_key(head, reader, writer):
    await accept(head.replace(b"sec-websocket-key: ", b"sec-websocket-key: x"), writer)


async def nonsense(head, reader, writer):
    await accept(head, writer)
    writer.write(b"\xff\xff\xff")
    await reader.read()


async def vanish(head, reader, writer):
    return


async def hang(head, reader, writer):
    await reader.read()


@pytest.mark.parametrize(
    ("answer", "rows", "answered"),
    [
        (refuse, [[403], []], True),
        (close_at_once, [[200], [CONNECTION]], True),
        (another_key, [[CONNECTION], []], False),
        (nonsense, [[200], [CONNECTION]], True),
        (vanish, [[CONNECTION], []], False),
        (hang, [[TIMEOUT], []], False),
    ],
)
def test_each_end_of_a_websocket_is_told(answer, rows, answered):
    assert drive(answer, LoadInfo("WS /chat", 1, timeout_s=0.2)) == (rows, answered)


def test_frames_of_every_size():
    for size in (0, 1, 125, 126, 65_535, 65_536):
        sent = frame(TEXT, b"x" * size)
        assert len(sent) == size + 4 + (2 if size < 126 else 4 if size < 65_536 else 10)
    frames = Frames()
    long = bytes([0x82, 127]) + (70_000).to_bytes(8) + b"y" * 70_000
    found = [each for byte in (long[:5], long[5:100], long[100:]) for each in frames.feed(byte)]
    assert [(kind, len(content)) for kind, content in found] == [(2, 70_000)]


# ---- events

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def events(*parts, whole=True):
    async def answer(head, reader, writer):
        assert b"accept: text/event-stream\r\n" in head
        writer.write(HEAD)
        for part in parts:
            writer.write(b"%x\r\n%b\r\n" % (len(part), part))
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write(b"0\r\n\r\n" if whole else b"")

    return answer


@pytest.mark.parametrize(
    ("answer", "clients", "rows", "answered"),
    [
        (events(b"data: 1\n\n", b"data: 2\n\n"), 1, [[200], [200]], True),
        (events(b"data: 1\n\n", b"data: 2\n\n"), 0, [[200], []], True),
        (events(b": alive\n\n", b"data: 1\n\n", whole=False), 1, [[200], [CONNECTION]], True),
        (events(b": alive\n\n"), 1, [[NO_EVENT], []], True),
        (refuse, 1, [[403], []], True),
        (vanish, 1, [[CONNECTION], []], False),
        (hang, 1, [[TIMEOUT], []], False),
    ],
)
def test_each_end_of_a_stream_is_told(answer, clients, rows, answered):
    route = LoadInfo("SSE /events", 0, clients=clients, timeout_s=0.2)
    assert drive(answer, route) == (rows, answered)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_an_event_ends_with_a_blank_line_if_it_has_data(size):
    stream = b": hi\n\ndata: a\ndata: b\n\nid: 3\n\nevent: x\r\ndata\r\n\r\ndata: c\r\rdata: d"
    found = Events()
    assert sum(found.feed(stream[i : i + size]) for i in range(0, len(stream), size)) == 3
