"""One recording for loop after loop: what it costs may be a small share of the time."""

import asyncio
import threading

import pytest
import uvloop

from loopviz.clock import MS, SECOND
from loopviz.probe import Probe
from loopviz.probe.recording_folder import open_files
from loopviz.probe.recordings import CREDIT_NS, SHARE, Budget
from loopviz.wire.events import NUMBER, Kind
from loopviz.wire.ring import CAPACITY
from tests.support.recording import FEW, Recording
from tests.support.waiting import wait_until


class Time:
    """A clock, and the CPU time of this thread."""

    def __init__(self):
        self.now = self.spent = 5 * SECOND

    def budget(self):
        return Budget(lambda: self.now, lambda: self.spent)

    def spend(self, ns):
        self.spent += ns


def test_a_credit_is_there_at_once_and_then_a_share_of_the_time():
    time = Time()
    budget = time.budget()
    cost = CREDIT_NS // 10
    recorded = 0
    while budget.allows():
        budget.charge(lambda: time.spend(cost))
        recorded += 1
    assert recorded == 10
    time.now += round(cost / SHARE) - MS
    assert budget.allows()  # something is left: what a loop costs is known afterwards
    budget.charge(lambda: time.spend(cost))
    assert not budget.allows()
    time.now += 2 * MS
    assert budget.allows()


def test_the_credit_does_not_grow_beyond_what_it_was():
    time = Time()
    budget = time.budget()
    time.now += 3600 * SECOND
    assert budget.allows()
    budget.charge(lambda: time.spend(CREDIT_NS))
    assert not budget.allows()


@pytest.mark.parametrize(("every_ns", "expected"), [(100 * MS, 1000), (MS // 5, 174)])
def test_all_of_a_usual_rate_of_jobs_are_recorded_but_few_of_a_thousand_empty_loops(
    every_ns, expected
):
    time, recorded = Time(), 0
    budget = time.budget()
    for _ in range(1000):
        if budget.allows():
            recorded += 1
            budget.charge(lambda: time.spend(MS * 15 // 100))
        time.now += every_ns
    assert recorded == expected


def test_what_fails_is_charged_too():
    time = Time()
    budget = time.budget()

    def fail():
        time.spend(CREDIT_NS)
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        budget.charge(fail)
    assert not budget.allows()


# ---- loop after loop in the same files


@pytest.mark.parametrize("make", [asyncio.SelectorEventLoop, uvloop.new_event_loop])
def test_the_records_of_the_next_loop_follow_those_of_the_last(tmp_path, make):
    files = open_files(tmp_path / "one", FEW)
    last = []
    for _ in range(3):
        loop = make()
        probe = Probe(loop, files, watchdog=False)
        probe.install()
        loop.run_until_complete(asyncio.sleep(0))
        probe.hand_over()
        probe.hooks.write(1, 2, 3)  # by a finalizer, say: of a loop that is no more
        loop.close()
        last.append(files.loop.written)
    files.lock.release()
    seen = Recording(tmp_path / "one")
    assert len(seen.loop) == last[-1]
    assert last == sorted({*last}), "each has written, how much depends on the machine (uvloop)"
    assert 1 not in {event.at for event in seen.loop}, "nothing after its end"
    assert len(seen.of(Kind.LOOP_CLOSED)) == 3
    assert [event.at for event in seen.loop] == sorted(event.at for event in seen.loop)
    numbers = [event.task_id & NUMBER for event in seen.of(Kind.TASK_START)]
    assert len(set(numbers)) == len(numbers) == 3


@pytest.mark.real
def test_the_watchdog_follows_from_loop_to_loop_and_thread_to_thread(tmp_path):
    """Each blocks long enough to be looked at; the watchdog has gone to sleep in between."""
    files = open_files(tmp_path / "one", CAPACITY)
    kept, pause = [], threading.Event()

    def run():
        loop = asyncio.new_event_loop()
        watchdog = kept[-1] if kept else True
        probe = Probe(loop, files, watchdog=watchdog)
        probe.install()
        probe.start_watchdog()
        loop.run_until_complete(block())
        kept.append(probe.hand_over())
        loop.close()

    async def block():
        pause.wait(0.1)

    run()
    run()
    wait_until(lambda: kept[-1]._asleep, 10, "the watchdog's sleep")
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len({*kept}) == 1
    assert kept[-1].runs
    kept[-1].stop()
    assert not kept[-1].runs
    files.lock.release()
    seen = Recording(tmp_path / "one")
    started = {event.a for event in seen.aux if event.kind is Kind.STALL}
    assert len(started) == 3
    assert all(":" in event.text for event in seen.aux if event.kind is Kind.STALL)
