"""The tripwire: the stack of the loop's thread while C code holds the GIL, and nobody else runs.

Two timers on the CPU clock of the loop's thread, put off by the watchdog each time it gets the
GIL. If the first goes off, the watchdog is starved. Its signal has a handler in Python: if that
runs, so does Python code, and the handler writes the stack and puts the timers off. If it does not
run until the second goes off, C code holds the GIL: that signal makes `faulthandler` write the
stack, in C and on the very thread.

Why not `faulthandler.dump_traceback_later`: it walks the stack from another thread, and if Python
code runs meanwhile (threads compete for the GIL, the machine is busy, the container throttled) the
process crashes: measured, once in 26 to 232 such dumps. Here the stack stands still while it is
read. And a clock that counts computing interrupts no thread that sleeps.

What is left of the danger is for processes that loopviz has started itself: `install` in somebody
else's leaves the tripwire out unless asked.
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
"""The first goes off when the loop's thread has computed so long since the watchdog last ran."""
_NO_PYTHON_NS = 100 * MS
"""And the second, so much later. Python code looks for signals all the time; but a virtual machine
that was halted may find that both are due at once, and then the stack need not stand still. So long
halts are rare."""
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
    """Set for the calling thread, which must be the main one: only that one gets signals."""

    def __init__(self, path: Path, folders: tuple[tuple[str, ...], ...]) -> None:
        """Dumps go to `path`. Raises one error or another where there can be none."""
        python, c = _free_signals()
        self._signals = python, c
        self._libc = ctypes.PyDLL(None)  # keeps the GIL: letting go of it costs more than the call
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
        """It goes off if the thread computes for long from now on."""
        settime, (first, second), (on, later) = self._libc.timer_settime, self._timers, self._on
        settime(second, 0, later, None)
        settime(first, 0, on, None)

    def take(self) -> Dump | None:
        """What the thread did when one last went off, once."""
        dump = self._dumps.read(settled_ns=0)
        if os.fstat(self._fd).st_size > _MOST_BYTES:
            os.ftruncate(self._fd, self._dumps.first)
        return dump

    def disarm(self) -> None:
        """Neither goes off until they are put off again."""
        for timer in self._timers:
            self._libc.timer_settime(timer, 0, self._off, None)

    def close(self) -> None:
        """Take it away; the dumps stay."""
        for timer in self._timers:
            self._libc.timer_delete(timer)
        self._dumps.close()
        if threading.current_thread() is threading.main_thread():  # whatever was sent has come
            signal.signal(self._signals[0], signal.SIG_DFL)
            faulthandler.unregister(self._signals[1])
            os.close(self._fd)
        # else a signal may be under way, and would end the process without a handler

    def _python_runs(self, _number: int, _frame: FrameType | None) -> None:
        self.put_off()
        faulthandler.dump_traceback(self._fd, all_threads=False)

    def _timer(self, clock: int, number: int) -> ctypes.c_void_p:
        event = _Event(None, number, _SIGEV_THREAD_ID, threading.get_native_id())
        timer = ctypes.c_void_p()
        if self._libc.timer_create(clock, ctypes.byref(event), ctypes.byref(timer)):
            raise OSError("there is no timer on a thread's CPU clock")
        return timer


def _free_signals() -> tuple[int, int]:
    """The two highest real-time signals that nobody in this process heeds, ignores or blocks."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)() or sys.maxsize < 1 << 32:
        raise OSError("there is no GIL, or the structures are others")
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
