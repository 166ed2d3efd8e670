"""The ring: a memory-mapped file that one thread writes and anybody reads.

Layout: a header page, `capacity` records of 32 bytes (see `events`; the one with the number `seq`
in slot `seq % capacity`), then an append-only region of
interned strings (4-byte length, UTF-8 bytes; a string's number is its place, from 1).

The writer never blocks, never calls the system for an event and never waits for a reader: it
overwrites the oldest record. A reader knows by `seq` whether a slot holds the record it expects,
an older one (not written yet) or a newer one (it was overrun, and counts what it lost).
"""

import errno
import itertools
import mmap
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from loopviz.clock import monotonic_ns, wall_ns
from loopviz.errors import WireError
from loopviz.wire.events import FORMAT_VERSION, RECORD, RECORD_SIZE, Kind, tag

__all__ = [
    "AUX_CAPACITY",
    "CAPACITY",
    "HEADER_SIZE",
    "Header",
    "LockedRing",
    "Ring",
    "RingFile",
    "read_header",
    "read_strings",
    "ring_size",
]

MAGIC = b"LOOPVIZ\0"
HEADER_SIZE = 4096
CAPACITY = 1 << 18
"""Records in a ring: 8 MiB, about 13 s at 20,000 events/s."""
AUX_CAPACITY = 1 << 14
STRINGS_SIZE = 1 << 20

_FIXED = Struct("<8sIIQQQQQ")
_MOVING = Struct("<QQ")
_MOVING_AT = 256
_LENGTH = Struct("<I")

_CANNOT_ALLOCATE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""The file system knows no `fallocate`, and the C library does not stand in for it."""


class Header(NamedTuple):
    """The fixed part of a ring's header. The anchors are one moment on two clocks."""

    magic: bytes
    version: int
    record_size: int
    capacity: int
    strings_size: int
    pid: int
    anchor_monotonic_ns: int
    anchor_wall_ns: int


class Ring:
    """The writer's side of a ring: its bytes and the strings.

    Records are packed straight into `records` by the loop's hooks (`probe.hooks`), since a call
    per event would cost as much as the record itself: the one with the number
    `seq` lies at `seq << 5 & bytes_mask`. Only the thread that owns the ring may call `intern`.
    """

    def __init__(self, buffer: mmap.mmap, capacity: int) -> None:
        """`buffer` has `ring_size(capacity)` bytes."""
        self.buffer = buffer
        self.capacity = capacity
        self.bytes_mask = capacity * RECORD_SIZE - 1
        for page in range(HEADER_SIZE, HEADER_SIZE + capacity * RECORD_SIZE, mmap.PAGESIZE):
            self.buffer[page] = 0  # now, so that no callback of the app pays for a page fault
        self.records = memoryview(self.buffer)[HEADER_SIZE : HEADER_SIZE + self.bytes_mask + 1]
        self._strings_at = HEADER_SIZE + capacity * RECORD_SIZE
        self._strings_end = self._strings_at
        self._lost_strings = 0
        self._interning = False
        self._ids: dict[str, int] = {}
        header = Header(
            MAGIC,
            FORMAT_VERSION,
            RECORD_SIZE,
            capacity,
            STRINGS_SIZE,
            os.getpid(),
            monotonic_ns(),
            wall_ns(),
        )
        _FIXED.pack_into(self.buffer, 0, *header)
        self._publish()

    def intern(self, text: str) -> int:
        """The text's number, written once. 0 when the region is full; that is counted."""
        known = self._ids.get(text)
        if known is not None:
            return known
        if self._interning:  # a finalizer ran in the middle of it, and has something to say, too
            self._lost_strings += 1
            return 0
        self._interning = True
        try:
            return self._append(text)
        finally:
            self._interning = False

    def _append(self, text: str) -> int:
        raw = text.encode("utf-8", "replace")[:4096]
        end = self._strings_end + _LENGTH.size + len(raw)
        if end > len(self.buffer):
            self._lost_strings += 1
            self._publish()
            return 0
        _LENGTH.pack_into(self.buffer, self._strings_end, len(raw))
        self.buffer[end - len(raw) : end] = raw
        self._strings_end = end
        self._publish()
        number = self._ids[text] = len(self._ids) + 1
        return number

    def close(self) -> None:
        """Unmap. The file stays: whoever made the folder removes it."""
        self.records.release()
        self.buffer.close()

    def _publish(self) -> None:
        end = self._strings_end - self._strings_at
        _MOVING.pack_into(self.buffer, _MOVING_AT, end, self._lost_strings)


