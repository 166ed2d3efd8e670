"""The record: 32 bytes, one per event, and what its fields mean for each kind.

====== ====== ==============================================================
offset field  meaning
====== ====== ==============================================================
0      at     when, nanoseconds of the monotonic clock
8      a      a second time or a packed pair, see the kind
16     tag    in its lower half `who`, the task's number (0: no task); in its
              upper half the kind (8 bits) and `b` (24 bits): a string's or
              site's number, or a small value, see the kind
24     seq    the record's number in its ring, from 1: tells the reader that
              the slot is filled, and with what. Written last, read first
====== ====== ==============================================================

All in the machine's own byte order: both sides run on it.

The loop's own records form a **switch trace**: each says what the loop turned to at `at`, and so
ends what it did before. A callback's end is the next switch; no record of its own is needed, and
the callback that runs *now* is always the newest switch in the ring.
"""

from enum import IntEnum
from struct import Struct

__all__ = [
    "B_SHIFT",
    "FORMAT_VERSION",
    "KIND_SHIFT",
    "NUMBER",
    "RECORD",
    "RECORD_SIZE",
    "SWITCHES",
    "TASK_CANCELLED",
    "TASK_RAISED",
    "TASK_RETURNED",
    "Kind",
    "tag",
]

FORMAT_VERSION = 1
RECORD = Struct("@QQQQ")
RECORD_SIZE = RECORD.size
NUMBER = 0xFFFFFFFF
"""The part of a tag that is a task's number."""
KIND_SHIFT, B_SHIFT = 32, 40


class Kind(IntEnum):
    """The kinds of record. `at` and `seq` are the same for all; the rest stands beside each."""

    STEP = 1
    """Switch: a task's step starts. a: became ready at; who: the task."""
    CALLBACK = 2
    """Switch: a callback that is no task's step starts. a: became ready at; b: its site."""
    IDLE = 3
    """Switch: the loop waits in select, with nothing to do."""
    POLLED = 4
    """Switch: select returned, a new iteration starts. a: when select was called; b: events."""
    STOPPED = 5
    """Switch: the probe was uninstalled or the loop closed; nothing is known from here on."""
    TIMER = 6
    """The callback that just started is a timer's. a: was due at; b: its site, 0: the heartbeat."""
    TASK_START = 7
    """who: the new task; a: parent task << 32 | name's string (0: default name); b: its site."""
    TASK_END = 8
    """who: the task; b: one of the TASK_ outcomes."""
    REQUEST_START = 9
    """In the step of task `who`. a: when the client sent it (0: unknown); b: `METHOD /path`."""
    REQUEST_END = 10
    """who: its task; a: HTTP status (0: none was sent); b: `METHOD /route/{template}`."""
    STALL = 11
    """The watchdog's sample of the running callback. a: started at; who: its task; b: its stack."""
    MARK = 12
    """Something changed. b: its text, `kind:detail`, for instance `fix:to_thread=on`."""
    HOOK_FAILED = 13
    """A hook raised and was disabled. b: the hook and the error."""


def tag(kind: Kind, who: int = 0, b: int = 0) -> int:
    """A record's tag; `b` must be less than 2**24."""
    return who & NUMBER | kind << KIND_SHIFT | b << B_SHIFT


SWITCHES = (Kind.STEP, Kind.CALLBACK, Kind.IDLE, Kind.POLLED, Kind.STOPPED)

TASK_RETURNED, TASK_RAISED, TASK_CANCELLED = 0, 1, 2
