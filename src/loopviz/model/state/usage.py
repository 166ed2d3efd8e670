"""How resources were used: means, peaks and waits of any part of the last minute."""

from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import MS
from loopviz.model.snapshot.comparison import ResourceFigures
from loopviz.model.state.resource_groups import Occupancy, ResourceGroup
from loopviz.model.stats.histogram import Histogram

__all__ = ["EVERY_NS", "Usage"]

EVERY_NS = 500 * MS
"""How often notes are taken; waits are attributed to a time with that precision."""
_NOTES = 140
"""How many notes of each resource are kept: 70 s."""
_NONE = np.zeros(0, np.int64)


class _Note(NamedTuple):
    """The areas of a resource up to a moment, and the waits that ended since the last note."""

    at_ns: int
    in_use_area: int
    waiting_area: int
    bins: NDArray[np.int64]
    """The bins of `Histogram` that counted something."""
    counts: NDArray[np.int64]


class _Past:
    """The notes of one resource."""

    def __init__(self) -> None:
        self.notes: deque[_Note] = deque(maxlen=_NOTES)
        self._tally = _NONE
        self._waits = 0

    def note(self, at_ns: int, group: ResourceGroup) -> None:
        shown = group.shown
        rest = max(at_ns - shown.at, 0)
        in_use = shown.in_use_area + shown.in_use * rest
        waiting = shown.waiting_area + shown.waiting * rest
        bins = counts = _NONE
        if (waits := shown.waited.count) != self._waits:
            tally = shown.waited.tally()
            grown = tally - self._tally if len(self._tally) else tally
            bins = np.flatnonzero(grown)
            counts, self._tally, self._waits = grown[bins], tally, waits
        elif self._stands(in_use, waiting):
            self.notes.pop()
        self.notes.append(_Note(at_ns, in_use, waiting, bins, counts))

    def _stands(self, in_use: int, waiting: int) -> bool:
        """Whether nothing has changed since the note before the last, so that the last can go."""
        if len(self.notes) < 2:
            return False
        before, last = self.notes[-2], self.notes[-1]
        return before[1:3] == last[1:3] == (in_use, waiting) and not len(last.bins)


class Usage:
    """The notes of all resources."""

    def __init__(self) -> None:
        self._pasts: dict[Occupancy, _Past] = {}
        self.noted_ns = 0

    def begin(self) -> None:
        """Starts all counts anew."""
        self._pasts.clear()
        self.noted_ns = 0

    def note(self, at_ns: int, groups: Iterable[ResourceGroup]) -> None:
        """Takes a note of each resource; forgets those that are gone."""
        at_ns = self.noted_ns = max(at_ns, self.noted_ns)
        pasts: dict[Occupancy, _Past] = {}
        for group in groups:
            past = pasts[group.shown] = self._pasts.get(group.shown) or _Past()
            past.note(at_ns, group)
        self._pasts = pasts

    def between(self, group: ResourceGroup, start_ns: int, end_ns: int) -> ResourceFigures:
        """Means, peaks, and the waits that ended in that time."""
        past = self._pasts.get(group.shown)
        notes = list(past.notes) if past is not None else []
        if len(notes) < 2:
            return ResourceFigures()
        times = [note.at_ns for note in notes]
        start, end = max(start_ns, times[0]), min(end_ns, times[-1])
        if end <= start:
            return ResourceFigures()
        in_use, waiting = (
            float(np.diff(np.interp((start, end), times, areas))[0]) / (end - start)
            for areas in ([n.in_use_area for n in notes], [n.waiting_area for n in notes])
        )
        waited = Histogram()
        for before, note in pairwise(notes):
            if before.at_ns >= start_ns and note.at_ns <= end_ns:
                waited.count_in(note.bins, note.counts)
        peaks = _peaks(group, start_ns, end_ns)
        return ResourceFigures(
            in_use=in_use,
            in_use_max=peaks[0],
            waiting=waiting,
            waiting_max=peaks[1],
            waited=waited.quantiles(),
        )


def _peaks(group: ResourceGroup, start_ns: int, end_ns: int) -> tuple[int, int]:
    """The peaks of both counts, to within the envelope's grain."""
    times, in_use, waiting = group.shown.envelope.columns(start_ns)
    until = int(np.searchsorted(times, end_ns))
    if not until:
        return 0, 0
    return int(in_use[:until].max()), int(waiting[:until].max())
