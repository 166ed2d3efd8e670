"""Signals that end loopviz, handled in order: a second one does not interrupt closing.

Without a screen, SIGINT raises `Interrupted`; further ones in the next few seconds do nothing,
while children, files and the terminal are cleaned up. With a screen, SIGINT, SIGTERM and SIGHUP
call a function of it instead. Handlers run in the main thread, at any point of it.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = [
    "ENDING",
    "Interrupted",
    "handled",
    "ignore_interrupts",
    "raise_interrupts",
    "uninterrupted",
    "was_interrupted",
]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

CLOSING_S = 5.0
"""Seconds that closing may take. A later SIGINT raises again, in case the first exception was lost,
as it is if the import of an extension makes another of it."""
_AGAIN_S = 0.02
"""When an exception that was lost in a finalizer is raised again: the finalizer has ended then."""


class Interrupted(SystemExit):
    """SIGINT ends the process, with exit code 130.

    It is no KeyboardInterrupt: if one passes through `exec` of a string (in `dataclasses`, for
    example), CPython kills the process with SIGINT at exit, even if the exception was caught.
    """

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGINT)


class _Interrupts:
    """The SIGINT handler and its state."""

    def __init__(self) -> None:
        self.raised_s = float("-inf")
        self.waits = self.is_due = False
        """SIGINT is deferred; one has arrived since."""

    def come(self, _number: int, _frame: FrameType | None) -> None:
        if time.monotonic() - self.raised_s < CLOSING_S:
            return
        if self.waits:
            self.is_due = True
            return
        self.raised_s = time.monotonic()
        raise Interrupted

    def lost(self) -> None:
        """The exception came in a finalizer, which ends no program: it comes again."""
        self.raised_s = float("-inf")
        main = threading.main_thread().ident
        again = threading.Timer(_AGAIN_S, signal.pthread_kill, (main, signal.SIGINT))
        again.daemon = True
        again.start()


_interrupts = _Interrupts()


def raise_interrupts() -> None:
    """Make SIGINT raise `Interrupted`, once, unless the parent process has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupts.come)
        sys.unraisablehook = _with_lost(sys.unraisablehook)


def _with_lost(hook: Callable[[Any], object]) -> Callable[[Any], object]:
    def unraisable(about: Any) -> None:
        if about.exc_type is Interrupted:
            _interrupts.lost()
        else:
            hook(about)

    return unraisable


def was_interrupted() -> bool:
    """True once `Interrupted` was raised; importing an extension may make ImportError of it."""
    return _interrupts.raised_s > float("-inf")


def ignore_interrupts() -> None:
    """Ignore SIGINT from now on: the process is about to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer SIGINT to the end of the block, and raise `Interrupted` there."""
    _interrupts.waits, _interrupts.is_due = True, False
    try:
        yield
    finally:
        _interrupts.waits = False
        if _interrupts.is_due:
            _interrupts.come(signal.SIGINT, None)


@contextmanager
def handled(leave: Callable[[int], object]) -> Iterator[None]:
    """Within the block, each signal of `ENDING` calls `leave` with its exit code, 128 + number."""
    numbers = [number for number in ENDING if number != signal.SIGINT or _is_obeyed()]

    def come(number: int, _frame: FrameType | None) -> None:
        leave(128 + number)

    before = {number: signal.signal(number, come) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_obeyed() -> bool:
    return signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
