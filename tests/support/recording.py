"""Reads what a probe has written, for assertions."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopviz.engine.collector import RingReader
from loopviz.model.events import EVENT_TYPE
from loopviz.wire.events import SWITCHES, Kind
from loopviz.wire.ring import AUX_RING, LOOP_RING

FEW = 1 << 15
"""The capacity of a ring for little, 1 MiB; one of the usual size takes 10 ms to make."""


class Recorded(NamedTuple):
    """An event with its kind by name, and the text that `b` names."""

    kind: Kind
    at: int
    a: int
    task_id: int
    b: int
    text: str


class Recording:
    """What a probe has written so far, in order."""

    def __init__(self, folder: Path) -> None:
        self._readers = [RingReader(folder / name) for name in (LOOP_RING, AUX_RING)]
        self.loop: list[Recorded] = []
        self.aux: list[Recorded] = []
        self.read()

    def read(self) -> None:
        for reader, events in zip(self._readers, (self.loop, self.aux), strict=True):
            records, lost = reader.read()
            assert lost == 0
            for at, a, task_id, b, kind in records.tolist():
                text = reader.strings[b] if b < len(reader.strings) else ""
                events.append(Recorded(Kind(kind), at, a, task_id, b, text))

    @property
    def strings(self) -> list[str]:
        return self._readers[0].strings

    def batch(self) -> NDArray[np.void]:
        """The loop's events as the model takes them."""
        return np.array([(e.at, e.a, e.task_id, e.b, e.kind) for e in self.loop], EVENT_TYPE)

    @property
    def kinds(self) -> list[Kind]:
        return [event.kind for event in self.loop]

    def of(self, *kinds: Kind) -> list[Recorded]:
        return [event for event in self.loop if event.kind in kinds]

    def durations(self) -> list[tuple[Recorded, int]]:
        """Each switch but the last, and how long it lasted."""
        switches = self.of(*SWITCHES)
        return [(s, after.at - s.at) for s, after in pairwise(switches)]

    def steps(self, task_id: int) -> list[tuple[int, int, int]]:
        """A task's steps: became ready, started, how long it ran."""
        return [
            (s.a, s.at, lasted)
            for s, lasted in self.durations()
            if s.kind is Kind.STEP and s.task_id == task_id
        ]

    def start_of(self, name: str) -> Recorded:
        """The one task that runs a coroutine of that (short) name."""
        (start,) = (e for e in self.of(Kind.TASK_START) if coroutine_name(e) == name)
        return start

    def outcomes(self) -> dict[str, int]:
        """By the coroutine's short name."""
        names = {start.task_id: coroutine_name(start) for start in self.of(Kind.TASK_START)}
        ends = self.of(Kind.TASK_END)
        assert len({end.task_id for end in ends}) == len(ends), "a task ended twice"
        return {names[end.task_id]: end.b for end in ends}


def coroutine_name(start: Recorded) -> str:
    return start.text.partition("\t")[0].rpartition(".")[2]