class RingFile(Ring):
    """A ring in a file that others may read.

    It takes the place of an older file of that name; who has mapped that one keeps it, unchanged.
    """

    def __init__(self, path: Path, *, capacity: int = CAPACITY) -> None:
        """Raises OSError, and leaves no file, if there is no room for all of it."""
        self.path = path
        size = ring_size(capacity)
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)  # of a process that was killed
        fd = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _allocate(fd, size)
            buffer = mmap.mmap(fd, size)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        super().__init__(buffer, capacity)
        unfinished.replace(path)  # a reader may look at any moment: it finds all or nothing


class LockedRing(RingFile):
    """A ring for everybody but the loop's thread: watchdog, control thread, worker threads.

    A lock guards the strings alone. A record's number is taken in one step, so that a finalizer
    or another thread may write at any point of a write.
    """

    def __init__(self, path: Path, *, capacity: int = AUX_CAPACITY) -> None:
        super().__init__(path, capacity=capacity)
        self._lock = threading.RLock()
        self._claim = itertools.count(1).__next__
        self._open = True

    def intern_all(self, texts: Sequence[str]) -> list[int]:
        """The numbers of several texts; see `intern`."""
        with self._lock:
            return [self.intern(text) for text in texts]

    def write(
        self, kind: Kind, *, a: int = 0, task_id: int = 0, text: str = "", b: int = 0, at: int = 0
    ) -> None:
        """One record, now or `at`; a `text` is interned into its `b`. Nothing once abandoned."""
        if not self._open:
            return
        if text:
            (b,) = self.intern_all((text,))
        seq, at = self._claim(), at or monotonic_ns()
        own = tag(kind, task_id, b)
        RECORD.pack_into(self.records, seq << 5 & self.bytes_mask, at, a, own, seq)

    def abandon(self) -> None:
        """Write no more: in the child of a fork, the ring is the parent's."""
        self._open = False


def ring_size(capacity: int) -> int:
    """Bytes of a ring of that many records. Raises ValueError unless that is a power of two."""
    if capacity < 1 or capacity & (capacity - 1):
        raise ValueError(f"a ring's capacity is a power of two, not {capacity}")
    return HEADER_SIZE + capacity * RECORD_SIZE + STRINGS_SIZE


def _allocate(fd: int, size: int) -> None:
    """Have the file system provide all of the file's blocks. Raises OSError if it cannot.

    A block that is missing when the mapping is written to kills the process with SIGBUS.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, 0, size)
        except OSError as error:
            if error.errno not in _CANNOT_ALLOCATE:
                raise
        else:
            return
    zeros, written = bytes(1 << 16), 0
    while written < size:
        written += os.pwrite(fd, zeros[: size - written], written)


def read_header(head: bytes, size: int, name: str) -> Header:
    """The header of a ring file, of its first bytes and its size.

    Raises WireError if it is not one that we can read.
    """
    if size < HEADER_SIZE:
        raise WireError(f"{name} is no loopviz ring: it has {size} bytes.")
    header = Header._make(_FIXED.unpack_from(head, 0))
    if header.magic != MAGIC:
        raise WireError(f"{name} is no loopviz ring: it starts with {header.magic!r}.")
    if header.version != FORMAT_VERSION:
        raise WireError(
            f"{name} has ring format {header.version}, this loopviz reads {FORMAT_VERSION}: "
            "use the same version on both sides."
        )
    whole = HEADER_SIZE + header.capacity * header.record_size + header.strings_size
    if size != whole:
        raise WireError(f"{name} is cut off: it has {size} of {whole} bytes.")
    return header


def read_strings(
    read: Callable[[int, int], bytes | bytearray], header: Header, start: int
) -> tuple[list[str], int, int]:
    """Strings interned since offset `start`: the texts, the next offset, strings lost so far.

    `read` gives a number of the file's bytes from an offset on, each time as they are then.
    """
    end, lost = _MOVING.unpack(read(_MOVING_AT, _MOVING.size))
    end = min(end, header.strings_size)
    if start >= end:
        return [], start, lost
    base = HEADER_SIZE + header.capacity * header.record_size
    raw = read(base + start, end - start)  # after `end`, which is written last
    texts, at = [], 0
    while at + _LENGTH.size <= len(raw):
        (length,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        texts.append(raw[at : at + length].decode("utf-8", "replace"))
        at += length
    return texts, start + at, lost
