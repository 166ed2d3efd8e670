"""A mail server: real sockets, and a loop of its own in a thread that loopviz does not watch.

It says `220 ready`, takes an order's number, and answers `250 ok`, or `451 try again later`.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

__all__ = ["mail_server"]


@contextmanager
def mail_server(deliver: Callable[[int], bool], delay_s: float = 0.2) -> Iterator[tuple[str, int]]:
    """Its address. It says nothing before `delay_s`; then it calls `deliver`, in its thread.

    If that returns False it refuses the mail: the sender may try again.
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


async def _serve(
    deliver: Callable[[int], bool],
    delay_s: float,
    address: "Future[tuple[str, int]]",
    over: "Future[None]",
) -> None:
    senders = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        senders.add(writer)
        with contextlib.suppress(OSError, ValueError):  # it has gone, or talks nonsense
            await asyncio.sleep(delay_s)
            writer.write(b"220 ready\n")
            order = int(await reader.readline())
            writer.write(b"250 ok\n" if deliver(order) else b"451 try again later\n")
        writer.close()
        senders.discard(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0, backlog=1000)
    address.set_result(server.sockets[0].getsockname())
    await asyncio.wrap_future(over)
    server.close()
    for writer in senders:
        writer.transport.abort()
