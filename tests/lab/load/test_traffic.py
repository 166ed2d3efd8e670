"""The whole load, in one process with the server that it is sent to."""

import asyncio
import contextlib
from collections import Counter

from loopviz.clock import monotonic_ns
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.address import address_of
from loopviz.lab.load.traffic import Traffic
from loopviz.options import RunOptions

EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


def test_every_kind_has_its_rows_and_follows_the_rate():
    """Two clients, three listeners, and arrivals; then half of each; then none."""
    listeners = Counter()

    async def serve(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            if b" /events " not in head:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                continue
            listeners["now"] += 1
            writer.write(EVENTS)
            with contextlib.suppress(ConnectionError):
                while not reader.at_eof():
                    writer.write(b"data: x\n\n")
                    await writer.drain()
                    await asyncio.sleep(0.005)
            listeners["now"] -= 1
            break

    async def safely(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()

    async def until(holds):
        async with asyncio.timeout(10):  # pytest's own may be raised within a transport
            while not holds():
                await asyncio.sleep(0.005)

    async def main():
        server = await asyncio.start_server(safely, "127.0.0.1", 0)
        routes = [
            LoadInfo("SSE /events", 0, clients=4),
            LoadInfo("GET /closed", 0, clients=2),
            LoadInfo("GET /open", 200, "constant"),
        ]
        address = address_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        load = Traffic(routes, address, RunOptions(), monotonic_ns())
        ledger = load.ledger
        load.start()
        await until(lambda: listeners["now"] == 4 and min(ledger.sent) >= 4)
        assert ledger.sent[0] == 4
        load.set_rate(0.5)
        await until(lambda: listeners["now"] == 2)
        load.set_rate(0)
        await until(lambda: not listeners["now"] and not ledger.open)
        sent = list(ledger.sent)
        await asyncio.sleep(0.05)
        assert ledger.sent == sent
        load.set_rate(1)
        await until(lambda: listeners["now"] == 4)
        load.stop()
        await until(lambda: not listeners["now"] and not ledger.open)
        load.close()
        samples = ledger.take()
        assert {sample.route for sample in samples} == {0, 1, 2, 3}
        assert {sample.status for sample in samples} == {200}
        server.close()
        await asyncio.sleep(0.02)

    asyncio.run(main())
