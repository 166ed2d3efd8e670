"""The open loop in virtual time, and the outbox on a pipe that no one reads."""

import asyncio
import dataclasses
import math
import os

import pytest

from loopviz.clock import MS, SECOND
from loopviz.errors import LoopvizError, UsageError
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.address import address_of
from loopviz.lab.load.client import Client
from loopviz.lab.load.config import LoadConfig
from loopviz.lab.load.ledger import Ledger, Reply
from loopviz.lab.load.open_loop import OpenLoop
from loopviz.lab.load.outbox import Outbox
from loopviz.lab.load.schedule import ArrivalSchedule
from loopviz.options import RunOptions
from loopviz.wire.control import LoadStopped, messages
from loopviz.wire.samples import Sample
from tests.lab.load.conftest import calling_back

ROUTES = (LoadInfo("GET /a", 100), LoadInfo("GET /b", 20, "constant"))
ALL = (LoadInfo("GET /a/{n}", 5, copies=2, leaves=0.5, leaves_within_s=2.0), *ROUTES)
ORIGIN_NS = 3 * SECOND


def open_loop(loop, answer, **more):
    """`answer()` is awaited for each request."""

    async def send(_arrival):
        sent_ns = loop.clock()
        await answer()
        return Reply(sent_ns, loop.clock(), 200)

    schedule = ArrivalSchedule(ROUTES, seed=1)
    load = OpenLoop(
        schedule,
        calling_back(send),
        Ledger(len(ROUTES)),
        range(len(ROUTES)),
        ORIGIN_NS,
        clock=loop.clock,
        **more,
    )
    load.start()
    return load


def scheduled(seconds):
    due = ArrivalSchedule(ROUTES, seed=1).due(seconds * SECOND)
    return [(ORIGIN_NS + arrival.offset_ns, arrival.route) for arrival in due]


async def sleep_until(loop, offset_s):
    await asyncio.sleep((ORIGIN_NS - loop.clock()) / SECOND + offset_s)


def test_every_arrival_is_sent_when_it_is_due(virtual):
    async def main(loop):
        load = open_loop(loop, lambda: asyncio.sleep(0.001))
        await sleep_until(loop, 5.5)
        load.stop()
        return load.ledger.take(), sum(load.ledger.sent), sum(load.ledger.in_flight)

    samples, sent, in_flight = virtual(main)
    assert {s.sent_ns - s.scheduled_ns for s in samples} <= {0, 1, 2}
    wanted = scheduled(5.5)
    assert sorted((s.scheduled_ns, s.route) for s in samples) == wanted[: len(samples)]
    assert len(wanted) == sent == len(samples) + in_flight
    assert in_flight <= 2


def test_a_stalled_server_delays_no_arrival(virtual):
    async def main(loop):
        awake = asyncio.Event()
        load = open_loop(loop, awake.wait)
        await sleep_until(loop, 4)
        assert load.ledger.take() == []
        assert load.ledger.sent == load.ledger.in_flight
        assert sum(load.ledger.sent) == len(scheduled(4))
        load.stop()
        awake.set()
        await asyncio.sleep(0.1)
        return load.ledger.take(), load

    samples, load = virtual(main)
    assert [(s.scheduled_ns, s.route) for s in samples] == scheduled(4)
    assert {s.sent_ns - s.scheduled_ns for s in samples} <= {0, 1, 2}
    assert all(s.done_ns >= ORIGIN_NS + 4 * SECOND for s in samples)
    assert load.ledger.in_flight == [0, 0]


def test_a_late_load_says_so(virtual):
    """If the load itself cannot run for a second, samples keep the scheduled times."""

    async def main(loop):
        load = open_loop(loop, lambda: asyncio.sleep(0))
        await sleep_until(loop, 1)
        loop.clock.advance(SECOND)  # as if something had blocked the loop
        await asyncio.sleep(0.001)
        load.stop()
        await asyncio.sleep(0.1)
        return load.ledger.take()

    samples = virtual(main)
    late = [s for s in samples if s.sent_ns - s.scheduled_ns > 5 * MS]
    assert len(late) > 80
    assert {s.sent_ns for s in late} == {max(s.sent_ns for s in late)}
    assert [(s.scheduled_ns, s.route) for s in samples] == scheduled(2.001)[: len(samples)]


def test_what_would_be_too_many_in_flight_is_shed_and_counted(virtual):
    async def main(loop):
        load = open_loop(loop, asyncio.Event().wait, in_flight_max=50)
        await sleep_until(loop, 2)
        load.stop()
        return (
            load.ledger.take(),
            sum(load.ledger.sent),
            sum(load.ledger.in_flight),
            sum(load.ledger.shed),
        )

    samples, sent, in_flight, shed = virtual(main)
    assert sent == in_flight == 50
    assert shed == len(scheduled(2)) - 50
    assert samples == []


def test_the_rate_changes_at_once_and_back(virtual):
    async def main(loop):
        load = open_loop(loop, lambda: asyncio.sleep(0))
        counts = []
        for i, factor in enumerate([1, 10, 0, 1]):
            load.set_rate(factor)
            before = sum(load.ledger.sent)
            await sleep_until(loop, (i + 1) * 2)
            counts.append(sum(load.ledger.sent) - before)
        load.stop()
        return counts

    usual, much, none, again = virtual(main)
    assert usual == pytest.approx(240, rel=0.25)
    assert much == pytest.approx(2400, rel=0.1)
    assert none == 0
    assert again == pytest.approx(240, rel=0.25)


