"""The load's own event loop."""

import asyncio
import socket
import sys
import time

import pytest

from loopviz.clock import MS, monotonic_ns
from loopviz.lab.load.precise_loop import READY_MAX, idle_clock, new_loop, readable_since


@pytest.mark.skipif(sys.platform == "win32", reason="the usual loop is used there")
def test_a_thousand_replies_do_not_keep_an_arrival_waiting():
    """All of them are served, in small portions, and what is due has its turn between."""
    served = []
    order = []
    pairs = [socket.socketpair() for _ in range(100)]

    async def main():
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def reply(there, here):
            there.recv(1)
            served.append(there)
            order.append("reply")
            loop.remove_reader(there)
            here.close()
            if len(served) == len(pairs):
                done.set_result(None)

        def arrival():
            order.append("arrival")
            if not done.done():
                loop.call_later(0, arrival)

        for there, here in pairs:
            here.send(b"x")
            loop.add_reader(there, reply, there, here)
        arrival()
        await done

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    for there, _ in pairs:
        there.close()
    assert len(set(served)) == len(pairs)
    between = "".join("a" if x == "arrival" else "r" for x in order).split("a")
    assert max(map(len, between)) <= READY_MAX


def test_timers_fire_in_order_and_not_early():
    async def main():
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        fired = []
        for delay_s in (0.003, 0.001, 0.0005, 0.002):
            due_s = start_s + delay_s
            loop.call_at(due_s, lambda due_s=due_s: fired.append((due_s, loop.time())))
        await asyncio.sleep(0.01)
        return fired

    with asyncio.Runner(loop_factory=new_loop) as runner:
        fired = runner.run(main())
    assert [due for due, _ in fired] == sorted(due for due, _ in fired)
    assert len(fired) == 4
    assert all(at - due > -1e-6 for due, at in fired)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the loop does not know")
def test_what_is_read_late_has_come_when_it_came():
    """Of many replies at once the last are read late, by the load's own doing."""
    pairs = [socket.socketpair() for _ in range(50)]
    read = []

    async def main():
        loop = asyncio.get_running_loop()
        since, done = readable_since(loop), loop.create_future()

        def reply(there, here):
            read.append((since(there.fileno()), monotonic_ns()))
            there.recv(1)
            time.sleep(0.001)
            loop.remove_reader(there)
            here.close()
            if len(read) == len(pairs):
                done.set_result(None)

        for there, here in pairs:
            loop.add_reader(there, reply, there, here)
        for _, here in pairs:
            here.send(b"x")
        await done

    began = monotonic_ns()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    for there, _ in pairs:
        there.close()
    came = {at for at, _ in read}
    assert len(came) == 1
    assert read[-1][1] - read[-1][0] >= 40 * MS
    assert min(came) >= began


def test_the_loop_knows_how_long_it_had_nothing_to_do():
    async def main():
        idle = idle_clock(asyncio.get_running_loop())
        if idle is None:
            pytest.skip("it does not know on this platform")
        before = idle()
        await asyncio.sleep(0.05)
        slept = idle() - before
        time.sleep(0.05)
        return slept, idle() - before

    with asyncio.Runner(loop_factory=new_loop) as runner:
        slept, then = runner.run(main())
    assert slept >= 40 * MS
    assert then == slept
