"""The signals that end loopviz, obeyed in order: closing is not interrupted by the next of them.

Without a screen, SIGINT raises `Interrupted`; those of the next few seconds do nothing, since
the children, the files and the terminal are being tidied up meanwhile. A screen is called instead,
for SIGTERM and SIGHUP, too. Handlers run in the main thread, wherever it is.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

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
"""How long closing may take. A later SIGINT raises again, should the first one have got lost, as
exceptions in finalizers do."""


class Interrupted(SystemExit):
    """SIGINT ends the process, with exit code 130.

    No KeyboardInterrupt: if one passes through `exec` of a text (in `dataclasses`, for example),
    CPython kills the process with SIGINT at its end, wherever it was caught.
    """

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGINT)


class _Interrupts:
    """What SIGINT has done, and may do."""

    def __init__(self) -> None:
        self.raised_s = float("-inf")
        self.waits = self.is_due = False
        """SIGINT has to wait; one has come meanwhile."""

    def come(self, _number: int, _frame: FrameType | None) -> None:
        if time.monotonic() - self.raised_s < CLOSING_S:
            return
        if self.waits:
            self.is_due = True
            return
        self.raised_s = time.monotonic()
        raise Interrupted


_interrupts = _Interrupts()


def raise_interrupts() -> None:
    """From now on SIGINT raises `Interrupted`, once; unless our parent has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupts.come)


def was_interrupted() -> bool:
    """Whether it was raised. An extension that is being imported may make an ImportError of it."""
    return _interrupts.raised_s > float("-inf")


def ignore_interrupts() -> None:
    """The process ends: SIGINT has nothing left to interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A SIGINT during this waits until its end, and raises `Interrupted` there."""
    _interrupts.waits, _interrupts.is_due = True, False
    try:
        yield
    finally:
        _interrupts.waits = False
        if _interrupts.is_due:
            _interrupts.come(signal.SIGINT, None)


@contextmanager
def handled(leave: Callable[[int], object]) -> Iterator[None]:
    """While this lasts, each of the signals calls `leave` with the exit code that stands for it."""
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
