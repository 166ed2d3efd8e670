"""Writes records whose every field follows from their seq, and tells which were read."""

from loopviz.wire.events import RECORD, RECORD_SIZE, tag
from loopviz.wire.ring import HEADER_SIZE, RingFile


class Writer:
    """Writes records whose every field follows from their seq."""

    def __init__(self, path, capacity):
        self.ring = RingFile(path, capacity=capacity)
        self.written = 0

    def write(self, count=1):
        for _ in range(count):
            self.written += 1
            at = HEADER_SIZE + self.written % self.ring.capacity * RECORD_SIZE
            RECORD.pack_into(self.ring.buffer, at, *fields(self.written), self.written)

    def begin(self):
        """All of the next record but its seq, which is written last."""
        seq = self.written + 1
        at = HEADER_SIZE + seq % self.ring.capacity * RECORD_SIZE
        self.ring.buffer[at : at + RECORD_SIZE - 8] = RECORD.pack(*fields(seq), seq)[:-8]


def fields(seq):
    return seq * 7, seq * 11, tag(seq % 13 + 1, seq % 1000, seq % 5000)


def seqs(records):
    """Which records these are; all their fields must agree on it."""
    found = (records["at"] // 7).tolist()
    for row, seq in zip(records.tolist(), found, strict=True):
        assert row == (seq * 7, seq * 11, seq % 1000, seq % 5000, seq % 13 + 1)
    return found
