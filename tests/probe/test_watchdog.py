"""When the watchdog looks, on a clock that the test turns; and that a stack is of one moment."""

import gc
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from loopviz.clock import MS
from loopviz.probe.cgroup import CpuLimit, Throttled
from loopviz.probe.cpu_time import Spent
from loopviz.probe.places import Places
from loopviz.probe.stacks import Stack, starts_thread, thread_frames
from loopviz.probe.watchdog import Watchdog
from loopviz.wire.events import NUMBER, Kind


class AuxRing:
    """In place of the aux ring: whose samples were written, and when; and waits for a core."""

    def __init__(self, stage):
        self.stage, self.sampled, self.queued, self.gil, self.texts = stage, [], [], [], []
        self.throttled = []

    def intern_all(self, texts):
        return list(range(len(texts)))

    def write(self, kind, *, a, task_id=0, text="", at=0, b=0):
        if kind is Kind.QUEUED:
            self.queued.append((self.stage.now, a, b))
            return
        if kind is Kind.WAITED_FOR_GIL:
            self.gil.append((self.stage.now // MS, a // MS, b // 10))
            return
        if kind is Kind.THROTTLED:
            self.throttled.append((self.stage.now // MS, a >> 32, a & NUMBER, text))
            return
        assert kind is Kind.STALL
        self.sampled.append((a, self.stage.now))
        self.texts.append(text)


class Stage:
    """A loop whose callbacks run at given times, and a watchdog that waits on a clock of ours."""

    def __init__(self, *callbacks, until):
        self.now, self.callbacks, self.until = 0, callbacks, until
        self.aux_ring = AuxRing(self)
        self.looked, self.known, self.in_gil = 0, True, False
        self.limits = ()
        self.spends = lambda wall: (wall, 0, 0, 1)  # on a core, others, without one, slices
        self.spends_at = {}  # something else, by the time of the look
        self.ended = {}  # waits for a core that are over by an exact look, by its time
        self.stolen = {}  # how much was stolen, by the time of the look
        self.lost = {}  # how long the watchdog is without the GIL in the round that began at a time

    def clock(self):
        return self.now

    def running(self):
        now = ((start, 7) for start, end in self.callbacks if start <= self.now < end)
        return next(now, (0, 0))

    def acquire(self, blocking, timeout):
        self.now += round(timeout * 1e9)
        return self.now >= self.until

    def look(self, *, exact=False):
        since, self.looked = self.looked, self.now
        if exact and since == self.looked:
            return Spent(since, since, 0, 0, self.ended.pop(since, 0), 0, known=self.known)
        self.now += self.lost.pop(self.now, 0)
        spends = self.spends_at.get(self.looked, self.spends)
        return Spent(since, self.looked, *spends(self.looked - since), known=self.known)

    def taken_ns(self, late_ns, spent):
        return self.stolen.get(spent.until_ns, 0)

    def sleeps(self):
        in_gil = self.in_gil.pop(0) if isinstance(self.in_gil, list) else self.in_gil
        return {True: "gil", False: "call", None: None}[in_gil]

    def play(self):
        thread = threading.get_ident()
        dog = Watchdog(self.running, thread, self.aux_ring, Places(), self.clock, fail)
        dog._loop.close()
        dog._stop, dog._loop = self, self  # it waits, and looks at the loop's thread, here
        dog._limits = self.limits
        computes = Stack(["\t/app/a.py\t1\tf"], 0)
        dog._busiest = SimpleNamespace(note=lambda: None, stack=lambda *_: computes)
        dog._go_round(self)
        return self.aux_ring.sampled


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


def in_ms(on_a_core, others, without_one, slices):
    return lambda _wall: (on_a_core * MS, others * MS, without_one * MS, slices)


@pytest.mark.parametrize(
    ("spends", "in_gil", "known", "waited"),
    [
        pytest.param(in_ms(0, 10, 0, 2), True, True, 20, id="it slept, while others computed"),
        pytest.param(in_ms(4, 6, 0, 2), True, True, 12, id="it computed, too"),
        pytest.param(in_ms(0, 1, 6, 2), True, True, 8, id="others had no core either"),
        pytest.param(in_ms(0, 10, 0, 2), False, True, None, id="in another call: time.sleep"),
        pytest.param(in_ms(0, 1, 0, 2), True, True, None, id="nobody computed"),
        pytest.param(in_ms(10, 10, 0, 2), True, True, None, id="it did not sleep"),
        pytest.param(in_ms(0, 10, 0, 2), True, False, None, id="the kernel does not tell"),
    ],
)
def test_a_wait_for_the_gil_is_told_from_a_blocking_call(spends, in_gil, known, waited):
    stage = Stage((10 * MS, 25 * MS), until=30 * MS)
    stage.spends, stage.in_gil, stage.known = spends, in_gil, known
    stage.play()
    assert stage.aux_ring.gil == ([] if waited is None else [(20, 0, waited)])
    kinds = [text.partition(":")[0] for text in stage.aux_ring.texts]
    asleep = [] if in_gil else ["asleep"]
    assert [kind for kind in kinds if not kind.isdigit()] == (
        asleep if waited is None else [*asleep, "gil"]
    )


def test_what_callbacks_before_it_did_with_their_time_is_not_its_wait():
    """At each look one has just begun: the loop is never idle."""
    stage = Stage((5 * MS, 11 * MS), (12 * MS, 21 * MS), (22 * MS, 45 * MS), until=40 * MS)
    stage.spends, stage.in_gil = in_ms(0, 10, 0, 2), True
    stage.play()
    assert stage.aux_ring.gil == [(32, 15, 17)], "since the last look before it began"


@pytest.mark.parametrize(("slices", "waited"), [(20, [(120, 10, 110)]), (2, [])])
def test_who_waits_for_the_gil_wakes_up_every_five_milliseconds(slices, waited):
    """A driver that sleeps with the GIL held, while a thread computes in C, does not."""
    stage = Stage((22 * MS, 121 * MS), until=125 * MS)
    stage.lost, stage.in_gil = {20 * MS: 100 * MS}, True
    stage.spends = lambda wall: (0, wall, 0, slices)
    stage.play()
    assert stage.aux_ring.gil == waited


@pytest.mark.parametrize(("then", "waited"), [(True, [(30, 0, 30)]), (False, [])])
def test_of_a_thread_that_has_just_woken_up_the_next_look_decides(then, waited):
    stage = Stage((10 * MS, 35 * MS), until=35 * MS)
    stage.spends, stage.in_gil = in_ms(0, 10, 0, 2), [None, then]
    stage.play()
    assert stage.aux_ring.gil == waited


def test_a_wait_that_was_seen_lasts_to_the_end_of_its_callback():
    stage = Stage((10 * MS, 25 * MS), until=40 * MS)
    stage.spends, stage.in_gil = in_ms(0, 10, 0, 2), True
    stage.play()
    assert stage.aux_ring.gil == [(20, 0, 20), (30, 20, 10)]


def test_a_wait_for_a_core_that_was_not_over_is_not_one_for_the_gil():
    """It gets its core, finds that the watchdog has the GIL, and sleeps, all within one look."""
    stage = Stage((10 * MS, 25 * MS), until=30 * MS)
    stage.spends, stage.in_gil = in_ms(0, 10, 0, 2), True
    stage.ended = {20 * MS: 12 * MS}
    stage.play()
    assert stage.aux_ring.gil == [(20, 0, 8)]
    assert stage.aux_ring.queued[1:] == [(20 * MS, 20 * MS, 120)]


@pytest.mark.parametrize(
    ("later", "waited"),
    [
        pytest.param([in_ms(0, 0, 6, 1)], [(20, 0, 20), (40, 20, 4)], id="it waited for a core"),
        pytest.param([in_ms(10, 0, 0, 0)], [(20, 0, 20), (40, 20, 10)], id="it had one"),
        pytest.param(
            [in_ms(0, 0, 0, 0), in_ms(2, 0, 7, 1)], [(20, 0, 20), (50, 20, 3)], id="for longer"
        ),
    ],
)
def test_the_end_of_a_wait_for_the_gil_is_known_once_it_had_a_core_again(later, waited):
    stage = Stage((10 * MS, 25 * MS), until=60 * MS)
    stage.in_gil = [True, None]
    stage.spends = in_ms(0, 10, 0, 2)
    stage.spends_at = {(40 + 10 * i) * MS: spends for i, spends in enumerate(later)}
    stage.play()
    assert stage.aux_ring.gil == waited


@pytest.mark.parametrize(("slices", "waited"), [(6, [(120, 10, 60)]), (1, [])])
def test_a_call_after_a_wait_for_the_gil_does_not_hide_it(slices, waited):
    """The watchdog gets the GIL only as the call gives it up; nobody wakes up in one."""
    stage = Stage((22 * MS, 121 * MS), until=125 * MS)
    stage.lost, stage.in_gil = {20 * MS: 100 * MS}, False
    stage.spends = lambda wall: (0, wall, 0, slices)
    stage.play()
    assert stage.aux_ring.gil == waited


@pytest.mark.parametrize(
    ("others", "gil", "queued"),
    [
        pytest.param(10, [(20, 0, 20)], [], id="another thread has the GIL"),
        pytest.param(1, [], [(20 * MS, 0, 200)], id="there is no core for it"),
    ],
)
def test_a_thread_that_the_loop_starts_has_to_run_first(monkeypatch, others, gil, queued):
    """It waits for that in a call, of a lock, but the line is not to blame."""
    monkeypatch.setattr("loopviz.probe.watchdog.starts_thread", lambda _frames: True)
    stage = Stage((10 * MS, 25 * MS), until=30 * MS)
    stage.spends = in_ms(0, others, 0, 0)
    stage.play()
    assert (stage.aux_ring.gil, stage.aux_ring.queued[1:]) == (gil, queued)
    assert "asleep" not in "".join(stage.aux_ring.texts)


def test_a_stack_that_starts_a_thread():
    found = []

    class Slow(threading.Event):
        def wait(self, timeout=None):
            found.append(starts_thread(thread_frames(threading.get_ident())[2:]))
            return super().wait(timeout)

    thread = threading.Thread(target=lambda: None)
    thread._started = Slow()
    thread.start()
    thread.join()
    assert found[0]
    assert not starts_thread(thread_frames(threading.get_ident()))


def test_what_one_callback_waited_for_the_gil_is_not_counted_for_the_next_as_well():
    stage = Stage((10 * MS, 25 * MS), (26 * MS, 50 * MS), until=40 * MS)
    stage.spends, stage.in_gil = lambda wall: (0, wall, 0, 2), True
    stage.play()
    assert stage.aux_ring.gil == [(20, 0, 20), (30, 20, 10), (36, 30, 6)]


def test_a_callback_that_ends_within_the_look_has_waited_until_then():
    stage = Stage((10 * MS, 25 * MS), until=60 * MS)
    stage.spends, stage.in_gil = in_ms(0, 10, 0, 2), True
    running, ends = stage.running, iter([True] * 5 + [False] * 9)
    stage.callbacks = [(10 * MS, 60 * MS)]
    stage.running = lambda: running() if next(ends) else (0, 0)
    stage.play()
    assert stage.aux_ring.gil == [(20, 0, 20), (40, 20, 20)]


@pytest.mark.parametrize(
    ("slices", "queued_ms", "asleep"),
    [
        pytest.param(1, 0, True, id="it slept all the while"),
        pytest.param(1, 95, False, id="it waited for a core"),
        pytest.param(30, 0, False, id="it woke up, as for the GIL"),
    ],
)
def test_a_call_that_is_over_at_a_late_look_was_one_all_the_same(slices, queued_ms, asleep):
    """Then waits for a core before the callback are no excuse for it."""
    stage = Stage((22 * MS, 121 * MS), until=140 * MS)
    stage.lost, stage.in_gil = {20 * MS: 100 * MS}, None
    stage.spends = in_ms(0, 0, 0, 1)
    stage.spends_at = {120 * MS: in_ms(0, 0, 0, slices), 130 * MS: in_ms(0, 0, queued_ms, 1)}
    stage.play()
    assert [text.partition(":")[0] for text in stage.aux_ring.texts] == ["0"] + ["asleep"] * asleep


def test_waits_for_a_core_are_recorded_look_by_look():
    stage = Stage(until=30 * MS)
    stage.spends = lambda wall: (0, 0, wall // 2, 1)
    stage.play()
    assert stage.aux_ring.queued == [(0, 0, 0), (10 * MS, 0, 50), (20 * MS, 10 * MS, 50)]


def test_what_the_machine_took_counts_as_a_wait_for_a_core_and_not_as_sleep():
    stage = Stage(until=40 * MS)
    stage.spends = lambda wall: (wall // 2, 0, 0, 1)
    stage.stolen = {20 * MS: 4 * MS, 30 * MS: 50 * MS}
    stage.play()
    assert stage.aux_ring.queued == [(0, 0, 0), (20 * MS, 10 * MS, 40), (30 * MS, 20 * MS, 100)]


class Limits:
    """A CPU limit that was reached in some periods before each time that it is looked at."""

    def __init__(self, *reached):
        self.left, self.limit = list(reached), CpuLimit(0.5, "cpu.max 50000 100000", Path())

    def reached(self):
        found = self.left.pop(0)
        return Throttled(self.limit, 10, found) if found else None


def test_a_cpu_limit_is_looked_at_once_a_second_and_after_waits_for_a_core():
    stage = Stage(until=1040 * MS)
    stage.limits = Limits(0, 3, 2)
    stage.spends = lambda wall: (0, 0, 6 * MS if stage.now in (500 * MS, 1020 * MS) else 0, 1)
    stage.play()
    assert stage.limits.left == [2]
    limit = "0.5\tcpu.max 50000 100000"
    assert stage.aux_ring.throttled == [(1020, 10, 3, limit)]


def test_where_the_kernel_does_not_tell_it_says_nothing():
    stage = Stage(until=30 * MS)
    stage.known = False
    stage.play()
    assert stage.aux_ring.queued == []


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
