"""Healthy programs, whatever they do: no rule calls anything of them an error.

They run under the real probe on virtual time: an hour in total, and a day with `-m soak`.
"""

import asyncio
import random
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from loopviz.clock import MS, SECOND
from loopviz.engine.collector import RingReader
from loopviz.model.findings import hanging
from loopviz.model.findings.rules import lock_held_across_io
from loopviz.model.model import Model
from loopviz.probe import install
from loopviz.testing import VirtualLoop
from loopviz.wire.ring import AUX_RING, LOOP_RING
from tests.model.findings.server import Server

LASTS_S, ASKED_EVERY_S = 90, 3
"""How long a program runs, and how often the rules are asked meanwhile."""
EXAMPLES, SOAK_EXAMPLES = 40, 960
assert EXAMPLES * LASTS_S == 3600


class Route(NamedTuple):
    """What its requests do, for so many ms, with so many helpers; one comes every so many ms."""

    does: str
    ms: int
    helpers: int
    every_ms: int


KINDS = (
    "sleep",
    "gather",
    "group",
    "lock",
    "pool",
    "queue",
    "job",
    "timeout",
    "left",
    "work",
    "kept",
    "event",
)
routes = st.builds(
    Route, st.sampled_from(KINDS), st.integers(1, 80), st.integers(2, 5), st.integers(250, 1500)
)
programs = st.tuples(st.lists(routes, min_size=1, max_size=4), st.integers(0, 1 << 16))


class App:
    """The endpoints of a healthy app, and what they share."""

    def __init__(self, loop: VirtualLoop, threads: ThreadPoolExecutor) -> None:
        self.loop, self.threads = loop, threads
        self.lock, self.pool = asyncio.Lock(), asyncio.Semaphore(8)
        self.queue: asyncio.Queue[int] = asyncio.Queue(20)
        self.kept: set[asyncio.Task[None]] = set()

    async def consume(self) -> None:
        while True:
            await self.queue.get()
            await asyncio.sleep(0.004)
            self.queue.task_done()

    async def answer(self, route: Route) -> None:
        seconds = route.ms / 1000
        match route.does:
            case "gather":
                await asyncio.gather(*(asyncio.sleep(seconds) for _ in range(route.helpers)))
            case "group":
                async with asyncio.TaskGroup() as group:
                    for _ in range(route.helpers):
                        group.create_task(asyncio.sleep(seconds))
            case "lock":
                async with self.lock:
                    await asyncio.sleep(min(seconds, 0.004))
            case "pool":
                async with self.pool:
                    await asyncio.sleep(seconds)
            case "queue":
                await self.queue.put(route.ms)
                await self.queue.join()
            case "job":  # it is over at once: a thread has no part in virtual time
                job = self.threads.submit(route.does.upper)
                wait([job])
                await asyncio.wrap_future(job)
            case "timeout":
                try:
                    async with asyncio.timeout(seconds / 2):
                        await asyncio.sleep(seconds)
                except TimeoutError:
                    await asyncio.sleep(0.001)
            case "work":
                self.loop.clock.advance(min(route.ms, 18) * MS)
            case "kept":
                task = asyncio.create_task(asyncio.sleep(seconds))
                self.kept.add(task)
                task.add_done_callback(self.kept.discard)
            case "event":
                event = asyncio.Event()
                self.loop.call_later(seconds, event.set)
                await event.wait()
            case _:
                await asyncio.sleep(seconds)


async def live(app: App, server: Server, load: list[Route], seed: int) -> None:
    """Serve that load for a while."""
    dice = random.Random(seed)
    consumers = [asyncio.create_task(app.consume()) for _ in range(2)]

    async def send(route: Route) -> None:
        async def handler(_number: int) -> None:
            await app.answer(route)

        until = app.loop.time() + LASTS_S
        while app.loop.time() < until:
            await asyncio.sleep(route.every_ms * dice.uniform(0.5, 1.5) / 1000)
            task = server.get(handler, path=f"/{route.does}")
            if route.does == "left" and dice.random() < 0.5:  # its client, after a while
                app.loop.call_later(route.ms / 2000, task.cancel)

    await asyncio.gather(*(send(route) for route in load))
    await asyncio.sleep(1)  # the last ones are answered
    for consumer in consumers:
        consumer.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)


def errors(load: list[Route], seed: int) -> Iterator[str]:
    """The errors that are found in it, at any time."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(2) as threads,
        VirtualLoop() as loop,
    ):
        probe = install(
            loop,
            path=Path(folder) / "probe",
            clock=loop.clock,
            watchdog=False,
            heartbeat_s=None,
            capacity=1 << 17,
        )
        try:
            loop.run(live(App(loop, threads), Server(probe), load, seed))
        finally:
            probe.uninstall()
        events, aux = (RingReader(probe.folder / name) for name in (LOOP_RING, AUX_RING))
        (records, lost), (others, _) = events.read(), aux.read()
        assert not lost
    model = Model()
    start, end = int(records["at"][0]), int(records["at"][-1])
    for now in (*range(start, end, ASKED_EVERY_S * SECOND), end):
        cut, aux_cut = np.searchsorted(records["at"], now), np.searchsorted(others["at"], now)
        model.feed_aux(others[:aux_cut], aux.strings)
        model.feed(records[:cut], events.strings)
        records, others = records[cut:], others[aux_cut:]
        yield from (f.sentence for f in model.findings(now) if f.severity == "error")
    assert not model.health().failed_hooks


@settings(max_examples=EXAMPLES, derandomize=True, phases=[Phase.generate])
@given(programs)
def test_an_hour_of_healthy_programs(program):
    """A failure is not shrunk: that would take minutes."""
    assert list(errors(*program)) == []


@pytest.mark.soak
@settings(max_examples=SOAK_EXAMPLES)
@given(programs)
def test_a_day_of_healthy_programs(program):
    assert list(errors(*program)) == []


@pytest.mark.parametrize(
    ("rule", "thresholds"),
    [
        (hanging, {"HANGS_NS": 10 * MS, "TIMES": 0, "UNKNOWN_NS": 10 * MS}),
        (lock_held_across_io, {"_ACROSS_NS": MS, "_HOLDS": 1, "_ERROR_NS": MS, "_EACH_NS": 0}),
    ],
)
def test_a_rule_with_other_thresholds_would_be_found(rule, thresholds, monkeypatch):
    for name, value in thresholds.items():
        assert hasattr(rule, name)
        monkeypatch.setattr(rule, name, value)
    load = [Route(kind, 80, 3, 250) for kind in ("event", "lock", "lock")]
    assert list(errors(load, 1))
