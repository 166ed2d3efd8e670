"""The record: 32 bytes per event, and the meaning of its fields for each kind.

====== ====== ==============================================================
offset field  meaning
====== ====== ==============================================================
0      at     when, nanoseconds of the monotonic clock
8      a      a second time or a packed pair, see the kind
16     tag    in its lower half `task_id`, a task's number (0: no task); in its
              upper half the kind (8 bits) and `b` (24 bits): a string's or
              site's number, or a small value, see the kind
24     seq    the record's number in its ring, from 1: tells the reader which
              record the slot holds. Written last, read first
====== ====== ==============================================================

All fields are in native byte order: both sides run on the same machine.

The loop's own records form a **switch trace**: each says what the loop turned to at `at`, and so
ends what it did before. A callback ends at the next switch and needs no record for that; the
callback that runs *now* is always the newest switch in the ring.
"""

from enum import IntEnum
from struct import Struct

from loopviz.clock import MS, SECOND

__all__ = [
    "B_SHIFT",
    "FORMAT_VERSION",
    "GC_ELSEWHERE",
    "HEARTBEAT_LET_GO_NS",
    "HEARTBEAT_NS",
    "KIND_SHIFT",
    "LASTING",
    "NUMBER",
    "OWN",
    "RECEIVED",
    "RECORD",
    "RECORD_SIZE",
    "SPAN_BEGINS",
    "SPAN_ENDS",
    "SWITCHES",
    "TASK_CANCELLED",
    "TASK_RAISED",
    "TASK_RETURNED",
    "WAITED_UNIT_NS",
    "WAIT_GET",
    "WAIT_PUT",
    "Kind",
    "tag",
]

FORMAT_VERSION = 2
RECORD = Struct("@NNNN")
RECORD_SIZE = RECORD.size
NUMBER = 0xFFFFFFFF
"""Mask for the task's number in a tag."""
KIND_SHIFT, B_SHIFT = 32, 40


