"""Stalls: callbacks that held the loop too long, on which line, and who waited meanwhile."""

from collections import Counter, deque
from collections.abc import Sequence
from itertools import islice

from loopviz.clock import MS
from loopviz.model.places import Naming
from loopviz.model.snapshot import Location, StallView

__all__ = ["OPEN_NS", "SLOW_NS", "Samples", "Stall", "Stalls"]

SLOW_NS = 20 * MS
"""From here on a callback is slow. asyncio's debug mode says 100 ms; a user feels less."""
OPEN_NS = 12 * MS
"""From here on one that still runs is shown: so a screen that looks 30 times a second sees all but
the shortest stalls while they last."""


class Stall:
    """One callback that held the loop. `end_ns` is 0 while it does."""

    __slots__ = (
        "_view",
        "end_ns",
        "gil",
        "label",
        "location",
        "request",
        "start_ns",
        "victims",
    )

    def __init__(self, start_ns: int, label: str, request: int) -> None:
        self.start_ns = start_ns
        self.end_ns = 0
        self.label = label
        self.request = request
        self.location: Location | None = None
        self.gil = False
        """It waited for the GIL; the location is the thread's that had it."""
        self.victims = 0
        self._view: StallView | None = None

    @property
    def culprit(self) -> tuple[str, int]:
        """What is to blame: the line; for the GIL the function; `("", 0)` if it was not seen."""
        where = self.location
        if where is None:
            return "", 0
        return (f"gil:{where.path}:{where.function}", 0) if self.gil else (where.path, where.line)

    def view(self, now_ns: int) -> StallView:
        """A frozen copy; the same one again while nothing has changed."""
        if self._view is None or self._view.open or self._view.victims != self.victims:
            self._view = StallView(
                self.start_ns,
                self.end_ns or now_ns,
                not self.end_ns,
                self.label,
                self.location,
                self.request,
                self.victims,
            )
        return self._view


class Samples:
    """The watchdog's samples, by the start of the callback they were taken in."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._culprits: dict[int, Counter[str]] = {}
        self._gil: set[int] = set()

    def add(self, started_ns: int, stack: str, strings: Sequence[str]) -> None:
        """`stack` is `culprit:number,number,…`, numbers of frames in `strings`.

        With `gil:` before it, it is the stack of another thread, which had the GIL.
        """
        if stack.startswith("gil:"):
            self._gil.add(started_ns)
            stack = stack.removeprefix("gil:")
        index, _, numbers = stack.partition(":")
        frames = numbers.split(",")
        if not index.isdigit() or int(index) >= len(frames):
            return
        number = frames[int(index)]
        if number.isdigit() and int(number) < len(strings):
            frame = strings[int(number)]
            self._culprits.setdefault(started_ns, Counter())[frame] += 1

    def location(self, started_ns: int) -> Location | None:
        """The line most often seen in that callback, None if it was never seen."""
        seen = self._culprits.get(started_ns)
        return self._naming.location(seen.most_common(1)[0][0]) if seen else None

    def gil_was_held(self, started_ns: int) -> bool:
        """Whether the callback was seen to wait for the GIL."""
        return started_ns in self._gil

    def forget_before(self, time: int) -> None:
        self._culprits = {s: seen for s, seen in self._culprits.items() if s >= time}
        self._gil = {s for s in self._gil if s >= time}


class Stalls:
    """The stalls of the last minute or so, oldest first."""

    def __init__(self, keep: int = 2000) -> None:
        self.ended: deque[Stall] = deque(maxlen=keep)

    def overlapping(self, start_ns: int, end_ns: int) -> list[Stall]:
        """Ended stalls that overlap the interval, newest first."""
        found = []
        for stall in reversed(self.ended):
            if stall.end_ns <= start_ns:
                break
            if stall.start_ns < end_ns:
                found.append(stall)
        return found

    def since(self, time: int) -> list[Stall]:
        """Those that ended after `time`, oldest first."""
        count = 0
        for stall in reversed(self.ended):
            if stall.end_ns <= time:
                break
            count += 1
        return list(islice(self.ended, len(self.ended) - count, None))
