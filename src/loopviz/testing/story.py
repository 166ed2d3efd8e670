"""What a loop did, told in a few words, as the events that a probe would have recorded."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from loopviz.model.events import EVENT_TYPE, Event
from loopviz.model.model import Model
from loopviz.wire.events import TASK_RETURNED, Kind

__all__ = ["Story"]


class _Ring:
    """Events and the strings that they name."""

    def __init__(self) -> None:
        self.rows: list[Event] = []
        self.strings: list[str] = [""]
        self._ids = {"": 0}

    def write(self, at: int, kind: Kind, a: int = 0, who: int = 0, b: int = 0) -> None:
        self.rows.append((at, a, who, b, kind))

    def intern(self, text: str) -> int:
        number = self._ids.setdefault(text, len(self._ids))
        if number == len(self.strings):
            self.strings.append(text)
        return number

    def take(self) -> NDArray[np.void]:
        events = np.array(self.rows, EVENT_TYPE)
        self.rows = []
        return events


class Story:
    """A loop's story. Every word is a method that returns the story; times are nanoseconds.

    Tasks have the numbers that you give them. A step or callback lasts until the next one, or
    until the loop polls; `runs` lets time pass within it:

        story = Story().idle(5 * MS).task(1, "fetch").step(1).request(1, "GET /ping")
        story.runs(30 * MS).response(1, 200).end(1).idle(MS).tell(model)
    """

    def __init__(self, now_ns: int = 1024 * 10**9) -> None:
        self.now_ns = now_ns
        self.started_ns = 0
        """When the last step or callback started."""
        self._loop = _Ring()
        self._side = _Ring()

    def runs(self, ns: int) -> Self:
        """Time passes, whatever the loop is doing."""
        self.now_ns += ns
        return self

    def idle(self, ns: int) -> Self:
        """The loop waits in select, then polls."""
        began = self.now_ns
        self._loop.write(began, Kind.IDLE)
        return self.runs(ns).polls(began)

    def polls(self, began_ns: int = 0) -> Self:
        """A new iteration starts, without a wait."""
        self._loop.write(self.now_ns, Kind.POLLED, began_ns or self.now_ns)
        return self

    def step(self, task: int, runs: int = 0, *, waited: int = 0) -> Self:
        """A step of the task starts, `waited` after it became ready, and runs so long."""
        self.started_ns = self.now_ns
        self._loop.write(self.now_ns, Kind.STEP, self.now_ns - waited, task)
        return self.runs(runs)

    def callback(
        self, site: str = "", runs: int = 0, *, waited: int = 0, late: int | None = None
    ) -> Self:
        """A callback that is no task's; `late` makes it a timer's, due so long ago."""
        number = self._loop.intern(site)
        self.started_ns = self.now_ns
        self._loop.write(self.now_ns, Kind.CALLBACK, self.now_ns - waited, 0, number)
        if late is not None:
            self._loop.write(self.now_ns, Kind.TIMER, self.now_ns - late, 0, number)
        return self.runs(runs)

    def task(self, task: int, site: str = "", *, parent: int = 0, name: str = "") -> Self:
        """A task is created; `site` is as `probe.places` writes it, or just a name."""
        a = parent << 32 | self._loop.intern(name)
        self._loop.write(self.now_ns, Kind.TASK_START, a, task, self._loop.intern(site))
        return self

    def end(self, task: int, outcome: int = TASK_RETURNED) -> Self:
        """The task ended in the step that is running."""
        self._loop.write(self.now_ns, Kind.TASK_END, 0, task, outcome)
        return self

    def request(self, task: int, path: str, *, sent_ns: int = 0) -> Self:
        """In its step, the task begins to serve a request: `GET /items/3`."""
        number = self._loop.intern(path)
        self._loop.write(self.now_ns, Kind.REQUEST_START, sent_ns, task, number)
        return self

    def response(self, task: int, route: str, status: int = 200) -> Self:
        """It has served it, by that route: `GET /items/{id}`."""
        self._loop.write(self.now_ns, Kind.REQUEST_END, status, task, self._loop.intern(route))
        return self

    def stops(self) -> Self:
        """The probe is taken out."""
        self._loop.write(self.now_ns, Kind.STOPPED)
        return self

    def sampled(self, file: str, line: int, function: str = "", *, gil: bool = False) -> Self:
        """The watchdog sees the running callback at that line; with `gil`, another thread."""
        frame = self._side.intern(f"\t{file}\t{line}\t{function}")
        text = self._side.intern(f"{'gil:' if gil else ''}0:{frame}")
        self._side.write(self.now_ns, Kind.STALL, self.started_ns, 0, text)
        return self

    def mark(self, text: str) -> Self:
        """Something changes: `fix:to_thread=on`."""
        self._side.write(self.now_ns, Kind.MARK, b=self._side.intern(text))
        return self

    def hook_failed(self, text: str) -> Self:
        """A hook raised."""
        self._side.write(self.now_ns, Kind.HOOK_FAILED, b=self._side.intern(text))
        return self

    def batch(self) -> tuple[NDArray[np.void], list[str]]:
        """What the loop's ring holds since the last batch, and all its strings so far."""
        return self._loop.take(), self._loop.strings

    def side_batch(self) -> tuple[NDArray[np.void], list[str]]:
        """The same for the side ring."""
        return self._side.take(), self._side.strings

    def tell(self, model: Model) -> Self:
        """Feed the model with what is new, in the collector's order."""
        model.feed_side(*self.side_batch())
        model.feed(*self.batch())
        return self
