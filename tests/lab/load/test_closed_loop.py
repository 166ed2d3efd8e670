"""The closed loop in virtual time."""

import asyncio

import pytest

from loopviz.clock import MS, SECOND
from loopviz.lab.load.closed_loop import AGAIN_NS, ClosedLoop, Crowd
from loopviz.lab.load.ledger import Ledger, Reply
from loopviz.wire.samples import CONNECTION


class Target:
    """Answers after a time, or not at all; `most` is how many it had to do with at once."""

    def __init__(self, loop, takes_s, status=200):
        self.loop, self.takes_s, self.status = loop, takes_s, status
        self.now = self.most = 0
        self.arrivals = []

    def begin(self, arrival, done, over):
        sent_ns = self.loop.clock()
        self.arrivals.append(arrival)
        self.now += 1
        self.most = max(self.most, self.now)

        def end():
            self.now -= 1
            done(Reply(sent_ns, self.loop.clock(), self.status))
            over(self.status > 0)

        self.loop.call_later(self.takes_s, end)


def closed(loop, target, *sizes, **more):
    ledger = Ledger(len(sizes))
    crowds = [Crowd(i, i, size) for i, size in enumerate(sizes)]
    load = ClosedLoop(crowds, target.begin, ledger, clock=loop.clock, **more)
    load.start(loop.clock())
    return load, ledger


def test_each_client_sends_when_its_last_request_is_answered(virtual):
    async def main(loop):
        target = Target(loop, 0.1)
        load, ledger = closed(loop, target, 3)
        await asyncio.sleep(1.05)
        load.stop()
        await asyncio.sleep(1)
        return target, ledger

    target, ledger = virtual(main)
    assert target.most == 3
    assert ledger.sent == [33]
    assert ledger.in_flight == [0]
    samples = ledger.take()
    assert {s.scheduled_ns - s.sent_ns for s in samples} == {0}
    assert {round((s.done_ns - s.sent_ns) / MS) for s in samples} == {100}
    assert [arrival.number for arrival in target.arrivals] == list(range(33))


@pytest.mark.parametrize(("factor", "wanted"), [(2.0, 8), (0.5, 2), (0.1, 1), (0.0, 0)])
def test_the_rate_scales_the_number_of_clients(virtual, factor, wanted):
    async def main(loop):
        target = Target(loop, 0.1)
        load, _ = closed(loop, target, 4)
        await asyncio.sleep(0.55)
        load.set_rate(factor)
        await asyncio.sleep(0.52)
        now = target.now
        load.set_rate(1.0)
        await asyncio.sleep(0.52)
        return now, target.now

    assert virtual(main) == (wanted, 4)


def test_a_client_that_is_refused_does_not_knock_all_the_time(virtual):
    async def main(loop):
        target = Target(loop, 0, CONNECTION)
        _, ledger = closed(loop, target, 1)
        await asyncio.sleep(1.05)
        return ledger.sent

    assert virtual(main) == [1 + SECOND // AGAIN_NS]


def test_it_ends_with_its_time_and_each_route_has_its_own_clients(virtual):
    async def main(loop):
        target = Target(loop, 0.1)
        _, ledger = closed(loop, target, 1, 2, end_ns=loop.clock() + SECOND // 2)
        await asyncio.sleep(2)
        return ledger.sent, ledger.in_flight

    assert virtual(main) == ([5, 10], [0, 0])
