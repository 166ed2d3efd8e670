"""One request: where its time went, span by span, in few bytes."""

from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from loopviz.model.snapshot import RequestPhase
from loopviz.model.snapshot.types import State
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.model.state.spans import Spans
from loopviz.model.state.stream import Stream

__all__ = ["Call", "Request", "WaitKind", "WaitSpan", "WaitSums", "on_loop", "sums_of", "waiting"]

_SPANS_KEPT = 1024
_KINDS_KEPT = 255
"""How many kinds of waits are distinguished; their numbers fit into a byte."""
_NOTES_KEPT = 64
"""How many calls, phases and made resources of one request are kept."""

WaitKind = tuple[int, "ResourceGroup | None"]
"""What a wait was for: the place, and the resource group if it was for a resource."""
WaitSpan = tuple[int, int, int, "ResourceGroup | None"]
"""A wait of the request's task: start, end, place, and the resource group."""
Call = tuple[int, int, str, int]
"""An outbound call: when it ended, place, host, status."""
WaitSums = dict[WaitKind, tuple[int, int]]
"""How long it waited for each kind, and how often."""


class Request:
    """One request. Its spans have no gaps: span i is in `states[i]` until `times[i]`.

    `kinds[whys[i] - 1]` is what it waited for in span i; 0: it did not wait, or that is not known.
    """

    __slots__ = (
        "bytes_sent",
        "calls",
        "calls_made",
        "cancelled",
        "end_ns",
        "failure",
        "folded",
        "gone_ns",
        "kinds",
        "lane",
        "made",
        "named",
        "number",
        "phases",
        "route",
        "start_ns",
        "states",
        "status",
        "stream",
        "sums",
        "task",
        "times",
        "truncated",
        "victim_of",
        "whys",
    )

    def __init__(self, number: int, route: str, lane: int, start_ns: int, task: int) -> None:
        self.number = number
        self.route = route
        self.lane = lane
        self.task = task
        """The number of the task that serves it."""
        self.start_ns = self.end_ns = start_ns
        self.status = self.bytes_sent = self.gone_ns = self.calls_made = 0
        self.times = array("q")
        self.states: bytearray | bytes = bytearray()
        self.whys: bytearray | bytes = bytearray()
        self.sums: list[int] | array[int] = [0] * (len(State) + 1)
        """Nanoseconds in each `State`."""
        self.kinds: dict[WaitKind, int] | tuple[WaitKind, ...] = {}
        self.folded: WaitSums | None = None
        """What it waited for in spans that were merged."""
        self.victim_of: set[tuple[str, int]] | None = None
        """The culprits that have delayed it; see `Stall.culprit`."""
        self.calls: list[Call] | tuple[Call, ...] = []
        self.phases: list[RequestPhase] | tuple[RequestPhase, ...] = []
        """The last one's end is 0 while it lasts."""
        self.made: list[ResourceGroup] | tuple[ResourceGroup, ...] = []
        self.truncated = self.cancelled = self.named = False
        """`truncated`: spans, calls, phases or made are incomplete; `named`: by the load."""
        self.stream: Stream | None = None
        """Its messages, once its response has begun and is sent in parts, or of a WebSocket."""
        self.failure: tuple[int, str] | None = None
        """The exception that went through the app: where it was raised, and its text."""

    @property
    def sealed(self) -> bool:
        """Whether it has ended, and does not change any more."""
        return isinstance(self.states, bytes)

    @property
    def lasts(self) -> bool:
        """Whether it is open for as long as its client wants: its duration is no latency."""
        return self.stream is not None and self.stream.lasts

    @property
    def busy_ns(self) -> int:
        return on_loop(self.sums)

    @property
    def ready_ns(self) -> int:
        return self.sums[State.READY]

    @property
    def waiting_ns(self) -> int:
        return waiting(self.sums)

    def add(self, until_ns: int, state: int, kind: WaitKind | None = None) -> None:
        """Adds a span in `state` up to `until_ns`; if it waited, it was for `kind`."""
        lasted = until_ns - self.end_ns
        if lasted <= 0:
            return
        self.times.append(until_ns)
        self.states.append(state)  # type: ignore[union-attr]
        why = 0
        if kind is not None:
            kinds = self.kinds
            why = kinds.get(kind, 0)  # type: ignore[union-attr]
            if not why and len(kinds) < _KINDS_KEPT:
                why = kinds[kind] = len(kinds) + 1  # type: ignore[index]
        self.whys.append(why)  # type: ignore[union-attr]
        self.sums[state] += lasted
        self.end_ns = until_ns
        if len(self.times) > _SPANS_KEPT:
            self._coarsen()

    def phase(self, at: int, name: str) -> None:
        """Enters the phase; empty: the last one ends."""
        self._end_phase(at, span=False)
        if name:
            self.keep(self.phases, RequestPhase(name, at, 0))

    def span(self, at: int, name: str, *, begins: bool) -> None:
        """A `loopviz.span` of that name begins or ends."""
        if begins:
            self.keep(self.phases, RequestPhase(name, at, 0, span=True))
        else:
            self._end_phase(at, span=True, name=name)

    def _end_phase(self, at: int, *, span: bool, name: str = "") -> None:
        """Ends the newest phase or span that lasts, of that name if one is given."""
        phases = self.phases
        if isinstance(phases, tuple):
            return
        for place in reversed(range(len(phases))):
            phase = phases[place]
            if phase.span == span and not phase.end_ns and (not name or phase.name == name):
                phases[place] = phase._replace(end_ns=at)
                return

    def opens(self, at: int, *, lasts: bool = False) -> None:
        """Its response begins, in parts, or its WebSocket is accepted: its last phase is over."""
        self.phase(at, "")
        if self.stream is None:
            self.stream = Stream(lasts)
        self.stream.opened_ns = at

    def keep(self, notes: Any, note: Any) -> None:
        """Adds to one of its lists, within bounds; notes after its end are ignored."""
        if isinstance(notes, tuple):
            return
        if len(notes) < _NOTES_KEPT:
            notes.append(note)
        else:
            self.truncated = True

    def seal(self, known: dict[tuple[WaitKind, ...], tuple[WaitKind, ...]]) -> None:
        """Makes it read-only and small, once its end has been handled.

        `known` are the kinds of waits of other requests: most wait for what others wait for.
        """
        self.times, self.sums = self.times[:], array("q", self.sums)
        self.states, self.whys = bytes(self.states), bytes(self.whys)
        kinds = tuple(self.kinds)
        self.kinds = known.setdefault(kinds, kinds) if len(known) < 10_000 else kinds
        self.calls, self.made = tuple(self.calls), tuple(self.made)
        self.phases = tuple(self.phases)
        if self.stream is not None:
            self.stream = self.stream.sealed()

    @property
    def spans(self) -> Spans:
        """Its spans up to now."""
        if isinstance(self.states, bytes):
            return Spans(self.start_ns, self.times, self.states)
        return Spans(self.start_ns, self.times[:], bytes(self.states))

    @property
    def history(self) -> list[WaitSpan]:
        """Its task's waits, oldest first; of a truncated one, the newest."""
        kinds, waits, start = tuple(self.kinds), [], self.start_ns
        for end, why in zip(self.times, self.whys, strict=True):
            if why:
                waits.append((start, end, *kinds[why - 1]))
            start = end
        return waits

    def waits(self) -> WaitSums:
        """What it waited for, as far as it is known."""
        return sums_of(self.spans, self.whys, tuple(self.kinds), self.folded or {})

    def _coarsen(self) -> None:
        """Merges the oldest half of very many spans into large pieces; its sums stay exact."""
        half = _SPANS_KEPT // 2
        self.truncated = True
        self._fold(half)
        times, states, start = array("q"), bytearray(), self.start_ns
        for i in range(0, half, 8):
            group = (start, *self.times[i : i + 8])
            lengths = [end - begin for begin, end in pairwise(group)]
            times.append(group[-1])
            states.append(self.states[i + lengths.index(max(lengths))])
            start = group[-1]
        self.times[:half] = times
        self.states[:half] = states  # type: ignore[index]
        self.whys[:half] = bytes(len(times))  # type: ignore[index]

    def _fold(self, spans: int) -> None:
        """Adds up what the oldest spans waited for."""
        oldest = Spans(self.start_ns, self.times[:spans], bytes(self.states[:spans]))
        self.folded = sums_of(oldest, self.whys[:spans], tuple(self.kinds), self.folded or {})


def sums_of(
    spans: Spans, whys: bytes | bytearray, kinds: tuple[WaitKind, ...], folded: WaitSums
) -> WaitSums:
    """How long each kind was waited for, and how often; spans beyond `whys` do not count."""
    sums, start = dict(folded), spans.start_ns
    for end, why in zip(spans.times, whys, strict=False):
        if why:
            kind = kinds[why - 1]
            total, count = sums.get(kind, (0, 0))
            sums[kind] = total + end - start, count + 1
        start = end
    return sums


def on_loop(sums: Sequence[int]) -> int:
    """The time of all states, of sums by state, in which one of its steps was on the loop."""
    return sums[State.RUN] + sums[State.BLOCKING] + sums[State.GIL]


def waiting(sums: Sequence[int]) -> int:
    """The time of all states, of sums by state, in which it waited for anything but the loop."""
    return sums[State.AWAIT] + sums[State.RESOURCE] + sums[State.THREAD]
