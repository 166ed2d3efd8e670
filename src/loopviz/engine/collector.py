"""Reads the rings of a run's folder into the model, in batches, without the target's help."""

import os
import sys
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import Clock, monotonic_ns
from loopviz.engine.dumps import Dumps
from loopviz.errors import WireError
from loopviz.model.events import EVENT_TYPE
from loopviz.model.model import Model
from loopviz.wire.dump import DUMP_FILE
from loopviz.wire.events import B_SHIFT, KIND_SHIFT, NUMBER, RECORD_SIZE
from loopviz.wire.ring import HEADER_SIZE, read_header, read_strings

__all__ = ["Collector", "RingReader"]

RECORD_TYPE = np.dtype([("at", "u8"), ("a", "u8"), ("tag", "u8"), ("seq", "u8")])
"""The layout of a record in the ring, see `wire.events`."""
_SEQ_AT = RECORD_SIZE - 8

_FIRST, _CHUNK = 512, 8192
"""Records per chunk: the first chunk has about as many as a frame brings, the next ones more."""
_COUNTING = np.arange(_CHUNK, dtype=np.uint64)


def unpack(records: NDArray[np.void]) -> NDArray[np.void]:
    """A copy of ring records with a column for each field; see `model.events`."""
    events = np.empty(len(records), EVENT_TYPE)
    tags = records["tag"]
    events["at"], events["a"] = records["at"], records["a"]
    events["task_id"] = tags & NUMBER
    events["kind"] = tags >> KIND_SHIFT & 0xFF
    events["b"] = tags >> B_SHIFT
    return events


class RingReader:
    """Follows one ring file. The writer may be running, blocked, stopped or dead.

    The file is read with `pread`, never mapped: if something truncates a mapped file, looking at it
    is a SIGBUS and ends the process, while a read just comes out short.
    """

    def __init__(self, path: Path) -> None:
        """Open the file. Raises FileNotFoundError, or WireError for a file that is no ring."""
        self._path = path
        self._fd = os.open(path, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._fd)
        """Closes the file with the reader if `close` is never called."""
        try:
            head = os.pread(self._fd, HEADER_SIZE, 0)
            self._size = os.fstat(self._fd).st_size
            self._header = read_header(head, self._size, path.name)
        except WireError:
            self.close()
            raise
        self._looked, self._copied = (
            bytearray(_CHUNK * RECORD_SIZE),
            bytearray(_CHUNK * RECORD_SIZE),
        )
        self._seqs: NDArray[np.uint64] = np.frombuffer(self._looked, RECORD_TYPE)["seq"]
        self._records: NDArray[np.void] = np.frombuffer(self._copied, RECORD_TYPE)
        self._next = 0  # records read so far
        self._hole = -1  # where the last read found one record missing, but later ones there
        self._strings_at = 0
        self.strings: list[str] = [""]
        """Every string interned so far, by its number; number 0 is the empty one."""
        self.lost_strings = 0

    def read(self) -> tuple[NDArray[np.void], int]:
        """All records since the last read, copied, and the number lost just before them.

        Raises WireError if the file is shorter than it was.
        """
        lost = self._skip_overrun() + self._skip_hole()
        start = self._next
        end = start + self._header.capacity
        chunks: list[NDArray[np.void]] = []
        size = _FIRST
        while most := min(size, end - self._next, self._header.capacity - self._slot(self._next)):
            chunks.append(self._read_chunk(most))
            if len(chunks[-1]) < most:
                break
            size = min(size * 2, _CHUNK)
        read = np.concatenate(chunks) if chunks else np.empty(0, EVENT_TYPE)
        if len(read) and self._overrun(start):
            lost += len(read)  # lapped while we copied: what we have may be torn
            read = read[:0]
        # strings after records: whatever a record names was interned before it was written
        texts, self._strings_at, self.lost_strings = read_strings(
            self._read_at, self._header, self._strings_at
        )
        self.strings += texts
        return read, lost

    def _read_chunk(self, most: int) -> NDArray[np.void]:
        """Copy up to `most` of the records that are there.

        `seq` is written last and so must be read first: a record may be in the making. One copy of
        a chunk does not show the order in which its bytes were read, and could pair a new `seq`
        with the record that lay there before. So there are two, and the second one begins when the
        first one has ended: `seq` is looked at in the first, and a record that has it was complete
        before the second, from which it is taken. `_overrun` finds those overwritten since.
        """
        at = self._offset(self._next)
        self._copy(at, memoryview(self._looked)[: most * RECORD_SIZE])
        filled = self._seqs[:most] == _COUNTING[:most] + np.uint64(self._next + 1)
        count = most if filled.all() else int(filled.argmin())
        self._copy(at, memoryview(self._copied)[: count * RECORD_SIZE])
        self._next += count
        return unpack(self._records[:count])

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._fd = -1  # the number will be another file's
        self._close()

    def _skip_overrun(self) -> int:
        """If the writer has lapped us, skip all but the newest three quarters. Returns how many."""
        if not self._overrun(self._next):
            return 0
        ring = self._read_at(HEADER_SIZE, self._header.capacity * RECORD_SIZE)
        newest = int(np.frombuffer(ring, RECORD_TYPE)["seq"].max())
        lost = newest - self._header.capacity * 3 // 4 - self._next
        self._next += lost
        return lost

    def _skip_hole(self) -> int:
        """Skip a record that will never be written: its hook failed. Returns how many."""
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
        """Whether the record is overwritten, or may be just now because the one before it is."""
        newer = index + self._header.capacity
        return self._seq_at(index - 1) >= newer or self._seq_at(index) > newer

    def _seq_at(self, index: int) -> int:
        return int.from_bytes(self._read_at(self._offset(index) + _SEQ_AT, 8), sys.byteorder)

    def _slot(self, index: int) -> int:
        return (index + 1) % self._header.capacity

    def _offset(self, index: int) -> int:
        return HEADER_SIZE + self._slot(index) * RECORD_SIZE

    def _read_at(self, at: int, size: int) -> bytearray:
        raw = bytearray(size)
        self._copy(at, memoryview(raw))
        return raw

    def _copy(self, at: int, into: memoryview) -> None:
        """Fill `into` from the file. Raises WireError if the file ends before that."""
        while into:
            try:
                count = os.preadv(self._fd, [into], at)
            except OSError as error:
                raise WireError(f"{self._path} cannot be read ({error.strerror}).") from error
            if not count:
                left = os.fstat(self._fd).st_size
                raise WireError(
                    f"{self._path.name} was truncated to {left} of {self._size} bytes: "
                    f"keep clean-up jobs out of {self._path.parent}."
                )
            at, into = at + count, into[count:]


