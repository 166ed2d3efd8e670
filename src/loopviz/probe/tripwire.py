"""The tripwire: dumps the stack of the loop's thread while C code holds the GIL.

It consists of two timers on the CPU clock of the loop's thread, which the watchdog puts off each
time it gets the GIL. If the first expires, the watchdog is starved. Its signal has a handler in
Python: if that runs, so does Python code, and the handler writes the stack and puts the timers off.
If it does not run before the second expires, C code holds the GIL: that signal makes
`faulthandler` write the stack, in C and on the thread itself.

`faulthandler.dump_traceback_later` is not used: it walks the stack from another thread, and if
Python code runs at that time (threads compete for the GIL, the machine is busy, the container
throttled) the process crashes: measured, once in 26 to 232 such dumps. Here the stack stands still
while it is read. And a CPU clock interrupts no thread that sleeps.

A small risk remains, so only processes that loopviz itself starts have the tripwire by default:
`install` leaves it out unless asked for.
"""

import ctypes
import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from loopviz.clock import MS
from loopviz.wire.dump import Dump, DumpReader, begin_dumps

__all__ = ["STARVED_NS", "Tripwire"]

STARVED_NS = 20 * MS
"""CPU time of the loop's thread, since the watchdog last ran, until the first timer expires."""
_NO_PYTHON_NS = 100 * MS
"""CPU time from the first timer to the second. Running Python code handles signals all the time;
but after a halt of the virtual machine both timers may be due at once, and then the stack need not
stand still. Halts of that length are rare."""
_MOST_BYTES = 1 << 18
_SIGEV_THREAD_ID = 4


class _Event(ctypes.Structure):
    """Linux's `struct sigevent`."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("tid", ctypes.c_int),
        ("rest", ctypes.c_char * 44),
    )


class _Setting(ctypes.Structure):
    """`struct itimerspec`: interval and time left, each in seconds and nanoseconds."""

    _fields_ = (("times", ctypes.c_long * 4),)


class Tripwire:
    """The tripwire of the calling thread, which must be the main one: only that handles signals."""

    def __init__(self, path: Path, folders: tuple[tuple[str, ...], ...]) -> None:
        """Set up timers and signals; dumps go to `path`. Raises any Exception if unsupported."""
        python, c = _free_signals()
        self._signals = python, c
        self._libc = ctypes.PyDLL(None)  # keeps the GIL: releasing it costs more than the call
        clock = time.pthread_getcpuclockid(threading.get_ident())
        self._timers = [self._timer(clock, number) for number in self._signals]
        self._fd = begin_dumps(path, *folders)
        self._dumps = DumpReader(path)
        signal.signal(python, self._python_runs)
        faulthandler.register(c, file=self._fd, all_threads=False)
        self._off = ctypes.byref(_Setting())
        left = STARVED_NS, STARVED_NS + _NO_PYTHON_NS
        self._on = [ctypes.byref(_Setting((0, 0, 0, ns))) for ns in left]

    def put_off(self) -> None:
        """Restart both timers."""
        settime, (first, second), (on, later) = self._libc.timer_settime, self._timers, self._on
        settime(second, 0, later, None)
        settime(first, 0, on, None)

    @property
    def timers(self) -> list[tuple[int, int]]:
        """What `put_off` restarts, in its order: each timer, and its nanoseconds."""
        first, second = (timer.value or 0 for timer in self._timers)
        return [(second, STARVED_NS + _NO_PYTHON_NS), (first, STARVED_NS)]

    def take(self) -> Dump | None:
        """The newest dump since the last call; None without one."""
        dump = self._dumps.read(settled_ns=0)
        if os.fstat(self._fd).st_size > _MOST_BYTES:
            os.ftruncate(self._fd, self._dumps.first)
        return dump

    def disarm(self) -> None:
        """Stop both timers until `put_off` restarts them."""
        for timer in self._timers:
            self._libc.timer_settime(timer, 0, self._off, None)

    def close(self) -> None:
        """Delete the timers and release the signals; the dumps stay."""
        for timer in self._timers:
            self._libc.timer_delete(timer)
        self._dumps.close()
        if threading.current_thread() is threading.main_thread():  # no signal is pending
            signal.signal(self._signals[0], signal.SIG_DFL)
            faulthandler.unregister(self._signals[1])
            os.close(self._fd)
        # else a signal may be pending, and would end the process without a handler

    def _python_runs(self, _number: int, _frame: FrameType | None) -> None:
        self.put_off()
        faulthandler.dump_traceback(self._fd, all_threads=False)

    def _timer(self, clock: int, number: int) -> ctypes.c_void_p:
        event = _Event(None, number, _SIGEV_THREAD_ID, threading.get_native_id())
        timer = ctypes.c_void_p()
        if self._libc.timer_create(clock, ctypes.byref(event), ctypes.byref(timer)):
            raise OSError("a thread's CPU clock has no timers")
        return timer


def _free_signals() -> tuple[int, int]:
    """The two highest real-time signals that this process does not handle, ignore or block."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)() or sys.maxsize < 1 << 32:
        raise OSError("there is no GIL, or the structures differ")
    status = Path("/proc/self/status").read_text().splitlines()
    masks = [
        int(line.split()[1], 16)
        for line in status
        if line.startswith(("SigBlk:", "SigIgn:", "SigCgt:"))
    ]

    def free() -> Iterator[int]:
        for number in range(signal.SIGRTMAX, signal.SIGRTMIN, -1):
            if not any(mask >> (number - 1) & 1 for mask in masks):
                yield number

    numbers = free()
    return next(numbers), next(numbers)
