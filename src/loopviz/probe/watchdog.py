"""The watchdog: a thread that records which line blocks the loop, while it does."""

import _thread
import atexit
import contextlib
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from loopviz.clock import MS, Clock
from loopviz.probe.busiest_thread import BusiestThread
from loopviz.probe.cgroup import CpuLimits
from loopviz.probe.cpu_time import NOTABLE_NS, LoopThread, Spent, ThreadEndedError
from loopviz.probe.places import Places
from loopviz.probe.stacks import (
    Stack,
    dumped_stack,
    stack_frames,
    stack_of,
    starts_thread,
    thread_frames,
)
from loopviz.probe.stolen_time import StolenTime
from loopviz.probe.tripwire import STARVED_NS, Tripwire
from loopviz.wire.dump import DUMP_FILE
from loopviz.wire.events import WAITED_UNIT_NS, Kind
from loopviz.wire.ring import LockedRing

__all__ = ["PATIENCE_NS", "Watchdog"]

Running = Callable[[], tuple[int, int]]
"""See `hooks.Hooks.running`."""

PATIENCE_NS = 10 * MS
"""The watchdog's period, and the age from which a running callback is sampled.

Getting the GIL takes up to 5 ms more, so a callback of 20 ms is sampled while it runs. The period
is no shorter because each system call of the loop releases the GIL and wakes a waiting thread in
vain.
"""

_IDLE_ROUNDS = 10
"""How long it waits for the next loop, in periods, before it goes to sleep."""
_WAKES = 2
"""How often a thread that waits for the GIL has woken up in the time after which a look is late."""
_NOTE_NS = 100 * MS
"""Interval at which the threads' CPU times are noted while some compute, to find the busiest."""
_LIMIT_NS = 1000 * MS
"""Interval at which it is counted how often the CPU limit was reached."""
_MAYBE_THROTTLED_NS = 5 * MS
"""From here on a wait for a core may have been for want of CPU time within the limit."""


class _Unsettled(NamedTuple):
    """A look at which a wait of the loop's thread for a core may not have been over."""

    spent: Spent
    started: int
    """The callback that it was in; 0: none."""
    task: int
    stack: Stack | None
    """What it was at; None if it waited for the GIL in a callback that was over by then."""


