"""Stalls: callbacks that blocked the loop, their lines, and their victims."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from loopviz.clock import MS
from loopviz.model.names import Naming, parse_site
from loopviz.model.snapshot import Location, StallInfo
from loopviz.model.snapshot.types import Cause
from loopviz.model.state.thread_waits import LATE_NS
from loopviz.wire.endpoint_work import EndpointWork, parse
from loopviz.wire.events import OWN

__all__ = ["OPEN_NS", "SLOW_NS", "Cause", "StackSamples", "Stall", "Stalls"]

SLOW_NS = 20 * MS
"""From here on a callback is slow. asyncio's debug mode says 100 ms; users notice less."""
OPEN_NS = 12 * MS
"""From here on one that still runs is shown, so that most stalls are seen while they last."""
_DEPTH = 12
"""How many frames a stall keeps."""
_NOBODYS: tuple[Cause, ...] = ("gil", "gc", "machine", "limit", "loopviz")
"""Causes that no line is to blame for."""
_IMPORTS = "<frozen importlib"
_KEEP_GIL = 500
"""How many samples of threads that had the GIL are kept."""
_LOOSE = 32
"""How many dumps are kept: those of a second or more."""


class _Stack(NamedTuple):
    """Frames as strings, innermost first, and the index of the culprit."""

    culprit: int
    frames: tuple[str, ...]


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
        self.call: Location | None = None
        """The library call that this line made, and the line in it; None: a C function's."""
        self.imported = ""
        """The module whose import was its cause; empty: none, or not known."""
        self.work: EndpointWork | None = None
        """What FastAPI did, if the location is that of an endpoint that did not run."""
        self.stack: tuple[Location, ...] = ()
        """The most frequent stack, innermost frame first; `_DEPTH` frames at most."""
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


class _Seen:
    """The samples of one callback: how long it was at each line, and in which call."""

    __slots__ = ("asleep", "last_ns", "lines")

    def __init__(self, started_ns: int) -> None:
        self.last_ns = started_ns
        self.asleep = False
        """Whether its thread slept in a system call when a sample was taken."""
        self.lines: dict[tuple[str, ...], dict[str, tuple[int, _Stack]]] = {}

    def add(self, at_ns: int, stack: _Stack) -> None:
        """A sample stands for the time since the one before it."""
        path_and_line = tuple(stack.frames[stack.culprit].split("\t")[1:3])
        call = stack.frames[stack.culprit - 1] if stack.culprit else ""
        calls = self.lines.setdefault(path_and_line, {})
        before, first = calls.get(call, (0, stack))
        calls[call] = before + max(at_ns - self.last_ns, 1), first
        self.last_ns = max(at_ns, self.last_ns)

    def most(self) -> _Stack | None:
        """The first stack of the call that took most time at the line that took most."""
        if not self.lines:
            return None
        calls = max(self.lines.values(), key=lambda calls: sum(ns for ns, _ in calls.values()))
        return max(calls.values(), key=lambda seen: seen[0])[1]


