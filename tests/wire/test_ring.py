"""The records of a ring: what is written comes out, in order, once; what does not is counted."""

import os
import subprocess
import sys

import numpy as np
import pytest

from loopviz.engine.collector import RingReader
from loopviz.wire.events import RECORD, RECORD_SIZE, tag
from loopviz.wire.ring import RingFile
from tests.wire.ring_writer import seqs


def test_before_anything_is_written(pair):
    _, reader = pair()
    records, lost = reader.read()
    assert (len(records), lost, reader.strings) == (0, 0, [""])
    records, lost = reader.read()
    assert (len(records), lost) == (0, 0)


def test_each_record_comes_once(pair):
    writer, reader = pair()
    got = []
    for count in (1, 0, 5, 20):
        writer.write(count)
        records, lost = reader.read()
        assert (len(records), lost) == (count, 0)
        got += seqs(records)
    assert got == list(range(1, 27))


def test_the_full_range_of_every_field(tmp_path):
    ring = RingFile(tmp_path / "x.ring", capacity=4)
    widest = 2**62, 2**62 + 1, tag(255, 2**31 - 1, 2**24 - 1)
    RECORD.pack_into(ring.records, RECORD_SIZE, *widest, 1)
    records, _ = RingReader(tmp_path / "x.ring").read()
    assert records.tolist() == [(2**62, 2**62 + 1, 2**31 - 1, 2**24 - 1, 255)]


def test_a_ring_that_is_all_but_full_loses_nothing(pair):
    """The last slot is the writer's: what is in it may be changing already."""
    writer, reader = pair(64)
    writer.write(63)
    records, lost = reader.read()
    assert (seqs(records), lost) == (list(range(1, 64)), 0)


def test_many_rounds_in_odd_portions(pair):
    writer, reader = pair(64)
    got, lost_all = [], 0
    for _ in range(100):
        writer.write(37)
        records, lost = reader.read()
        got += seqs(records)
        lost_all += lost
    records, lost = reader.read()
    got += seqs(records)
    assert lost_all + lost == 0
    assert got == list(range(1, 3701))


