"""What was sent is accounted for: each request has one outcome, or has no answer yet."""

import asyncio
import os
from itertools import cycle

import pytest

from loopviz.clock import MS, SECOND
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.ledger import Ledger, Reply
from loopviz.lab.load.open_loop import OpenLoop
from loopviz.lab.load.outbox import LATE_NS, Outbox
from loopviz.lab.load.schedule import ArrivalSchedule
from loopviz.model.model import Model
from loopviz.model.totals import run_totals
from loopviz.report.build import build_report
from loopviz.wire.control import decode
from loopviz.wire.samples import CONNECTION, LEFT, TIMEOUT
from tests.lab.load.conftest import calling_back

ROUTES = (LoadInfo("GET /a", 200), LoadInfo("GET /b", 40, "constant"))
NEVER = None
OUTCOMES = (200, 302, 404, 500, 503, TIMEOUT, CONNECTION, LEFT, NEVER)


class Parent:
    """The parent's end of the pipe, and the model that it feeds."""

    def __init__(self):
        self.reading, writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.outbox = Outbox(writing, backlog_max=100)
        self.model = Model([(route.route, route.rps) for route in ROUTES])
        self._unread = b""

    def read(self):
        """Take in what is there."""
        try:
            self._unread += os.read(self.reading, 1 << 16)
        except BlockingIOError:
            return
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            report = decode(line)
            counts = report.sent, report.in_flight, report.shed
            more = report.waiting, report.outcomes, report.at_ns
            self.model.feed_load(report.samples, *counts, *more)


def one_load(virtual, parent, outcomes, *, reads=True, in_flight_max=2_000, seconds=6):
    """Requests of these outcomes, in turn, and the report at the end."""
    ends = cycle(outcomes)

    async def main(loop):
        async def send(_arrival):
            sent_ns, status = loop.clock(), next(ends)
            await asyncio.sleep(0.05)
            if status is NEVER:
                await loop.create_future()
            return Reply(sent_ns, loop.clock(), status)

        schedule = ArrivalSchedule(ROUTES, seed=5)
        load = OpenLoop(
            schedule,
            calling_back(send),
            Ledger(len(ROUTES)),
            range(len(ROUTES)),
            0,
            clock=loop.clock,
            in_flight_max=in_flight_max,
        )
        parent.outbox._clock = loop.clock
        load.start()
        for _ in range(20 * seconds):
            await asyncio.sleep(0.05)
            parent.outbox.report(load.ledger)
            if reads:
                parent.read()
        load.stop()
        await asyncio.sleep(1)
        while not parent.outbox.report(load.ledger, always=True):
            parent.read()
        parent.outbox.flush()
        parent.read()
        return loop.clock(), load.ledger.sent, load.ledger.shed, list(load.ledger.in_flight)

    now, *counts = virtual(main)
    about = {"target": "x", "started_at": "", "duration_s": 1.0, "seed": 0, "fixes": []}
    return build_report(run_totals([parent.model], now), **about)["load"], *counts


def accounted(route):
    """Both sides of the equation that docs/report.md promises."""
    errors = dict(route["errors"])
    shed = errors.pop("shed", 0)
    return route["ok"] + sum(errors.values()) + route["unanswered"], route["sent"], shed


@pytest.fixture
def parent():
    parent = Parent()
    yield parent
    os.close(parent.reading)
    os.close(parent.outbox._fd)


@pytest.mark.parametrize("in_flight_max", [2_000, 60])
@pytest.mark.parametrize("reads", [True, False], ids=["read", "not read till the end"])
@pytest.mark.parametrize(
    "outcomes",
    [OUTCOMES, (NEVER,), (200,), (LEFT, TIMEOUT)],
    ids=["all", "never", "ok", "no reply"],
)
def test_every_request_is_accounted_for(virtual, parent, outcomes, reads, in_flight_max):
    routes, all_sent, all_shed, open_ = one_load(
        virtual, parent, outcomes, reads=reads, in_flight_max=in_flight_max
    )
    for route, sent, shed in zip(routes, all_sent, all_shed, strict=True):
        assert accounted(route) == (sent, sent, shed)
        assert sent > 0
    assert (sum(all_shed) > 0) is (NEVER in outcomes and in_flight_max == 60)
    assert [route["unanswered"] for route in routes] == open_
    assert (sum(open_) > 0) is (NEVER in outcomes)
    assert parent.outbox.dropped == 0 or not reads


def test_outcomes_outlive_their_samples(virtual, parent):
    """A parent that does not read loses latencies, and no count."""
    routes, *_ = one_load(virtual, parent, (200, 500), reads=False, seconds=60)
    assert parent.outbox.dropped > 1_000
    for route in routes:
        done = route["ok"] + route["errors"]["500"]
        assert done == route["sent"]
        assert route["ok"] == pytest.approx(done / 2, abs=done / 8)


def test_those_in_flight_for_long_are_told_by_when_they_were_due(virtual):
    async def main(loop):
        load = OpenLoop(
            ArrivalSchedule(ROUTES, seed=5),
            lambda _arrival, _done: None,
            Ledger(len(ROUTES)),
            range(len(ROUTES)),
            0,
            clock=loop.clock,
        )
        load.start()
        await asyncio.sleep(1)
        load.stop()
        late = load.ledger.waiting(loop.clock() - LATE_NS)
        return load.ledger.waiting(loop.clock()), late, sum(load.ledger.in_flight)

    everyone, late, in_flight = virtual(main)
    due = [(arrival.route, arrival.offset_ns) for arrival in ArrivalSchedule(ROUTES, 5).due(SECOND)]
    assert everyone == due
    assert late == [request for request in due if request[1] <= 500 * MS]
    assert len(everyone) == in_flight


def test_what_is_answered_waits_no_more(virtual):
    async def main(loop):
        answer = loop.create_future()

        async def send(_):
            await asyncio.shield(answer)
            return Reply(0, loop.clock(), 200)

        load = OpenLoop(
            ArrivalSchedule(ROUTES, 5),
            calling_back(send),
            Ledger(len(ROUTES)),
            range(len(ROUTES)),
            0,
            clock=loop.clock,
        )
        load.start()
        await asyncio.sleep(1)
        load.stop()
        answer.set_result(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return (
            load.ledger.waiting(loop.clock()),
            load.ledger.in_flight,
            len(load.ledger.take()),
            sum(load.ledger.sent),
        )

    waiting, in_flight, samples, sent = virtual(main)
    assert (waiting, in_flight, samples) == ([], [0, 0], sent)
