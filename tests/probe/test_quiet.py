"""The watchdog's waiting without the GIL, of the native core: what ends it, and what does not."""

import asyncio
import hashlib
import threading
import time

import pytest

from loopviz.clock import MS, SECOND, monotonic_ns
from loopviz.probe import install
from loopviz.probe.cpu_time import LoopThread
from loopviz.probe.install import make_quiet
from tests.support.cores import native_core
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, native_core]

PATIENCE_NS, LATE_NS = 10 * MS, 2 * MS


class Waiter:
    """A thread that waits once, for what happens on the thread that has made it."""

    def __init__(self, hooks, *, by_records=False, due=0):
        self.quiet = make_quiet(hooks, PATIENCE_NS, by_records)
        self.loop_thread = LoopThread(threading.get_ident(), monotonic_ns)
        self.due, self.found, self.began, self.ended = due, None, 0, threading.Event()
        fd = self.loop_thread.kernel.fd_of_core_waits()
        self.quiet.watch(self.loop_thread.clock_id, fd, [])
        self.thread = threading.Thread(target=self._wait)

    def _wait(self):
        last = self.loop_thread.last
        self.began = monotonic_ns()
        due = self.due or self.began + PATIENCE_NS
        self.found = self.quiet.wait(due, last, last, 0)
        self.ended.set()

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: self.began, what="the waiter's start")
        return self

    def __exit__(self, *_):
        self.quiet.stop()
        self.thread.join()
        self.loop_thread.close()


def run(main, tmp_path):
    """Run it on a recorded loop, with its probe."""

    async def watched():
        with install(path=tmp_path / "probe", watchdog=False, heartbeat_s=None) as probe:
            await main(probe)

    asyncio.run(watched())


def test_it_ends_once_a_callback_has_run_for_the_patience(tmp_path):
    async def main(probe):
        with Waiter(probe.hooks) as waiter:
            await asyncio.sleep(0)
            began, _ = probe.hooks.running()
            assert waiter.ended.wait(10), "this callback holds the loop"
            now = monotonic_ns()
            was_late = now - waiter.quiet.due >= LATE_NS
            assert now - began >= PATIENCE_NS or was_late
            assert waiter.found.at_ns <= began, "all its time is to be told"

    run(main, tmp_path)


def test_it_goes_on_for_a_second_while_callbacks_are_short(tmp_path):
    """On a busy machine rounds come late, and each of these is looked at: not at the first try."""

    async def main(probe):
        most = 0
        until = monotonic_ns() + 20 * SECOND
        while most < 5 and monotonic_ns() < until:
            with Waiter(probe.hooks) as waiter:
                while not waiter.ended.is_set():
                    await asyncio.sleep(0.001)
            assert waiter.found is not None
            most = max(most, waiter.quiet.rounds)
        assert most >= 5

    run(main, tmp_path)


def test_stop_ends_it_now_or_when_it_begins(tmp_path):
    async def main(probe):
        with Waiter(probe.hooks, due=monotonic_ns() + 3600 * SECOND) as waiter:
            pass
        assert waiter.found is None
        waiter = Waiter(probe.hooks, due=monotonic_ns() + 3600 * SECOND)
        waiter.quiet.stop()
        waiter.thread.start()
        waiter.thread.join(10)
        assert not waiter.thread.is_alive()
        assert waiter.found is None
        waiter.loop_thread.close()

    run(main, tmp_path)


def test_threads_that_compute_end_it(tmp_path):
    async def main(probe):
        computes = threading.Event()

        def compute():
            block = bytes(1 << 20)
            while not computes.is_set():
                hashlib.sha256(block)

        thread = threading.Thread(target=compute)
        thread.start()
        with Waiter(probe.hooks) as waiter:
            while not waiter.ended.is_set():
                await asyncio.sleep(0.001)
            took = waiter.found.at_ns - waiter.began
        computes.set()
        thread.join()
        assert waiter.found is not None
        assert took < SECOND // 2

    run(main, tmp_path)


def test_a_loop_that_is_not_recorded_any_more_ends_it(tmp_path):
    async def main(probe):
        with Waiter(probe.hooks) as waiter:
            probe.hooks.abandon()
            assert waiter.ended.wait(10)
        assert waiter.found is not None

    run(main, tmp_path)


def test_where_the_start_of_a_callback_says_nothing_records_do(tmp_path):
    async def main(probe):
        with Waiter(probe.hooks, by_records=True):
            until = monotonic_ns() + 30 * MS
            while monotonic_ns() < until:
                probe.hooks.write(monotonic_ns(), 0, 0)
                time.sleep(0.001)
        with Waiter(probe.hooks, by_records=True) as silent:
            assert silent.ended.wait(10)
        assert silent.quiet.rounds <= 2

    run(main, tmp_path)


def test_no_clock_but_the_systems_can_be_read_without_the_gil(tmp_path):
    async def main(probe):
        assert make_quiet(probe.hooks._replace(native=None), PATIENCE_NS, False) is None

    run(main, tmp_path)
