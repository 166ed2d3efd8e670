"""Stalls: callbacks that blocked the loop, their lines, and their victims."""

from collections import deque
from itertools import islice

from loopviz.clock import MS
from loopviz.model.snapshot import Location, StallInfo
from loopviz.model.snapshot.types import Cause
from loopviz.wire.endpoint_work import EndpointWork
from loopviz.wire.events import OWN

__all__ = ["OPEN_NS", "SLOW_NS", "Cause", "Stall", "Stalls"]

SLOW_NS = 20 * MS
"""From here on a callback is slow. asyncio's debug mode says 100 ms; users notice less."""
OPEN_NS = 12 * MS
"""From here on one that still runs is shown, so that most stalls are seen while they last."""
_NOBODYS: tuple[Cause, ...] = ("gil", "gc", "machine", "limit", "loopviz")
"""Causes that no line is to blame for."""


class Stall:
    """One callback that blocked the loop. `end_ns` is 0 while it does."""

    __slots__ = (
        "_info",
        "_runs",
        "call",
        "cause",
        "end_ns",
        "gil_ns",
        "imported",
        "label",
        "location",
        "package",
        "paused_ns",
        "queued_ns",
        "request",
        "seen",
        "seen_ns",
        "slept",
        "stack",
        "start_ns",
        "victims",
        "work",
    )

    def __init__(self, start_ns: int, label: str, request: int) -> None:
        self.start_ns = start_ns
        self.end_ns = 0
        self._runs = label
        self.request = request
        self.victims = 0
        self.begin_description()

    def begin_description(self) -> None:
        """Forgets what is known of its cause, which is what has been recorded up to now."""
        self._info: StallInfo | None = None
        self.label = self._runs
        self.location: Location | None = None
        """The innermost line of the user's code; without one, see `probe.stacks.Stack.culprit`."""
        self.package = ""
        """The package or module of the line; empty for the user's code."""
        self.seen, self.seen_ns = 0, 0
        """How often it was seen there, and how long it was there by that."""
        self.slept = False
        """Whether its thread was seen asleep in a system call."""
        self.call: Location | None = None
        """The library call that this line made, and the line in it; None: a C function's."""
        self.imported = ""
        """The module whose import was its cause; empty: none, or not known."""
        self.work: EndpointWork | None = None
        """What FastAPI did, if the location is that of an endpoint that did not run."""
        self.stack: tuple[Location, ...] = ()
        """The most frequent stack, innermost frame first: as far as the culprit's callers."""
        self.cause: Cause = "callback"
        """With `gil`, the location is the thread's that had it, None if that was not seen; with
        `gc`, `machine`, `limit` and `loopviz` there is none."""
        self.paused_ns = 0
        """How long garbage collections ran within it."""
        self.queued_ns = self.gil_ns = 0
        """How long its thread waited for a core and for the GIL within it, about."""

    @property
    def culprit(self) -> tuple[str, int]:
        """The key of the culprit; `("", 0)`: not seen.

        That is the line, the function for the GIL, and who ran it for a package's code: at which of
        its lines a sample is taken depends on chance.
        """
        where = self.location
        if where is None:
            return (f"{self.cause}:" if self.cause in _NOBODYS else ""), 0
        if self.cause == "gil":
            return f"gil:{where.path}:{where.function}", 0
        if self.package and self.cause == "callback":
            return f"{self.package}:{self.label}", 0
        kind = f"{self.work.kind}:" if self.work is not None else ""
        return f"{kind}{where.path}", where.line

    def add_pauses(self, paused_ns: int, longest_ns: int, now_ns: int) -> None:
        """Garbage collections ran within it for so long, the longest of them for `longest_ns`.

        They are its cause if it would not be slow without them and they are a quarter of it, or if
        one of them took most of it. Many in one callback are of its own making: it makes that many
        objects.
        """
        self.paused_ns = paused_ns
        lasted = (self.end_ns or now_ns) - self.start_ns
        needed = lasted - paused_ns < SLOW_NS and 4 * paused_ns >= lasted
        if paused_ns and (needed or 2 * longest_ns >= lasted):
            self._is_nobodys("gc", "a garbage collection")

    def add_waits(
        self,
        now_ns: int,
        *,
        queued_ns: int,
        gil_ns: int,
        limited: bool,
        keeps_gil: Location | None,
    ) -> None:
        """Its thread waited so long for a core and for the GIL, about.

        These are its cause if it would not be slow without, and if they are a quarter of it at
        least. `limited`: its CPU limit was reached; `keeps_gil`: the line of the thread that had
        the GIL.
        """
        lasted = (self.end_ns or now_ns) - self.start_ns
        gil_ns = min(gil_ns, lasted - queued_ns)
        self.queued_ns, self.gil_ns, waited = queued_ns, gil_ns, queued_ns + gil_ns
        if self.cause == "gc":  # whose wait for the GIL is one for the collection
            gil_ns, waited, rest = 0, queued_ns, lasted - queued_ns
        else:  # a collection waits for a core as everything else does
            rest = (lasted - waited) * (lasted - self.paused_ns) // max(lasted, 1)
        if rest >= SLOW_NS or 4 * waited < lasted:
            return
        if gil_ns > queued_ns and keeps_gil is not None and keeps_gil.path == OWN:
            self._is_nobodys("loopviz", "loopviz itself, which had the GIL")
        elif gil_ns > queued_ns:
            self._is_nobodys("gil", "a wait for the GIL")
            self.location = keeps_gil
        else:
            self._is_nobodys("limit" if limited else "machine", "a wait for a core")

    def _is_nobodys(self, cause: Cause, label: str) -> None:
        """No line is to blame."""
        self.cause, self.label = cause, label
        self.location = self.call = self.work = None
        self.package = self.imported = ""

    def info(self, now_ns: int) -> StallInfo:
        """A frozen copy; the same one again while nothing has changed."""
        known = self._info
        if (
            known is None
            or known.open
            or (known.victims, known.cause) != (self.victims, self.cause)
        ):
            known = StallInfo(
                start_ns=self.start_ns,
                end_ns=self.end_ns or now_ns,
                open=not self.end_ns,
                label=self.label,
                location=self.location,
                request=self.request,
                victims=self.victims,
                call=self.call,
                cause=self.cause,
                work=self.work,
                imported=self.imported,
            )
            self._info = known
        return known