class Source:
    def __init__(self, samples):
        self.samples = samples
        self.sent, self.in_flight, self.shed = [len(samples)], [0], [0]

    def take(self):
        taken, self.samples = self.samples, []
        return taken

    def waiting(self, before_ns):
        return []


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def read(fd, outbox):
    """Everything in the pipe and the outbox, as messages."""
    os.set_blocking(fd, False)
    said = b""
    while True:
        try:
            said += os.read(fd, 1 << 20)
        except BlockingIOError:
            return list(messages(said.splitlines()))
        outbox.report(Source([]))


def test_a_parent_that_does_not_read_costs_samples_and_not_time(pipe):
    outbox = Outbox(pipe[1], clock=lambda: 0, backlog_max=3_000)
    samples = [Sample(0, i, i, i, 200) for i in range(20_000)]
    for i in range(0, 20_000, 100):
        outbox.report(Source(samples[i : i + 100]))
    assert outbox.dropped > 0
    reports = read(pipe[0], outbox)
    got = [sample.scheduled_ns for report in reports for sample in report.samples]
    assert got == sorted(set(got))
    assert got[-1] == 19_999
    assert len(got) + outbox.dropped == 20_000
    assert reports[-1].dropped == outbox.dropped


def test_nothing_new_is_said_only_as_a_sign_of_life(pipe):
    now_ns = 10 * SECOND
    outbox = Outbox(pipe[1], clock=lambda: now_ns)
    for _ in range(21):
        outbox.report(Source([]))
        now_ns += 50 * MS
    assert len(read(pipe[0], outbox)) == 3


def test_how_busy_the_load_is_is_said_of_each_stretch(pipe):
    """Idle for 40 of 50 ms, then not at all."""
    now_ns = idle_ns = 0
    outbox = Outbox(pipe[1], clock=lambda: now_ns)
    outbox.idle = lambda: idle_ns
    for more_ns in (40 * MS, 0):
        now_ns, idle_ns = now_ns + 50 * MS, idle_ns + more_ns
        outbox.report(Source([Sample(0, 1, 1, 1, 200)]))
    assert [report.busy for report in read(pipe[0], outbox)][:2] == [0.2, 1.0]


def test_a_parent_that_is_gone_is_no_error():
    reading, writing = os.pipe()
    outbox = Outbox(writing)
    os.close(reading)
    outbox.send(LoadStopped())
    os.close(writing)


def test_users_who_wait_ask_for_nothing_else(virtual):
    async def main(loop):
        load = open_loop(loop, lambda: asyncio.sleep(1), at_once=(7, 0))
        most = 0
        for tenth in range(1, 40):
            await sleep_until(loop, tenth / 10)
            most = max(most, load.ledger.in_flight[0])
        load.stop()
        return most, load

    most, load = virtual(main)
    assert most == 7
    assert 7 * 3 <= load.ledger.sent[0] <= 7 * 4, "seven a second, though a hundred are due"
    assert load.ledger.sent[1] == sum(route for _, route in scheduled(3.9)), (
        "the other route is as it was"
    )
    assert load.ledger.shed == [0, 0]


@pytest.mark.parametrize(
    "change",
    [
        {"routes": (LoadInfo("GET", 1),)},
        {"routes": (LoadInfo("/report", 1),)},
        {"routes": (LoadInfo("GET /a", 1, "sometimes"),)},
        {"routes": (LoadInfo("GET /a", -1),)},
        {"routes": (LoadInfo("GET /a", math.nan),)},
        {"routes": (LoadInfo("GET /a", 1, timeout_s=0),)},
        {"routes": (LoadInfo("GET /a", 1, copies=0),)},
        {"routes": (LoadInfo("GET /a", 1, leaves=1.5),)},
        {"routes": (LoadInfo("GET /a", 1, leaves=-0.1),)},
        {"routes": (LoadInfo("GET /a", 1, leaves_within_s=0),)},
        {"routes": (LoadInfo("GET /a", 1, at_once=-1),)},
        {"options": RunOptions(rate=-1)},
        {"options": RunOptions(rate=math.inf)},
    ],
)
def test_a_wrong_config_is_refused_in_one_sentence(change):
    config = LoadConfig(url="http://127.0.0.1:1", routes=ROUTES)
    config.check()
    with pytest.raises(LoopvizError, match=r"\.$"):
        dataclasses.replace(config, **change).check()


@pytest.mark.parametrize(
    "url", ["http://example.org", "http://localhost:80", "https://127.0.0.1", "127.0.0.1:80", ":"]
)
def test_no_other_machine_is_ever_loaded(url):
    with pytest.raises(LoopvizError, match="load"):
        address_of(url)


def test_a_route_is_a_method_and_a_path():
    with pytest.raises(UsageError, match="GET /report"):
        Client([LoadInfo("report", 1)], address_of("http://127.0.0.1:1"))
