"""The part of a snapshot that shows requests: on their lanes, and around a stall.

Frozen, in integer nanoseconds; see `snapshot`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from loopviz.model.snapshot.loop import StallInfo
from loopviz.model.snapshot.types import Location, Span

__all__ = [
    "IncidentInfo",
    "OrphanInfo",
    "RequestInfo",
    "RequestPhase",
    "StreamInfo",
    "WaitInfo",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitInfo:
    """The waits of a request at one place, added up."""

    what: str
    """The resource's name, or else what is awaited there (`sleep`, `socket`, `task`); empty: not
    seen."""
    total_ns: int
    count: int
    location: Location | None
    """Where in the code; None: not seen."""
    resource: bool
    """Whether `what` is a resource's name, see `ResourceInfo.name`."""
    library: str = ""
    """The installed library that waits there for the user's code; empty: none."""


class RequestPhase(NamedTuple):
    """A phase of a request, as FastAPI serves it, or a `loopviz.span` in it."""

    name: str
    """`dependencies`, `endpoint`, `serialization`, `background`; or the span's."""
    start_ns: int
    end_ns: int
    """Up to now, while it lasts."""
    span: bool = False
    """The app has named it; it may lie within a phase, and last longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """The messages of a WebSocket, or the parts in which a response is sent."""

    lasts: bool
    """Whether it goes on as long as its client wants: a WebSocket, server-sent events."""
    opened: bool
    """Whether the WebSocket was accepted, or the response has begun."""
    first_ns: int
    """How long it took until the first one was sent; 0: none was."""
    gap_ns: int
    """The longest time from one that was sent to the next."""
    sent: int
    received: int
    """How many have come from the client, of a WebSocket."""
    received_size: int
    """In bytes; of texts, in characters. 0 in the past: it is not known."""
    times: Sequence[int]
    """When the newest ones were sent or received, in order."""


@dataclass(slots=True, unsafe_hash=True)
class RequestInfo:
    """One request on its lane; it is never changed.

    The model builds one for each open request and frame. So it is not `frozen`, which would make
    that seven times as slow, and not `kw_only`: that alone cost 7 % of a frame's snapshot.
    """

    number: int
    route: str
    lane: int
    """Requests of a route that overlap in time lie on different lanes: 0, 1, 2 …"""
    spans: Sequence[Span]
    """Oldest first, without gaps, from `start_ns` to `end_ns`."""
    start_ns: int
    end_ns: int
    """Up to now, while `open`."""
    open: bool
    status: int
    """0 while open, or if no response was sent."""
    busy_ns: int
    ready_ns: int
    waiting_ns: int
    waits: Sequence[WaitInfo] = ()
    """Longest first; their totals sum to `waiting_ns`."""
    phases: Sequence[RequestPhase] = ()
    """Oldest first."""
    task: int = 0
    """The number of the task that serves it."""
    bytes_sent: int = 0
    """The length of the response's body; 0 while open."""
    calls: int = 0
    """How many outbound HTTP calls it made, those of its child tasks included."""
    gone_ns: int = 0
    """When its client left before the response was complete; 0: it stayed."""
    worker: int = 1
    """The number of the worker that serves it."""
    stream: StreamInfo | None = None
    """Its messages; None: it is no WebSocket, and its response is not sent in parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanInfo:
    """What works on for a request after its end: tasks that it has made, jobs of these tasks.

    It is drawn on the request's lane, which no other request takes meanwhile.
    """

    request: int
    """The request's number."""
    route: str
    lane: int
    start_ns: int
    """The request's end."""
    end_ns: int
    """Up to now, while `open`."""
    open: bool
    count: int
    """How many tasks and jobs there are at `end_ns`; of those that have ended, at `start_ns`."""
    label: str
    """The name of the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentInfo:
    """A stall, with the second before and after it, which is kept for good."""

    stall: StallInfo
    start_ns: int
    end_ns: int
    stalls: tuple[StallInfo, ...]
    """All stalls in that window."""
    requests: tuple[RequestInfo, ...]
    """Those that overlap the window, by number; of very many, those nearest to the stall."""
