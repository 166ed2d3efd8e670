"""The ring: a memory-mapped file that one thread writes and any process reads.

Layout: a header page, `capacity` records of 32 bytes (see `events`; record number `seq` is in slot
`seq % capacity`), then an append-only region of interned strings (4-byte length, UTF-8 bytes; a
string's number is its position, from 1).

The writer never blocks, makes no system call per event and never waits for a reader: it
overwrites the oldest record. A reader tells by `seq` whether a slot holds the expected record, an
older one (not written yet) or a newer one (the reader was overrun, and counts the lost records).
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
    "AUX_RING",
    "CAPACITY",
    "HEADER_SIZE",
    "LOOP_RING",
    "Header",
    "LockedRing",
    "Ring",
    "RingFile",
    "read_header",
    "read_strings",
    "ring_size",
]

LOOP_RING, AUX_RING = "loop.ring", "aux.ring"
"""Their names in the folder of a recording."""
MAGIC = b"LOOPVIZ\0"
HEADER_SIZE = 4096
CAPACITY = 1 << 18
"""Records in a ring: 8 MiB, about 13 s at 20,000 events/s."""
AUX_CAPACITY = 1 << 14
"""Records in an aux ring: 512 KiB."""
STRINGS_SIZE = 1 << 20
"""Bytes of the region of strings."""

_FIXED = Struct("<8sIIQQQQQ")
_MOVING = Struct("<QQ")
_MOVING_AT = 256
_LENGTH = Struct("<I")

_CANNOT_ALLOCATE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""`errno` values: the file system has no `fallocate`, and the C library does not emulate it."""


class Header(NamedTuple):
    """The fixed part of a ring's header. The anchors are the same moment on two clocks."""

    magic: bytes
    version: int
    record_size: int
    capacity: int
    strings_size: int
    pid: int
    anchor_monotonic_ns: int
    anchor_wall_ns: int


class Ring:
    """The writer's end of a ring: its bytes and the strings.

    Records are packed straight into `records` by the loop's hooks (`probe.hooks`), since a call
    per event would cost as much as the record itself. Record number `seq` is at offset
    `seq << 5 & bytes_mask`. Only the thread that owns the ring may call `intern`.
    """

    def __init__(self, buffer: mmap.mmap, capacity: int) -> None:
        """Write the header into `buffer`, which has `ring_size(capacity)` bytes."""
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
        self.written = 0
        """The number of the last record, set by the hooks of a loop when they stop: those of the
        next one go on from there."""
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
        """The text's number; a new text is written. 0, counted as lost, once the region is full."""
        known = self._ids.get(text)
        if known is not None:
            return known
        if self._interning:  # called by a finalizer that interrupted `_append`
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
        """Unmap the file. It stays: the owner of the folder removes it."""
        self.records.release()
        self.buffer.close()

    def _publish(self) -> None:
        end = self._strings_end - self._strings_at
        _MOVING.pack_into(self.buffer, _MOVING_AT, end, self._lost_strings)


class RingFile(Ring):
    """A ring in a file that other processes may read.

    It replaces an older file of that name; processes that have that one mapped keep it, unchanged.
    """

    def __init__(self, path: Path, *, capacity: int = CAPACITY) -> None:
        """Create the file. Raises OSError, and leaves no file, if there is no room for it."""
        self.path = path
        size = ring_size(capacity)
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)  # left by a killed process
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
        unfinished.replace(path)  # atomic: a reader finds the whole file or none


class LockedRing(RingFile):
    """A ring for all threads but the loop's: watchdog, control thread, worker threads.

    A lock guards only the strings. A record's number is taken in one step, so that a finalizer
    or another thread may write at any point of a write.
    """

    def __init__(self, path: Path, *, capacity: int = AUX_CAPACITY) -> None:
        super().__init__(path, capacity=capacity)
        self._lock = threading.RLock()
        self._claim = itertools.count(1).__next__
        self._open = True

    def intern(self, text: str) -> int:
        """The text's number, see `Ring.intern`. Any thread."""
        known = self._ids.get(text)
        if known is not None:
            return known
        with self._lock:
            return super().intern(text)

    def intern_all(self, texts: Sequence[str]) -> list[int]:
        """The numbers of several texts; see `intern`."""
        return [self.intern(text) for text in texts]

    def write(
        self, kind: Kind, *, a: int = 0, task_id: int = 0, text: str = "", b: int = 0, at: int = 0
    ) -> None:
        """Write a record, now or `at`; `text` is interned as its `b`. No-op once abandoned."""
        if self._open:
            b = self.intern(text) if text else b
            self.put(at or monotonic_ns(), a, tag(kind, task_id, b))

    def put(self, at: int, a: int, record_tag: int) -> None:
        """Write a record with that tag, see `wire.events.tag`. No-op once abandoned."""
        if self._open:
            seq = self._claim()
            RECORD.pack_into(self.records, seq << 5 & self.bytes_mask, at, a, record_tag, seq)

    def abandon(self) -> None:
        """Stop writing: in the child of a fork, the ring is the parent's."""
        self._open = False


def ring_size(capacity: int) -> int:
    """Bytes of a ring with `capacity` records. Raises ValueError unless that is a power of two."""
    if capacity < 1 or capacity & (capacity - 1):
        raise ValueError(f"a ring's capacity must be a power of two, not {capacity}")
    return HEADER_SIZE + capacity * RECORD_SIZE + STRINGS_SIZE


def _allocate(fd: int, size: int) -> None:
    """Allocate all blocks of the file. Raises OSError if there is no room.

    Writing to the mapping where a block is missing kills the process with SIGBUS.
    """
    if hasattr(os, "fstatvfs"):  # to try would leave no room to all others for a moment
        system = os.fstatvfs(fd)
        if system.f_blocks and system.f_bfree * system.f_frsize < size:  # none: has no limit
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
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
    """The header of a ring file, from its first bytes and its size.

    Raises WireError if it is not a whole ring of this format version.
    """
    if size < HEADER_SIZE:
        raise WireError(f"{name} is not a loopviz ring: it has {size} bytes.")
    header = Header._make(_FIXED.unpack_from(head, 0))
    if header.magic != MAGIC:
        raise WireError(f"{name} is not a loopviz ring: it starts with {header.magic!r}.")
    if header.version != FORMAT_VERSION:
        raise WireError(
            f"{name} has ring format {header.version}, but this loopviz reads {FORMAT_VERSION}: "
            "use the same version on both sides."
        )
    whole = HEADER_SIZE + header.capacity * header.record_size + header.strings_size
    if size != whole:
        raise WireError(f"{name} is truncated: it has {size} of {whole} bytes.")
    return header


def read_strings(
    read: Callable[[int, int], bytes | bytearray], header: Header, start: int
) -> tuple[list[str], int, int]:
    """Strings interned since offset `start`: the texts, the next offset, strings lost so far.

    `read(offset, size)` returns the current bytes of the file.
    """
    end, lost = _MOVING.unpack(read(_MOVING_AT, _MOVING.size))
    end = min(end, header.strings_size)
    if start >= end:
        return [], start, lost
    base = HEADER_SIZE + header.capacity * header.record_size
    raw = read(base + start, end - start)  # read after `end`, which the writer writes last
    texts, at = [], 0
    while at + _LENGTH.size <= len(raw):
        (length,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        texts.append(raw[at : at + length].decode("utf-8", "replace"))
        at += length
    return texts, start + at, lost
