"""The log of stalls: what made each of them, and whom they delayed."""

from collections import deque

from loopviz.model.names import Naming
from loopviz.model.state.incidents import Incidents
from loopviz.model.state.observer import Observer
from loopviz.model.state.pauses import Pauses
from loopviz.model.state.request import Request
from loopviz.model.state.seconds import Seconds
from loopviz.model.state.stack_samples import StackSamples
from loopviz.model.state.stalls import Stall, Stalls
from loopviz.model.state.thread_waits import LATE_NS, CoreWaits, Idle, ThreadWaits

__all__ = ["StallLog"]


class StallLog:
    """Keeps stalls, finds their causes and tells the observer.

    Where waits for a core are measured, the last one within a stall is known only some time after
    it: until then nothing is said of that stall.
    """

    def __init__(self, naming: Naming, observer: Observer, seconds: Seconds, idle: Idle) -> None:
        self.stalls = Stalls()
        self.samples = StackSamples(naming)
        self.pauses = Pauses()
        self.core_waits, self.gil_waits = CoreWaits(idle), ThreadWaits(idle)
        self.incidents = Incidents()
        self._observer, self._seconds = observer, seconds
        self._unjudged: deque[tuple[Stall, list[tuple[Request, int]]]] = deque()
        """The stalls of the last moments, and who waited how long because of each."""

    def begin(self) -> None:
        """Starts all counts anew."""
        self.pauses.begin()
        self.core_waits.begin()
        self.gil_waits.begin()
        self._unjudged.clear()

    def open(self, now: int, stall: Stall) -> Stall:
        """Describes a stall that goes on."""
        self._describe(stall, now, self._gil_ns_so_far(stall.start_ns, now))
        return stall

    def close(self, end: int, stall: Stall) -> None:
        """Describes a stall that has ended, and keeps it."""
        stall.end_ns = end
        self._describe(stall, end, self.gil_waits.within(stall.start_ns, end))
        self.stalls.ended.append(stall)
        self._seconds.stall(stall.start_ns, end)
        self.incidents.stall(stall)
        self._unjudged.append((stall, []))
        if not self.core_waits.measured:
            self.judge_all()

    def find_culprits(self, request: Request, start: int, end: int) -> None:
        """Makes the request a victim of the stalls in the time in which it could have run."""
        for stall in self.stalls.overlapping(start, end):
            if stall.request == request.number:
                continue
            stall.victims += 1
            wait = min(end, stall.end_ns) - max(start, stall.start_ns)
            waits = next((waits for other, waits in self._unjudged if other is stall), None)
            if waits is None:
                self._tell_of(stall, request, wait)
            else:
                waits.append((request, wait))

    def judge(self, now: int) -> None:
        """Tells of the stalls of which everything is known by now."""
        while self._unjudged and self._unjudged[0][0].end_ns + LATE_NS <= now:
            self._judge()

    def judge_all(self) -> None:
        """Tells of all stalls: nothing more will be known of them."""
        while self._unjudged:
            self._judge()

    def waits_for_gil(self, start: int, now: int) -> bool:
        """Whether a callback that began at `start` has waited for the GIL for most of the time."""
        return 2 * self._gil_ns_so_far(start, now) > now - start

    def _gil_ns_so_far(self, start: int, now: int) -> int:
        """How long that callback has waited for the GIL, if it goes on as at the last look."""
        waited, at = self.gil_waits.within(start, now), self.gil_waits.last_ns
        goes_on = start < at >= self.samples.last_ns(start)
        return waited + max(now - at, 0) if goes_on else waited

    def _judge(self) -> None:
        stall, waits = self._unjudged.popleft()
        self._describe(stall, stall.end_ns, self.gil_waits.within(stall.start_ns, stall.end_ns))
        self._observer.stall(stall)
        for request, wait in waits:
            self._tell_of(stall, request, wait)

    def _tell_of(self, stall: Stall, request: Request, wait_ns: int) -> None:
        if request.victim_of is None:
            request.victim_of = set()
        new = stall.culprit not in request.victim_of
        request.victim_of.add(stall.culprit)
        self._observer.victim(stall, request, wait_ns, new=new)

    def _describe(self, stall: Stall, now: int, gil_ns: int) -> None:
        start = stall.start_ns
        waits = self.core_waits
        asleep = self.samples.slept(start)
        stall.begin_description()
        self.samples.describe(stall)
        stall.add_pauses(*self.pauses.within(start, now), now)
        stall.add_waits(
            now,
            queued_ns=(waits.at_least_within if asleep else waits.within)(start, now),
            gil_ns=gil_ns,
            limited=waits.was_throttled(start, now),
            keeps_gil=self.samples.keeps_gil(start, now),
        )