class Watchdog:
    """Samples the stack of the loop's thread whenever a callback runs for too long.

    Each sample is a `STALL` record in the aux ring; its text is the culprit's index and the
    numbers of the frames' strings, innermost first: `1:12,7,3`. Before it stands `asleep:` if the
    thread slept in a system call, other than for the GIL. A sample stands for the time since the
    previous one. Every callback of 20 ms or more gets at least one, while it runs; if C code
    holds the GIL throughout, as soon as it releases it.

    With the tripwire, if C code holds the GIL for long, the loop's thread itself writes its stack
    into the file `wire.dump.DUMP_FILE` beside the ring, where another process can read it at once
    (see `probe.tripwire`); afterwards it becomes a sample, too. If its callback is over by then,
    the record's `a` is 0, and its time is that of the dump.

    If the loop's thread sleeps until it gets the GIL, a `WAITED_FOR_GIL` record says how long it
    has slept since the last look, and a second sample, whose text starts with `gil:`, has the stack
    of the thread that computes; of one of loopviz's own, there is one frame, whose file is
    `wire.events.OWN`. How long the loop's thread waited for a core, or was kept from running by the
    machine (see `probe.stolen_time`), is a `QUEUED` record; how often the process reached the CPU
    limit of its control group, a `THROTTLED` one.

    It may watch one loop after another: `pause` once a loop is closed, `follow` the next one. To
    end its thread and start another would cost several times as much.
    """

    def __init__(
        self,
        running: Running,
        thread_id: int,
        aux_ring: LockedRing,
        places: Places,
        clock: Clock,
        fail: Callable[[str, Exception], None],
        *,
        tripwire: bool = False,
        quiet: Any = None,
    ) -> None:
        """`quiet`: a `_native.quiet.Quiet`, which waits without the GIL."""
        self._fail = fail
        self._running: Running | None = running
        self._thread_id = thread_id
        self._thread = thread_id, threading.get_native_id()
        """It too, but another thread later may have the same id."""
        self._aux_ring = aux_ring
        self._places = places
        self._clock = clock
        self._loop, self._busiest = LoopThread(thread_id, clock), BusiestThread(places)
        self._limits: CpuLimits | None = None
        self._noted = self._counted = 0
        self._starves = 0
        """The callback that waited for the GIL when it was last looked at, or may have; 0: none."""
        self._unsettled: _Unsettled | None = None
        self._wants_tripwire = tripwire
        self._tripwire: Tripwire | None = None
        self._greenlet: Any = None
        self._quiet = quiet
        self._stop = threading.Lock()
        self._stop.acquire()
        self._over = self._asleep = False
        self._ended = threading.Lock()

    def start(self) -> None:
        """Start the thread. On another thread than the loop's, there is no tripwire or greenlet.

        Raises RuntimeError if the system gives no more threads.
        """
        if threading.get_ident() == self._thread_id:
            self._greenlet = _main_greenlet()
        if threading.get_ident() == self._thread_id and self._wants_tripwire:
            with contextlib.suppress(Exception):  # else samples come after the block
                path = self._aux_ring.path.with_name(DUMP_FILE)
                self._tripwire = Tripwire(path, self._places.folders())
                self._tripwire.put_off()
        self._ended.acquire()
        try:
            _thread.start_new_thread(
                self._watch, ()
            )  # so it is not counted among the app's threads
        except RuntimeError:
            self._ended.release()
            if self._tripwire is not None:
                self._tripwire.disarm()
                self._tripwire.close()
            raise
        atexit.register(self.stop)

    @property
    def runs(self) -> bool:
        """Whether its thread does."""
        return self._ended.locked()

    def pause(self) -> None:
        """Watch nothing until `follow`."""
        self._running, self._fail, self._greenlet = None, _tell_nobody, None

    def follow(
        self, running: Running, fail: Callable[[str, Exception], None], quiet: Any = None
    ) -> None:
        """Watch this thread, in which the next loop runs."""
        self._fail, self._greenlet, self._quiet = fail, _main_greenlet(), quiet
        self._thread_id = me = threading.get_ident()
        self._thread = me, threading.get_native_id()
        self._running = running
        if self._asleep:
            self._wake()

    def forget(self) -> None:
        """In the child of a fork: the thread is the parent's."""
        self._over = True
        atexit.unregister(self.stop)

    def stop(self) -> None:
        """Stop the thread and wait for its end. Safe to call twice."""
        if self._over:
            return
        self._over = True
        atexit.unregister(self.stop)
        self._wake()
        if self._quiet is not None:
            self._quiet.stop()
        with self._ended:
            pass
        if self._tripwire is not None:
            self._tripwire.close()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # it was woken, and has not come to run yet
            self._stop.release()

    def _watch(self) -> None:
        stolen, watched = StolenTime(self._loop.kernel), self._thread
        try:
            self._limits = CpuLimits()  # not on the loop's thread: it reads files
            while not self._over:
                running = self._running
                if running is None:
                    self._wait_for_a_loop()
                    continue
                try:
                    if watched != self._thread:
                        watched = self._thread
                        self._loop.close()
                        self._loop = LoopThread(watched[0], self._clock)
                        stolen.close()
                        stolen = StolenTime(self._loop.kernel)
                    self._go_round(stolen)
                except ThreadEndedError:
                    if self._running is running:
                        return  # the loop and its probe end with it
        except Exception as error:  # noqa: BLE001 - the app must go on
            self._fail("watchdog", error)
        finally:
            if self._tripwire is not None:
                self._tripwire.disarm()
            self._loop.close()
            stolen.close()
            self._ended.release()

    def _wait_for_a_loop(self) -> None:
        """Soon asleep: until then the next loop need not wake this thread, which costs it time."""
        for _ in range(_IDLE_ROUNDS):
            if self._stop.acquire(timeout=PATIENCE_NS / 1e9) or self._running is not None:
                return
        self._asleep = True
        if self._running is None:
            self._stop.acquire()
        self._asleep = False

    def _go_round(self, stolen: StolenTime) -> None:
        quiet, running = self._quiet, self._running
        if running is None:
            return
        if quiet is not None:
            timers = [] if self._tripwire is None else self._tripwire.timers
            quiet.watch(self._loop.clock_id, self._loop.kernel.fd_of_core_waits(), timers)
        stop, clock, look = self._stop.acquire, self._clock, self._loop.look
        tripwire = self._tripwire
        self._starves, self._unsettled = 0, None
        last = came = due = clock()
        sampled = 0
        if look(exact=True).known:  # of what was before nothing is said
            self._aux_ring.write(Kind.QUEUED, a=came)
        before: Spent | None = None  # time of which it is not known yet what it was
        young = 0  # the callback that ran at the end of that time, if it had not run for long then
        while True:
            spent = look(exact=self._unsettled is not None)
            taken_ns = stolen.taken_ns(came - due, spent)
            if taken_ns:
                spent = spent.with_stolen(taken_ns)
            self._note(spent)
            self._settle(spent)
            latest = spent
            if before is not None:
                spent, before = spent.after(before), None
            started, task = running()
            due = came + PATIENCE_NS
            sample_due = max(started, sampled) + PATIENCE_NS
            if started and came >= sample_due:
                late = came - last > STARVED_NS
                known = self._sample(running, started, task, spent, late=late)
                before = None if known else spent
                sampled = clock()
            elif self._starves not in (0, started):  # that is over, and may have waited until then
                self._starves = 0
                self._waited_until_its_end(spent, started, task)
            elif started:
                before = spent if started == young else latest
            young = started if before is not None and not self._is_open() else 0
            if started and came < sample_due:
                due = sample_due
            if tripwire is not None:
                if came - last > STARVED_NS:
                    self._write_dump()
                tripwire.put_off()
            # A round that lost the GIL or its core may end in the middle of a long callback, or at
            # its very end: then the next one begins at once.
            if quiet is not None and not (taken_ns or stolen.steals or self._is_open()):
                at = quiet.wait(due, self._loop.last, self._loop.before_last, young)
                if at is None:
                    return
                self._loop.last, before, young = at, None, 0
                last, came, due = quiet.last_came, clock(), quiet.due
                stolen.slept(quiet.rounds - 1)
            elif stop(True, max(due - clock(), 0) / 1e9):
                return
            else:
                last, came = came, clock()
            if self._running is not running:
                self._note(look(exact=True))  # its last callbacks may have waited for a core
                return

    def _is_open(self) -> bool:
        """True if the next look is to settle what the last one has left open."""
        return self._unsettled is not None or self._starves != 0

    def _note(self, spent: Spent) -> None:
        """Record what the machine did to the loop's thread; note who computes."""
        now = spent.until_ns
        if spent.queued_ns >= NOTABLE_NS:
            self._aux_ring.write(Kind.QUEUED, a=spent.since_ns, b=spent.queued_ns // WAITED_UNIT_NS)
        if now - self._noted > _NOTE_NS and 4 * spent.others_ns >= now - spent.since_ns:
            self._noted = now
            self._busiest.note()
        maybe = spent.queued_ns >= _MAYBE_THROTTLED_NS
        if (maybe or now - self._counted > _LIMIT_NS) and self._limits:
            found = self._limits.reached()
            if found is not None:
                text = f"{found.limit.cores:g}\t{found.limit.setting}"
                counts = found.periods << 32 | found.reached
                self._aux_ring.write(Kind.THROTTLED, a=counts, text=text)
            self._counted = now

    def _sample(
        self, running: Running, started: int, task: int, spent: Spent, *, late: bool
    ) -> bool:
        """Write a sample. False if it is not known yet whether it waited for the GIL."""
        # The stack comes first, then the check that it is that callback's: the loop waits for the
        # GIL, and may get it at any step if this thread loses its core for 5 ms.
        seen = thread_frames(self._thread_id)
        if running()[0] != started:
            return False
        around = [] if self._greenlet is None else stack_frames(self._greenlet.gr_frame)
        stack = stack_of(self._places, seen + around)
        sleeps = self._loop.sleeps()
        if late:
            self._write_dump(started, task, stack)
        starts = sleeps == "call" and starts_thread(seen)
        self._write(stack, started, task, "asleep:" if sleeps == "call" and not starts else "")
        # Before a late look somebody else may have had the GIL.
        interval_s = sys.getswitchinterval()
        woke_up = late and spent.slices >= _WAKES and spent.for_gil_ns(interval_s) > 0
        if sleeps is None:  # it has just woken up, or waits for a core
            self._starves = started if woke_up else 0
            self._unsettled = _Unsettled(spent, started, task, stack)
            return False
        self._starves = 0
        if sleeps == "gil" and self._write_gil(self._all_waits(spent), started, task):
            self._starves = started
        elif starts:
            self._write_start(self._all_waits(spent), started, task)
        elif sleeps == "call" and woke_up:  # it may have slept there for long, but not woken up
            at_most_ns = int(1e9 * interval_s * spent.slices)
            self._write_gil(self._all_waits(spent), started, task, at_most_ns)
        return True

    def _write_start(self, spent: Spent, started: int, task: int) -> None:
        """Record that a thread which the loop's thread has started waited for the GIL, or a core.

        It has to run before `Thread.start` returns.
        """
        waited_ns = spent.asleep_ns if spent.known else 0
        if waited_ns < NOTABLE_NS:
            return
        if spent.others_compute:
            self._write_wait(Kind.WAITED_FOR_GIL, waited_ns, spent)
            self._write_busiest(started, task)
        else:
            self._write_wait(Kind.QUEUED, waited_ns, spent)

    def _waited_until_its_end(self, spent: Spent, started: int, task: int) -> None:
        """A callback is over that waited for the GIL at the last look."""
        if self._loop.sleeps() is None:
            self._unsettled = _Unsettled(spent, started, task, None)
        else:
            self._write_gil(self._all_waits(spent), started, task)

    def _all_waits(self, spent: Spent) -> Spent:
        """With all waits for a core up to now: the thread sleeps, so they are over."""
        more = self._loop.look(exact=True)
        self._note(more)
        return more.after(spent)

    def _settle(self, spent: Spent) -> None:
        """Write what was left open at the last look, if the waits of then are over."""
        if self._unsettled is None:
            return
        then, started, task, stack = self._unsettled
        then = then.and_queued(spent.queued_ns)
        if not spent.had_core:
            self._unsettled = _Unsettled(then, started, task, stack)
            return
        self._unsettled = None
        if stack is None:
            self._write_gil(then, started, task)
        elif not then.wakes_up(sys.getswitchinterval()):
            slept_ns = then.asleep_ns - max(started - then.since_ns, 0)
            if slept_ns >= NOTABLE_NS:
                self._write(stack, started, task, "asleep:", at=then.until_ns)

    def _write_gil(
        self, spent: Spent, started: int, task: int, at_most_ns: int = sys.maxsize
    ) -> bool:
        """Record that the loop's thread waited for the GIL while it slept, if it may have."""
        waited_ns = min(spent.for_gil_ns(sys.getswitchinterval()), at_most_ns)
        if waited_ns < NOTABLE_NS:
            return False
        self._write_wait(Kind.WAITED_FOR_GIL, waited_ns, spent)
        self._write_busiest(started, task)
        return True

    def _write_busiest(self, started: int, task: int) -> None:
        """Record which thread computes while the loop's waits."""
        stack = self._busiest.stack(sys._current_frames(), self._thread_id)
        self._write(stack, started, task, "gil:")

    def _write_wait(self, kind: Kind, waited_ns: int, spent: Spent) -> None:
        units = waited_ns // WAITED_UNIT_NS
        self._aux_ring.write(kind, a=spent.since_ns, b=units, at=spent.until_ns)

    def _write_dump(self, started: int = 0, task: int = 0, stack: Stack | None = None) -> None:
        """Write a dump, if there is one, as a sample; of that callback unless it is over by now."""
        dump = None if self._tripwire is None else self._tripwire.take()
        if dump is None:
            return
        dumped = dumped_stack(self._places, dump.frames, stack)
        if stack is None or started > dump.at_ns:  # the dump's callback is over
            self._write(dumped, 0, 0, at=dump.at_ns)
        elif dumped.frames[:1] != stack.frames[:1]:
            self._write(dumped, started, task)

    def _write(self, stack: Stack, started: int, task: int, prefix: str = "", at: int = 0) -> None:
        if stack.frames:
            text = prefix + stack.text(self._aux_ring.intern_all(stack.frames))
            self._aux_ring.write(Kind.STALL, a=started, task_id=task, text=text, at=at)


def _tell_nobody(_hook: str, _error: Exception) -> None:
    pass


def _main_greenlet() -> Any:
    """The thread's outermost greenlet, where the loop runs; None if greenlets are not used."""
    greenlet = sys.modules.get("greenlet")
    found = greenlet.getcurrent() if greenlet is not None else None
    while found is not None and found.parent is not None:
        found = found.parent
    return found
