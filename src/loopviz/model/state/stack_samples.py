"""Samples of stacks: where a callback was, for how long, and which line is to blame."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from loopviz.model.names import Naming, parse_site
from loopviz.model.snapshot import Location
from loopviz.model.state.stalls import Stall
from loopviz.model.state.thread_waits import LATE_NS
from loopviz.wire.endpoint_work import EndpointWork, parse

__all__ = ["StackSamples"]

_DEPTH = 12
"""How many frames a stall keeps …"""
_CALLERS = 6
"""… or so many from the culprit's on, of a deeper stack."""
_IMPORTS = "<frozen importlib"
_FRAMEWORKS = frozenset(("django", "fastapi", "litestar", "quart", "sanic", "starlette"))
"""Packages that call the user's functions; what called them in turn is not their business."""
_KEEP_GIL = 500
"""How many samples of threads that had the GIL are kept."""
_LOOSE = 32
"""How many dumps are kept: those of a second or more."""
_ns = attrgetter("ns")


class _Stack(NamedTuple):
    """Frames as strings, innermost first, and the index of the culprit."""

    culprit: int
    frames: tuple[str, ...]


@dataclass(slots=True)
class _Call:
    """What was seen of a callback at one line, in one call."""

    stack: _Stack
    ns: int = 0
    times: int = 0


class _Seen:
    """The samples of one callback: how long it was at each line, and in which call."""

    __slots__ = ("asleep", "last_ns", "lines")

    def __init__(self, started_ns: int) -> None:
        self.last_ns = started_ns
        self.asleep = False
        """Whether its thread slept in a system call when a sample was taken."""
        self.lines: dict[tuple[str, ...], dict[str, _Call]] = {}

    def add(self, at_ns: int, stack: _Stack) -> None:
        """A sample stands for the time since the one before it."""
        path_and_line = tuple(stack.frames[stack.culprit].split("\t")[1:3])
        call = stack.frames[stack.culprit - 1] if stack.culprit else ""
        seen = self.lines.setdefault(path_and_line, {}).setdefault(call, _Call(stack))
        seen.ns += max(at_ns - self.last_ns, 1)
        seen.times += 1
        self.last_ns = max(at_ns, self.last_ns)

    def most(self, functions: Callable[[_Stack], dict[object, int]]) -> _Call | None:
        """The call that took most time at the line to blame, with the sums of that line.

        That line took half of the time at least, or most of the time that was spent in the
        innermost function that took half, of `functions`: those that a stack is in, innermost
        first, and their frames. Without one, no more is known than which line took most.
        """
        lines = [_total(calls.values()) for calls in self.lines.values()]
        if not lines:
            return None
        line = max(lines, key=_ns)
        if 2 * line.ns >= sum(map(_ns, lines)):
            return line
        calls = [call for calls in self.lines.values() for call in calls.values()]
        return _in_one_function(calls, functions) or line


def _total(calls: Iterable[_Call]) -> _Call:
    """The call that took most time, with the sums of all."""
    calls = list(calls)
    stack = max(calls, key=_ns).stack
    return _Call(stack, sum(map(_ns, calls)), sum(call.times for call in calls))


def _in_one_function(
    calls: Iterable[_Call], functions: Callable[[_Stack], dict[object, int]]
) -> _Call | None:
    """The line that took most of the time in the innermost function that took half of all."""
    spent: Counter[object] = Counter()
    seen = [(call, functions(call.stack)) for call in sorted(calls, key=_ns, reverse=True)]
    for call, inside in seen:
        spent.update(dict.fromkeys(inside, call.ns))
    half = sum(call.ns for call, _ in seen) / 2
    innermost = next((name for _, inside in seen for name in inside if spent[name] >= half), None)
    lines: dict[str, list[_Call]] = {}
    for call, inside in seen:
        if innermost in inside:
            stack = call.stack._replace(culprit=inside[innermost])
            line = stack.frames[stack.culprit]
            lines.setdefault(line, []).append(_Call(stack, call.ns, call.times))
    return max(map(_total, lines.values()), key=_ns, default=None)


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
        seen = self._seen(stall.start_ns, stall.end_ns)
        stall.slept = seen.asleep
        most = seen.most(self._functions)
        if most is not None:
            stack = most.stack
            stall.seen, stall.seen_ns = most.times, most.ns
            named = [self._naming.location(frame) for frame in stack.frames]
            stall.location, stall.work = self._blamed(stack)
            if not self._naming.is_users(stall.location.path):
                stall.package = stall.location.file.partition("/")[0]
            stall.call = named[stack.culprit - 1] if stack.culprit else None
            stall.stack = tuple(named[: max(_DEPTH, stack.culprit + _CALLERS)])
            inside = named if stall.package else named[: stack.culprit]
            if stall.cause == "callback" and any(
                frame.path.startswith(_IMPORTS) for frame in inside
            ):
                stall.cause, stall.imported = "import", self._imported(inside)

    def location(self, started_ns: int) -> Location | None:
        """The line most often seen in that callback; None: never seen."""
        most = self._seen(started_ns).most(self._functions)
        return self._blamed(most.stack)[0] if most else None

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
        most = seen.most(self._functions)
        return self._blamed(most.stack)[0] if most else None

    def forget_before(self, time: int) -> None:
        self._culprits = {start: seen for start, seen in self._culprits.items() if start >= time}

    def _functions(self, stack: _Stack) -> dict[object, int]:
        """The user's functions from the culprit outwards; without any, the culprit's package."""
        found: dict[object, int] = {}
        for index, frame in enumerate(stack.frames[stack.culprit :], stack.culprit):
            site = parse_site(frame)
            package = self._naming.short(site.path).partition("/")[0]
            if self._naming.is_users(site.path):
                found.setdefault((site.path, site.function, site.name), index)
            elif not found:
                return {package: index}
            elif package in _FRAMEWORKS:
                break
        return found

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
        both.asleep = seen.asleep
        both.lines = {
            line: {name: copy(call) for name, call in calls.items()}
            for line, calls in seen.lines.items()
        }
        for at, stack in loose:
            both.add(at, stack)
        return both
