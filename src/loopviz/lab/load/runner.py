"""Runs the load on its event loop: start, follow messages, report, stop, stay alive."""

import asyncio
import gc
from typing import NoReturn

from loopviz.clock import MS, SECOND, monotonic_ns
from loopviz.errors import LoopvizError, WireError
from loopviz.lab.load.address import address_of
from loopviz.lab.load.config import LoadConfig, Orders, check_factor, is_question
from loopviz.lab.load.openapi import found
from loopviz.lab.load.outbox import Outbox
from loopviz.lab.load.traffic import Traffic
from loopviz.wire.control import (
    AimLoad,
    Failed,
    LoadReady,
    LoadStopped,
    SetRate,
    StopLoad,
)

__all__ = ["run"]

TICK_S = 0.05
LAST_REPLIES_NS = 1 * SECOND
"""How long requests in flight may take after the load was stopped."""


async def run(config: LoadConfig, orders: Orders, outbox: Outbox) -> NoReturn:
    """Send the load until a message stops it. Sends `ready` first and `stopped` last.

    Requests without an answer are in the last report, and keep their connections as long as the
    process lives: if their clients left, the app would cancel the handlers that hang.

    Raises LoopvizError if the configured target is not on this machine.
    """
    address = address_of(config.url)
    routes = config.routes
    if any(map(is_question, routes)):
        answer = await found(routes, address)
        routes = answer.routes
        outbox.send(answer)
    origin_ns = max(config.start_at_ns or 0, monotonic_ns())
    load = Traffic(routes, address, config.options, origin_ns, reuse=config.reuse)
    gc.collect()
    gc.freeze()  # these objects live as long as the process: later collections skip them
    ledger = load.ledger
    load.start()
    outbox.send(LoadReady(start_at_ns=origin_ns))
    while not _obey(orders, load, outbox):
        outbox.report(ledger)
        await asyncio.sleep(TICK_S)
    load.stop()
    until_ns = monotonic_ns() + LAST_REPLIES_NS
    while ledger.open and monotonic_ns() < until_ns:
        outbox.report(ledger)
        await asyncio.sleep(10 * MS / SECOND)
    load.close()
    while not outbox.report(ledger, always=True):  # noqa: ASYNC110 - a pipe that is full
        await asyncio.sleep(10 * MS / SECOND)
    outbox.send(LoadStopped())
    while True:
        await asyncio.sleep(TICK_S)
        outbox.flush()


def _obey(orders: Orders, load: Traffic, outbox: Outbox) -> bool:
    """Carry out the orders that have come; True if the load is to stop."""
    while not orders.empty():
        try:
            match orders.get():
                case SetRate(factor=factor):
                    check_factor(factor)
                    load.set_rate(factor)
                case AimLoad(url=url):
                    load.aim(address_of(url))
                case StopLoad():
                    return True
                case WireError() as error:
                    raise error
        except LoopvizError as error:
            outbox.send(Failed(why=str(error)))
    return False