class Collector:
    """Feeds a model from the rings in a folder, once they exist."""

    def __init__(
        self,
        loop_ring: Path,
        aux_ring: Path,
        model: Model,
        *,
        clock: Clock = monotonic_ns,
        late: bool = False,
    ) -> None:
        """`late`: the writing may have begun long ago, and what was overwritten is not missed."""
        self._paths = (aux_ring, loop_ring)
        self._clock, self._late = clock, late
        self._readers: tuple[RingReader, RingReader] | None = None
        self._model = model
        self._dumps = Dumps(loop_ring.with_name(DUMP_FILE))

    def drain(self) -> None:
        """Feed the model everything written since the last call."""
        if self._readers is None:
            try:
                self._readers = self._open()
            except FileNotFoundError:
                return
        aux, loop = self._readers
        # the loop's ring is read first and fed last: the samples and marks that belong to what
        # it holds were written before, so they are known when it is taken in
        dump = self._dumps.newest()  # before the ring: what is newest there was running then
        if dump is not None:
            self._model.trace.samples.dumped(*dump)
        reads_ns = self._clock()
        records, lost = loop.read()
        marks, lost_marks = aux.read()
        self._model.feed_aux(marks, aux.strings)
        if self._late:
            lost = lost_marks = 0
            self._late = False
        self._model.lost_aux(lost_marks)
        if lost:
            self._model.lost(lost, int(records["at"][0]) if len(records) else 0)
        last_ns = int(records["at"][-1]) if len(records) else 0
        self._model.feed(records, loop.strings, max(reads_ns, last_ns))
        self._model.lost_strings(aux.lost_strings + loop.lost_strings)

    def _open(self) -> tuple[RingReader, RingReader]:
        aux_ring, loop_ring = self._paths
        aux = RingReader(aux_ring)
        try:
            return aux, RingReader(loop_ring)
        except (FileNotFoundError, WireError):
            aux.close()
            raise

    def close(self) -> None:
        """Close the files."""
        for reader in self._readers or ():
            reader.close()
        self._readers = None
        self._dumps.close()