@pytest.mark.parametrize("capacity", [64, 1 << 15])
def test_one_read_brings_all_that_is_there(pair, capacity):
    """Also across the end of the ring, in the middle of it."""
    writer, reader = pair(capacity)
    writer.write(capacity // 2)
    reader.read()
    writer.write(capacity - 1)
    records, lost = reader.read()
    assert (len(records), lost) == (capacity - 1, 0)
    assert seqs(records) == list(range(capacity // 2 + 1, capacity // 2 + capacity))


@pytest.mark.parametrize("behind", [65, 66, 100, 128, 129, 1000])
def test_an_overrun_is_counted_exactly_and_the_reader_goes_on(pair, behind):
    writer, reader = pair(64)
    writer.write(behind)
    records, lost = reader.read()
    more, lost_more = reader.read()
    got = seqs(records) + seqs(more)
    assert got == list(range(behind - len(got) + 1, behind + 1))
    assert lost + len(got) == behind
    assert lost_more == 0
    assert len(got) >= 32, "it does not give up more than it must, by much"
    writer.write(10)
    records, lost = reader.read()
    assert (seqs(records), lost) == (list(range(behind + 1, behind + 11)), 0)


def test_overrun_again_and_again(pair):
    writer, reader = pair(64)
    got = []
    total_lost = 0
    for portion in (10, 100, 3, 65, 64, 200, 1, 0, 63):
        writer.write(portion)
        for _ in range(2):
            records, lost = reader.read()
            got += seqs(records)
            total_lost += lost
    assert got == sorted(set(got))
    assert got[-1] == writer.written
    assert total_lost == writer.written - len(got)


def test_lapped_while_it_copies(pair, monkeypatch):
    """The writer overtakes between the first and the last look: all of it is given up, counted."""
    import loopviz.engine.collector as collector

    writer, reader = pair(64)
    writer.write(50)
    unpack = collector.unpack

    def slow_unpack(records):
        monkeypatch.setattr(collector, "unpack", unpack)
        events = unpack(records[:25])
        writer.write(40)
        return np.concatenate([events, unpack(records[25:])])

    monkeypatch.setattr(collector, "unpack", slow_unpack)
    got, total_lost = [], 0
    for _ in range(3):
        records, lost = reader.read()
        got += seqs(records)
        total_lost += lost
    assert got == list(range(90 - len(got) + 1, 91))
    assert got
    assert total_lost + len(got) == 90


def test_a_record_that_never_comes_is_lost_and_no_more(pair):
    """Its number was taken, and then the hook failed."""
    writer, reader = pair(64)
    writer.write(3)
    writer.begin()
    writer.written += 1
    assert seqs(reader.read()[0]) == [1, 2, 3]
    writer.write(2)
    records, lost = reader.read()
    assert (seqs(records), lost) == ([], 0), "it may be in the making"
    records, lost = reader.read()
    assert (seqs(records), lost) == ([5, 6], 1)


def test_a_record_in_the_making_is_not_read(pair):
    """`seq` is written last: until then the record is not there."""
    writer, reader = pair(64)
    writer.write(3)
    writer.begin()
    assert seqs(reader.read()[0]) == [1, 2, 3]
    writer.write()
    assert seqs(reader.read()[0]) == [4]


def test_a_torn_copy_is_not_believed(pair, monkeypatch):
    """A copy may have a record's new `seq` beside the old bytes before it."""
    writer, reader = pair(64)
    writer.write(3)
    preadv, torn = os.preadv, []

    def tearing(fd, buffers, at):
        count = preadv(fd, buffers, at)
        (buffer,) = buffers
        if count > RECORD_SIZE and not torn:
            torn.append(bytes(buffer))
            writer.write()
            preadv(fd, buffers, at)
            buffer[3 * RECORD_SIZE : 4 * RECORD_SIZE - 8] = bytes(RECORD_SIZE - 8)
        return count

    monkeypatch.setattr(os, "preadv", tearing)
    assert seqs(reader.read()[0]) == [1, 2, 3, 4]
    assert torn


def test_a_record_that_is_being_overwritten_is_not_read(pair):
    """A reader exactly one round behind: the writer is at work on the record it wants next."""
    writer, reader = pair(64)
    writer.write(64)
    writer.begin()  # over the first one, whose old seq still stands there
    records, lost = reader.read()
    got = seqs(records)
    more, lost_more = reader.read()
    got += seqs(more)
    assert got == list(range(65 - len(got), 65))
    assert lost + lost_more == 64 - len(got)


WRITER = """
import sys, time
from pathlib import Path
from loopviz.wire.events import RECORD, RECORD_SIZE
from loopviz.wire.ring import HEADER_SIZE, RingFile

ring = RingFile(Path(sys.argv[1]), capacity=int(sys.argv[2]))
pack, buffer, first = RECORD.pack_into, ring.buffer, HEADER_SIZE
end, offset, seq = first + ring.capacity * RECORD_SIZE, HEADER_SIZE + RECORD_SIZE, 0
print("ready", flush=True)
until = time.monotonic() + 1
while time.monotonic() < until:
    for _ in range(1000):
        seq += 1
        t = seq % 1000 | (seq % 13 + 1) << 32 | (seq % 5000) << 40
        pack(buffer, offset, seq * 7, seq * 11, t, seq)
        offset += RECORD_SIZE
        if offset == end:
            offset = first
print(seq, flush=True)
"""


@pytest.mark.real
@pytest.mark.parametrize("capacity", [512, 1 << 16])
def test_reading_while_another_process_writes_as_fast_as_it_can(tmp_path, capacity):
    path = tmp_path / "x.ring"
    command = [sys.executable, "-c", WRITER, str(path), str(capacity)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        reader = RingReader(path)
        expected, lost_all, read_all = 1, 0, 0
        over = False
        while not over:
            over = process.poll() is not None
            records, lost = reader.read()
            expected += lost
            lost_all += lost
            read_all += len(records)
            seq = np.arange(expected, expected + len(records))
            assert (records["at"] == seq * 7).all()
            assert (records["a"] == seq * 11).all()
            assert (records["task_id"] == seq % 1000).all()
            assert (records["b"] == seq % 5000).all()
            assert (records["kind"] == seq % 13 + 1).all()
            expected += len(records)
        while len((last := reader.read())[0]) or last[1]:
            read_all += len(last[0])
            lost_all += last[1]
        written = int(process.stdout.readline())
    assert read_all + lost_all == written
    assert read_all > 0
    assert written > 100_000
