"""When the watchdog looks, on a clock that the test turns; and that a stack is of one moment."""

import gc
import sys
import threading

import pytest

from loopviz.clock import MS
from loopviz.probe.places import Places
from loopviz.probe.stacks import thread_frames
from loopviz.probe.watchdog import Watchdog
from loopviz.wire.events import Kind


class AuxRing:
    """In place of the aux ring: whose samples were written, and when."""

    def __init__(self, stage):
        self.stage, self.sampled = stage, []

    def intern_all(self, texts):
        return list(range(len(texts)))

    def write(self, kind, *, a, task_id, text, at):
        assert kind is Kind.STALL
        self.sampled.append((a, self.stage.now))


class Stage:
    """A loop whose callbacks run at given times, and a watchdog that waits on a clock of ours."""

    def __init__(self, *callbacks, until):
        self.now, self.callbacks, self.until = 0, callbacks, until
        self.aux_ring = AuxRing(self)
        self.lost = {}  # how long the watchdog is without the GIL in the round that began at a time

    def clock(self):
        return self.now

    def running(self):
        now = ((start, 7) for start, end in self.callbacks if start <= self.now < end)
        return next(now, (0, 0))

    def acquire(self, blocking, timeout):
        self.now += round(timeout * 1e9)
        return self.now >= self.until

    def note(self):
        self.now += self.lost.pop(self.now, 0)

    def play(self):
        thread = threading.get_ident()
        dog = Watchdog(self.running, thread, self.aux_ring, Places(), self.clock, fail)
        dog._stop, dog._cpu = self, self  # it waits, and notes CPU times, here
        dog._go_round()
        return self.aux_ring.sampled

    def starved(self):
        return False


def fail(hook, error):
    raise error


def test_a_callback_is_looked_at_every_ten_milliseconds_from_its_tenth_on():
    sampled = Stage((13 * MS, 45 * MS), until=100 * MS).play()
    assert sampled == [(13 * MS, 23 * MS), (13 * MS, 33 * MS), (13 * MS, 43 * MS)]


def test_it_looks_before_it_waits_for_the_first_time():
    """Its thread may have come to run only when the first long callback lets go of the GIL."""
    stage = Stage((1, 101 * MS), until=200 * MS)
    stage.now = 100 * MS
    assert stage.play()[0] == (1, 100 * MS)


@pytest.mark.parametrize("lost_ns", [60 * MS, 95 * MS])
def test_it_looks_at_once_after_a_round_in_which_it_lost_the_gil(lost_ns):
    """A callback in C has begun meanwhile; it is about to end when the GIL comes back."""
    stage = Stage((22 * MS, 20 * MS + lost_ns + 1), until=200 * MS)
    stage.lost = {20 * MS: lost_ns}
    assert stage.play() == [(22 * MS, 20 * MS + lost_ns)]


def test_a_stack_is_of_one_moment():
    """Of a thread that goes on meanwhile: who calls, at which line, and what is called belong."""

    def first():
        pass

    def second():
        pass

    def caller():
        while not over:
            first()
            second()

    def deep(levels):
        deep(levels - 1) if levels else caller()

    def collected(phase, info):
        """Python code that a garbage collection calls: other threads may get the GIL meanwhile."""
        for _ in range(200):
            pass

    gc.callbacks.append(collected)
    over = []
    thread = threading.Thread(target=deep, args=(900,))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        stacks = [thread_frames(thread.ident) for _ in range(400)]
    finally:
        gc.callbacks.remove(collected)
        over.append(True)
        sys.setswitchinterval(before)
        thread.join()
    line = caller.__code__.co_firstlineno
    called = [
        (line - caller_line, inner.co_name)
        for (_, (inner, _)), (_, (code, caller_line)), *_ in stacks
        if code is caller.__code__
    ]
    assert {(-2, "first"), (-3, "second")} >= set(called)
    assert len(called) > 10
    assert {stack[-1][1][0].co_name for stack in stacks} == {"_bootstrap"}


def test_there_may_be_no_such_thread():
    assert thread_frames(1) == []