class Kind(IntEnum):
    """The kinds of record. `at` and `seq` mean the same for all; the rest is described for each.

    A *place* is the number of a string `what <tab> file <tab> line <tab> function`, see
    `probe.places` and `probe.await_site`. A *resource* is a number that a `RESOURCE` record has
    introduced. *The task* is that of `task_id`; of `WAIT`, `WAIT_OVER`, `ACQUIRED` and `RELEASED`
    in the aux ring it is the worker job with that number, which waits or holds in its thread.
    """

    STEP = 1
    """Switch: a step of the task starts. a: became ready at; b: the place at which it waited until
    then (0: not known, or it did not wait: its first step, most of those after `sleep(0)`)."""
    CALLBACK = 2
    """Switch: a callback other than a task's step starts. a: became ready at; b: its site."""
    IDLE = 3
    """Switch: the loop waits in select, with nothing to do."""
    POLLED = 4
    """Switch: select returned, a new iteration starts. a: when select was called; b: events."""
    STOPPED = 5
    """Switch: the probe was uninstalled or the loop closed; nothing is known from here on."""
    TIMER = 6
    """The callback that just started is a timer's. a: was due at; b: its site, 0: the heartbeat."""
    TASK_START = 7
    """The task was created. a: parent task << 32 | name's string (0: default name); b: its site."""
    TASK_END = 8
    """The task ended. a: 1 if somebody was told: it was awaited, or has a callback of the app's;
    b: one of the TASK_ outcomes."""
    REQUEST_START = 9
    """The task begins a request. a: when the client sent it (0: unknown); b: `METHOD /path`; of a
    WebSocket, `WS /path`."""
    REQUEST_END = 10
    """The task has served its request. a: HTTP status (0: none was sent; 101: a WebSocket that was
    accepted) | body bytes sent << 16; b: `METHOD /route/{template}`."""
    STALL = 11
    """The watchdog's sample of the running callback, the task's. a: started at; b: its stack, as
    `probe.watchdog` writes it."""
    MARK = 12
    """Something changed. b: its text, `kind:detail`, for instance `fix:to_thread=on`; or, once, the
    app's routes: `routes:GET /a, GET /b`. What the program says: `mark:text`, of `loopviz.mark`;
    `log:level <tab> logger <tab> message`, of a log record."""
    HOOK_FAILED = 13
    """A hook raised and was disabled. b: the hook and the error."""
    RESOURCE = 14
    """A resource is introduced, or described again. a: its number << 32 | capacity (0: none, or not
    known); the task: its maker, 0 if it was there before; b: `kind <tab> name <tab> file <tab> line
    <tab> function`, the last three where it was made."""
    WAIT = 15
    """From here on the task waits, if it suspends, for a resource. a: the resource |
    direction << 32 (WAIT_PUT or WAIT_GET); b: the place in the user's code. Ended by `ACQUIRED` or
    `WAIT_OVER` of the same task and resource; waits of a task nest."""
    WAIT_OVER = 16
    """The task, a: as in its `WAIT`. The wait is over and nothing is held: given up, timed out,
    cancelled; or the event is set, the condition notified, the item taken."""
    ACQUIRED = 17
    """The task (0: not known) acquired a unit. a: place << 32 | the resource (place 0: that of
    its `WAIT`, or not known); b: in use afterwards. Ends its wait for it, if there is one."""
    RELEASED = 18
    """The task (0: not known) gave a unit back. a: the resource; b: in use afterwards."""
    QUEUE_SIZE = 19
    """A queue's or stream's size changed, by the task. a: the resource; b: items in it."""
    JOB = 20
    """A worker job was submitted, by the task. a: its number << 32 | the executor's
    resource; b: the function's place."""
    JOB_START = 21
    """A worker started the job. a: as in `JOB`; b: the worker's name."""
    JOB_END = 22
    """The job ended. a: as in `JOB`; b: one of the TASK_ outcomes."""
    GC = 23
    """A garbage collection ended, during which no Python code ran. a: started at; b: generation,
    plus GC_ELSEWHERE if it ran on another thread than the loop's."""
    WOKEN = 24
    """Right after its `STEP`: the task was made ready by a step of another one. a: that task."""
    EXCEPTION_NEVER_RETRIEVED = 25
    """The task's exception was never retrieved. b: the exception."""
    TASK_DESTROYED = 26
    """The task was destroyed while it was pending: nothing referenced it."""
    PHASE = 27
    """The request of the task enters a phase. b: its name (`dependencies`, `endpoint`,
    `serialization`, `background`), 0: it is over, and its response is sent in parts. a: 0; or
    SPAN_BEGINS, SPAN_ENDS: b is the name of a `loopviz.span`, which ends no phase, nor does a phase
    end it."""
    CLIENT_DISCONNECTED = 28
    """The client of the task's request disconnected before the response was complete."""
    HTTP_CALL = 29
    """An outbound HTTP call of the task ended. a: place << 32 | status (0: it failed); b: the
    host."""
    OVERHEAD = 30
    """The probe's cost by its own measurement. a: nanoseconds added per callback."""
    COVERAGE = 31
    """The coverage of this loop. b: `full` (also if there is no such record); `uvloop` (busy time
    between callbacks is CPU time); `steps` (another foreign loop: no callbacks, no ready delay)."""
    COUNTER = 32
    """A counter of the scenario has a new value. a: the value, two's complement; b: its key."""
    REQUEST_EXCEPTION = 33
    """An exception went through the app that serves the task's request. a: the place in the user's
    code where it was raised (0: not there); b: its type and message."""
    NEVER_AWAITED = 34
    """A coroutine was destroyed without having been awaited. The task: the running one (0: none);
    a: the place that made the coroutine (0: not known); b: its site."""
    QUEUED = 35
    """The loop's thread could run and had no core. a: since when this is summed up; b: how long,
    in `WAITED_UNIT_NS`, of waits that ended since then, and of what a hypervisor or a stop took.
    The first one, with b 0, says that such waits are measured from here on."""
    WAITED_FOR_GIL = 36
    """The loop's thread waited for the GIL in a callback, or in several. a, b: as in `QUEUED`."""
    THROTTLED = 37
    """The process has reached the CPU limit of its control group. a: periods since the last such
    record << 32 | those in which it was reached; b: `cores <tab> setting`."""
    SUSPENDED = 38
    """Right after its `TASK_START`: the task is older than the probe and waits. b: the place."""
    STREAM_OPENED = 44
    """The response of the task's request has begun, and is sent in parts; or its WebSocket was
    accepted. a: LASTING if it goes on as long as its client wants; b: `METHOD /route/{template}`.
    The method of a WebSocket is `WS`."""
    MESSAGE = 45
    """A part of that response, or a message of the WebSocket. a: its size << 1, plus RECEIVED if
    the client sent it. The size of a text is in characters."""

    TASK_EXCEPTION = 46
    """Right before its `TASK_END`: the task raised, and nobody is told. a: the place in the user's
    code where it was raised (0: not there); b: its type and message (0: there are too many)."""

    LOOP_CLOSED = 47
    """Right before `STOPPED`: the loop was closed, and what was open in it is over. Another loop of
    the process may go on in the ring."""


def tag(kind: Kind, task_id: int = 0, b: int = 0) -> int:
    """A record's tag; `b` must be less than 2**24."""
    return task_id & NUMBER | kind << KIND_SHIFT | b << B_SHIFT


SWITCHES = (Kind.STEP, Kind.CALLBACK, Kind.IDLE, Kind.POLLED, Kind.STOPPED)

TASK_RETURNED, TASK_RAISED, TASK_CANCELLED = 0, 1, 2
GC_ELSEWHERE = 16
LASTING, RECEIVED = 1, 1
HEARTBEAT_NS = 20 * MS
"""The interval of the heartbeat, from one due time to the next."""
HEARTBEAT_LET_GO_NS = 1 * SECOND
"""Beats that are late by more than this are skipped."""
WAITED_UNIT_NS = MS // 10
"""The unit of `QUEUED` and `WAITED_FOR_GIL`: 24 bits of it are half an hour."""
OWN = "loopviz"
"""In place of a frame's file: the thread is one of loopviz's own."""
SPAN_BEGINS, SPAN_ENDS = 1, 2
WAIT_PUT, WAIT_GET = 0, 1
"""Direction of a wait: to get in (acquire, put), or to take something out (get, receive). The
latter is what idle consumers do, and harmless."""
