"""A mail server with real sockets, on its own loop in a thread that loopviz does not watch.

It sends `220 ready`, reads an order's number, and answers `250 ok`; the first mail of every eighth
order gets `451 try again later`, as from servers with greylisting.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

__all__ = ["mail_server", "send_mail"]


@contextmanager
def mail_server(
    deliver: Callable[[int], object], delay_s: float = 0.2
) -> Iterator[tuple[str, int]]:
    """Run the server. Yields its address; it sends nothing before `delay_s`.

    In its thread it calls `deliver` with the order of each mail that it accepts, also if the same
    mail is sent again.
    """
    address: Future[tuple[str, int]] = Future()
    over: Future[None] = Future()
    serving = _serve(deliver, delay_s, address, over)
    thread = threading.Thread(target=asyncio.run, args=(serving,), name="mail server", daemon=True)
    thread.start()
    try:
        yield address.result()
    finally:
        over.set_result(None)
        thread.join()


async def send_mail(address: tuple[str, int], order: int) -> None:
    """Send the mail for that order. Raises ConnectionError if it is refused."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        await reader.readline()
        writer.write(b"%d\n" % order)
        reply = await reader.readline()
    finally:
        writer.close()
    if not reply.startswith(b"250"):
        raise ConnectionError(f"the mail for order {order} was refused: {reply.decode().strip()}")


async def _serve(
    deliver: Callable[[int], object],
    delay_s: float,
    address: "Future[tuple[str, int]]",
    over: "Future[None]",
) -> None:
    senders = set()
    refused = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        senders.add(writer)
        with contextlib.suppress(OSError, ValueError):  # the client has gone, or sent no number
            await asyncio.sleep(delay_s)
            writer.write(b"220 ready\n")
            order = int(await reader.readline())
            if order % 8 == 7 and order not in refused:
                refused.add(order)
                writer.write(b"451 try again later\n")
            else:
                deliver(order)
                writer.write(b"250 ok\n")
        writer.close()
        senders.discard(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0, backlog=1000)
    address.set_result(server.sockets[0].getsockname())
    await asyncio.wrap_future(over)
    server.close()
    for writer in senders:
        writer.transport.abort()
