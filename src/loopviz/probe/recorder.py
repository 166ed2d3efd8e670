"""What the patched primitives tell of the loop they run on: waits, occupancy, jobs, calls.

A patched primitive asks `current()` whether the running loop is recorded; if so, it tells what
happens in a few words. Everything but `current` and `Resource` is for the loop's own thread.
"""

import itertools
import sys
from asyncio import AbstractEventLoop, _get_running_loop
from collections.abc import Callable
from types import CodeType
from typing import Any

from loopviz.clock import Clock
from loopviz.probe.places import PLACES, coroutine_code
from loopviz.wire.events import NUMBER, SIDE_IN, Kind, tag
from loopviz.wire.ring import LockedRing

__all__ = ["Recorder", "Resource", "current", "recorders"]

_numbers = itertools.count(1)
_jobs = itertools.count(1)

recorders: dict[AbstractEventLoop | None, "Recorder"] = {}
"""Of the loops that are recorded."""


def current() -> "Recorder | None":
    """The recorder of the loop that runs on this thread; None if there is none."""
    return recorders.get(_get_running_loop())


class Resource:
    """What tasks wait for: its kind, its size, and the user's line that made it.

    Make it where the primitive is made: the line is that of the innermost user frame. Keep it on
    the primitive (`vars(lock)["_loopviz"] = …`), so that it lives as long.
    """

    __slots__ = ("capacity", "code", "kind", "line", "maker", "name", "number")

    def __init__(self, kind: str, name: str = "", capacity: int = 0, *, seen: bool = True) -> None:
        """`kind` as in docs/probe.md (`asyncio.Semaphore`); `name` empty: named after its line.

        `capacity` 0: none or unknown. `seen` False: it is met only now, and was made elsewhere.
        """
        self.number = next(_numbers) & NUMBER
        self.kind = kind
        self.name = name
        self.capacity = capacity
        self.code: CodeType | None = None
        self.line = 0
        recorder = current() if seen else None
        self.maker = recorder.task() if recorder is not None else 0
        """The task that made it."""
        if seen:
            frame = PLACES.user_frame(sys._getframe(1))
            if frame is not None:
                self.code, self.line = frame.f_code, frame.f_lineno

    def describe(self) -> str:
        """Its string, see `wire.events.Kind.RESOURCE`."""
        code = self.code
        if code is None:
            return f"{self.kind}\t{self.name}\t\t0\t"
        return f"{self.kind}\t{self.name}\t{code.co_filename}\t{self.line}\t{code.co_qualname}"


class Recorder:
    """Writes what happens on one loop. None of its methods raises."""

    def __init__(
        self,
        write: Callable[[int, int, int], None],
        task: Callable[[], int],
        intern: Callable[[str], int],
        side: LockedRing,
        clock: Clock,
        fail: Callable[[str, BaseException], None],
    ) -> None:
        self._write = write
        self.task = task
        """The number of the running task, 0 if none runs."""
        self._intern = intern
        self.side = side
        """For what other threads have to say: `JOB_START`, `JOB_END`."""
        self._clock = clock
        self._fail = fail
        self._introduced: dict[int, tuple[str, str, int]] = {}
        self._places: dict[tuple[int, int], int] = {}
        self._kept: list[CodeType] = []

    def introduce(self, resource: Resource) -> None:
        """Tell of a resource, if it is new here or has another name, kind or capacity now."""
        self._guarded("resource", self._introduce, resource)

    def wait(self, resource: Resource, side: int = SIDE_IN) -> None:
        """The running task will wait for it, if it suspends."""
        self._guarded("wait", self._wait, resource, side)

    def wait_over(self, resource: Resource, side: int = SIDE_IN) -> None:
        """The running task's wait is over, and it holds nothing."""
        a = resource.number | side << 32
        self._guarded("wait", self._tell, Kind.WAIT_OVER, resource, a, 0)

    def acquired(self, resource: Resource, in_use: int) -> None:
        """The running task holds one unit; so many are in use now."""
        self._guarded("acquired", self._tell, Kind.ACQUIRED, resource, resource.number, in_use)

    def released(self, resource: Resource, in_use: int) -> None:
        """The running task has given one unit back; so many are in use now."""
        self._guarded("released", self._tell, Kind.RELEASED, resource, resource.number, in_use)

    def level(self, resource: Resource, items: int) -> None:
        """A queue holds so many items now."""
        self._guarded("level", self._tell, Kind.LEVEL, resource, resource.number, items)

    def job(self, executor: Resource, function: Any) -> int:
        """A job was submitted. Its `a` for `JOB_START` and `JOB_END` in the side ring; 0: none."""
        a: int = self._guarded("job", self._job, executor, function) or 0
        return a

    def call(self, status: int, host: str) -> None:
        """An outbound HTTP call ended; status 0: it failed."""
        self._guarded("call", self._call, status, host)

    def phase(self, name: str) -> None:
        """The running task's request enters a phase; empty: it is over."""
        self._guarded("phase", self._phase, name)

    def gone(self, task: int) -> None:
        """The client of that task's request has gone."""
        self._guarded("gone", self._put, Kind.GONE, task, 0, 0)

    def _guarded(self, hook: str, tell: Callable[..., Any], *what: Any) -> Any:
        try:
            return tell(*what)
        except Exception as error:  # noqa: BLE001 - the app must go on
            self._fail(hook, error)

    def _introduce(self, resource: Resource) -> None:
        said = resource.kind, resource.name, resource.capacity
        if self._introduced.get(resource.number) != said:
            self._introduced[resource.number] = said
            a = resource.number << 32 | min(resource.capacity, NUMBER)
            self._put(Kind.RESOURCE, resource.maker, a, self._intern(resource.describe()))

    def _wait(self, resource: Resource, side: int) -> None:
        self._introduce(resource)
        self._put(Kind.WAIT, self.task(), resource.number | side << 32, self._place())

    def _tell(self, kind: Kind, resource: Resource, a: int, b: int) -> None:
        self._introduce(resource)
        self._put(kind, self.task(), a, min(max(b, 0), (1 << 24) - 1))

    def _job(self, executor: Resource, function: Any) -> int:
        self._introduce(executor)
        code = getattr(function, "__code__", None) or coroutine_code(function)
        name = getattr(function, "__qualname__", None) or type(function).__qualname__
        file, line = (code.co_filename, code.co_firstlineno) if code else ("", 0)
        place = self._intern(f"{name}\t{file}\t{line}\t{name}")
        a = (next(_jobs) & NUMBER) << 32 | executor.number
        self._put(Kind.JOB, self.task(), a, place)
        return a

    def _call(self, status: int, host: str) -> None:
        self._put(Kind.CALL, self.task(), self._place() << 32 | status, self._intern(host))

    def _phase(self, name: str) -> None:
        self._put(Kind.PHASE, self.task(), 0, self._intern(name) if name else 0)

    def _place(self) -> int:
        """Of the innermost user frame; 0 if there is none."""
        frame = PLACES.user_frame(sys._getframe(4))
        if frame is None:
            return 0
        key = id(frame.f_code), frame.f_lasti
        place = self._places.get(key)
        if place is None:
            code = frame.f_code
            self._kept.append(code)
            text = f"\t{code.co_filename}\t{frame.f_lineno}\t{code.co_qualname}"
            place = self._places[key] = self._intern(text)
        return place

    def _put(self, kind: Kind, who: int, a: int, b: int) -> None:
        self._write(self._clock(), a, tag(kind, who, b))
