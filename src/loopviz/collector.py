"""Reads the rings of a run's folder into the model, in batches, without the target's help."""

import mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loopviz.errors import WireError
from loopviz.model.events import EVENT_TYPE
from loopviz.model.model import Model
from loopviz.probe.stacks import Dumps
from loopviz.wire.dump import DUMP_FILE
from loopviz.wire.events import B_SHIFT, KIND_SHIFT, NUMBER
from loopviz.wire.ring import HEADER_SIZE, read_header, read_strings

__all__ = ["Collector", "RingReader"]

RECORD_TYPE = np.dtype([("at", "u8"), ("a", "u8"), ("tag", "u8"), ("seq", "u8")])
"""As it lies in the ring, see `wire.events`."""

_CHUNK = 8192


def unpack(records: NDArray[np.void]) -> NDArray[np.void]:
    """A copy of ring records with a column for each field; see `model.events`."""
    events = np.empty(len(records), EVENT_TYPE)
    tags = records["tag"]
    events["at"], events["a"] = records["at"], records["a"]
    events["who"] = tags & NUMBER
    events["kind"] = tags >> KIND_SHIFT & 0xFF
    events["b"] = tags >> B_SHIFT
    return events


class RingReader:
    """Follows one ring file. The writer may be running, blocked, stopped or dead."""

    def __init__(self, path: Path) -> None:
        """Map the file. Raises FileNotFoundError, or WireError for a file that is no ring."""
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise WireError(f"{path.name} is no loopviz ring: it is empty.")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._header = read_header(self._map, path.name)
        self._records: NDArray[np.void] = np.frombuffer(
            self._map, RECORD_TYPE, self._header.capacity, HEADER_SIZE
        )
        self._next = 0  # records read so far
        self._hole = -1  # where the last read found one record missing, but later ones there
        self._strings_at = 0
        self.strings: list[str] = [""]
        """Every string interned so far, by its number; number 0 is the empty one."""
        self.lost_strings = 0

    def read(self) -> tuple[NDArray[np.void], int]:
        """All records since the last read, copied, and how many were lost just before them."""
        lost = self._skip_overrun() + self._skip_hole()
        start = self._next
        chunks: list[NDArray[np.void]] = []
        while self._next - start < self._header.capacity:
            chunk = self._read_chunk(start + self._header.capacity - self._next)
            if not len(chunk):
                break
            chunks.append(chunk)
        if chunks and self._overrun(start):
            lost += self._next - start  # lapped while we copied: what we have may be torn
            chunks.clear()
        read = np.concatenate(chunks) if chunks else np.empty(0, EVENT_TYPE)
        # strings after records: whatever a record names was interned before it was written
        texts, self._strings_at, self.lost_strings = read_strings(
            self._map, self._header, self._strings_at
        )
        self.strings += texts
        return read, lost

    def _read_chunk(self, most: int) -> NDArray[np.void]:
        """Copy up to a chunk of the records that are there.

        `seq` is written last and so must be read first: a record may be in the making.
        """
        first = (self._next + 1) % self._header.capacity
        seqs = self._records["seq"][first : first + min(most, _CHUNK)].copy()
        filled = seqs == np.arange(self._next + 1, self._next + 1 + len(seqs), dtype=np.uint64)
        count = len(seqs) if filled.all() else int(filled.argmin())
        self._next += count
        return unpack(self._records[first : first + count])

    def close(self) -> None:
        """Unmap the file."""
        del self._records
        self._map.close()

    def _skip_overrun(self) -> int:
        """If the writer has lapped us, go on with the newer three quarters of the ring."""
        if not self._overrun(self._next):
            return 0
        newest = int(self._records["seq"].max())
        lost = newest - self._header.capacity * 3 // 4 - self._next
        self._next += lost
        return lost

    def _skip_hole(self) -> int:
        """A record whose number was taken and that never came: its hook had failed over it."""
        expected = self._next + 1
        is_hole = self._seq_at(self._next) < expected and self._seq_at(self._next + 1) > expected
        if not is_hole:
            self._hole = -1
        elif self._hole != self._next:
            self._hole = self._next  # it may be in the making: wait for the next read
        else:
            self._next += 1
            return 1
        return 0

    def _overrun(self, index: int) -> bool:
        """Whether the record is overwritten, or may be at this moment: the one before it was."""
        newer = index + self._header.capacity
        return self._seq_at(index - 1) >= newer or self._seq_at(index) > newer

    def _seq_at(self, index: int) -> int:
        return int(self._records["seq"][(index + 1) % self._header.capacity])


class Collector:
    """Feeds a model from the rings in a folder, as soon as they are there."""

    def __init__(self, loop_ring: Path, side_ring: Path, model: Model) -> None:
        self._paths = (side_ring, loop_ring)
        self._readers: tuple[RingReader, RingReader] | None = None
        self._model = model
        self._dumps = Dumps(loop_ring.with_name(DUMP_FILE))

    def drain(self) -> None:
        """Take in all that was written since the last time. Returns at once if nothing was."""
        if self._readers is None:
            try:
                side, loop = (RingReader(path) for path in self._paths)
            except FileNotFoundError:
                return
            self._readers = side, loop
        side, loop = self._readers
        # the loop's ring is read first and fed last: the samples and marks that belong to what
        # it holds were written before, so they are known when it is taken in
        dump = self._dumps.newest()  # before the ring: what is newest there was running then
        if dump is not None:
            self._model.trace.samples.dumped(*dump)
        records, lost = loop.read()
        marks, lost_marks = side.read()
        self._model.feed_side(marks, side.strings)
        self._model.lost_side(lost_marks)
        if lost:
            self._model.lost(lost, int(records["at"][0]) if len(records) else 0)
        self._model.feed(records, loop.strings)
        self._model.lost_strings(side.lost_strings + loop.lost_strings)

    def close(self) -> None:
        """Let go of the files."""
        for reader in self._readers or ():
            reader.close()
        self._readers = None
        self._dumps.close()