class Stalls:
    """The stalls of the last minute or so, oldest first."""

    def __init__(self, keep: int = 2000) -> None:
        self.ended: deque[Stall] = deque(maxlen=keep)
        self._retained: list[Stall] = []

    def begin(self) -> None:
        """Forgets all of them."""
        self.ended.clear()

    def overlapping(self, start_ns: int, end_ns: int) -> list[Stall]:
        """Ended stalls that overlap the interval, newest first."""
        found = []
        for stall in reversed(self.ended):
            if stall.end_ns <= start_ns:
                break
            if stall.start_ns < end_ns:
                found.append(stall)
        return found

    def between(self, start_ns: int, end_ns: int) -> list[Stall]:
        """Ended stalls that overlap the interval, oldest first, with the retained ones."""
        found = self.overlapping(start_ns, end_ns)[::-1]
        oldest = self.ended[0].start_ns if self.ended else end_ns
        return [s for s in self._retained if s.start_ns < oldest and s.end_ns > start_ns] + found

    def retain(self) -> None:
        """Keeps the present stalls available to `between` until `release`."""
        self._retained = list(self.ended)

    def release(self) -> None:
        """Ends `retain`."""
        self._retained = []

    def since(self, time: int) -> list[Stall]:
        """Stalls that ended after `time`, oldest first."""
        count = 0
        for stall in reversed(self.ended):
            if stall.end_ns <= time:
                break
            count += 1
        return list(islice(self.ended, len(self.ended) - count, None))