class StackSamples:
    """The watchdog's samples, by the start of the callback that they were taken in."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._culprits: dict[int, _Seen] = {}
        self._keep_gil: deque[tuple[int, _Stack]] = deque(maxlen=_KEEP_GIL)
        """Samples of threads that had the GIL, by their own time."""
        self._loose: deque[tuple[int, _Stack]] = deque(maxlen=_LOOSE)
        """Samples by their own time, whose callback was not known."""

    def add(self, started_ns: int, stack: str, strings: Sequence[str], at_ns: int = 0) -> None:
        """`stack` is `culprit:number,number,…`, numbers of frames in `strings`.

        With `gil:` before it, it is the stack of another thread, which had the GIL; with `asleep:`,
        the thread slept in a system call. `started_ns` 0: of the callback that ran at `at_ns`.
        """
        gil, asleep = stack.startswith("gil:"), stack.startswith("asleep:")
        stack = stack.removeprefix("gil:").removeprefix("asleep:")
        index, _, numbers = stack.partition(":")
        frames = [
            strings[int(number)]
            for number in numbers.split(",")
            if number.isdigit() and int(number) < len(strings)
        ]
        if not index.isdigit() or int(index) >= len(frames):
            return
        if gil:
            self._keep_gil.append((at_ns, _Stack(int(index), tuple(frames))))
            return
        if not started_ns:
            self.dumped(at_ns, frames, int(index))
            return
        seen = self._culprits.setdefault(started_ns, _Seen(started_ns))
        seen.asleep |= asleep
        seen.add(at_ns, _Stack(int(index), tuple(frames)))

    def dumped(self, at_ns: int, frames: Sequence[str], culprit: int) -> None:
        """Takes a sample of the callback that ran at that time."""
        self._loose.append((at_ns, _Stack(culprit, tuple(frames))))

    def describe(self, stall: Stall) -> None:
        """Fills in where the stall was, what it called and from where, as far as it was seen."""
        stack = self._seen(stall.start_ns, stall.end_ns).most()
        if stack is not None:
            named = [self._naming.location(frame) for frame in stack.frames]
            stall.location, stall.work = self._blamed(stack)
            if not self._naming.is_users(stall.location.path):
                stall.package = stall.location.file.partition("/")[0]
            stall.call = named[stack.culprit - 1] if stack.culprit else None
            stall.stack = tuple(named[:_DEPTH])
            inside = named if stall.package else named[: stack.culprit]
            if stall.cause == "callback" and any(
                frame.path.startswith(_IMPORTS) for frame in inside
            ):
                stall.cause, stall.imported = "import", self._imported(inside)

    def location(self, started_ns: int) -> Location | None:
        """The line most often seen in that callback; None: never seen."""
        stack = self._seen(started_ns).most()
        return self._blamed(stack)[0] if stack else None

    def last_ns(self, started_ns: int) -> int:
        """When that callback was last seen; its start, if never."""
        seen = self._culprits.get(started_ns)
        return seen.last_ns if seen else started_ns

    def slept(self, started_ns: int) -> bool:
        """Whether the thread was seen asleep in a system call in that callback."""
        seen = self._culprits.get(started_ns)
        return seen is not None and seen.asleep

    def keeps_gil(self, start_ns: int, end_ns: int) -> Location | None:
        """The line of the thread that had the GIL most often in that interval; None: not seen.

        Such a sample may be of the watchdog's first look after the wait.
        """
        seen = _Seen(start_ns)
        for at, sample in self._keep_gil:
            if start_ns < at <= end_ns + LATE_NS:
                seen.add(at, sample)
        stack = seen.most()
        return self._naming.location(stack.frames[stack.culprit]) if stack else None

    def forget_before(self, time: int) -> None:
        self._culprits = {start: seen for start, seen in self._culprits.items() if start >= time}

    def _blamed(self, stack: _Stack) -> tuple[Location, EndpointWork | None]:
        """The culprit, and what FastAPI did if that is an endpoint that did not run."""
        frame = stack.frames[stack.culprit]
        where, work = self._naming.location(frame), parse_site(frame).name
        return (self._naming.definition(where), parse(work)) if work else (where, None)

    def _imported(self, inside: Sequence[Location]) -> str:
        """The outermost module that these frames import; empty: it was not seen."""
        bodies = [frame for frame in inside if frame.function == "<module>"]
        return self._naming.module(bodies[-1].path) if bodies else ""

    def _seen(self, started_ns: int, ended_ns: int = 0) -> _Seen:
        """The samples of that callback, and the dumps since the last one."""
        seen = self._culprits.get(started_ns) or _Seen(started_ns)
        last = max(seen.last_ns, started_ns)
        loose = [
            (at, stack)
            for at, stack in self._loose
            if last < at and (not ended_ns or at <= ended_ns)
        ]
        if not loose:
            return seen
        both = _Seen(last)
        both.lines = {line: dict(calls) for line, calls in seen.lines.items()}
        for at, stack in loose:
            both.add(at, stack)
        return both


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
