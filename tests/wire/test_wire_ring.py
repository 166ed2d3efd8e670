"""The ring file: what is written comes out, in order, once; what does not is counted."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loopviz.engine.collector import RingReader
from loopviz.errors import WireError
from loopviz.wire.events import FORMAT_VERSION, RECORD, RECORD_SIZE, Kind, tag
from loopviz.wire.ring import HEADER_SIZE, STRINGS_SIZE, LockedRing, RingFile


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


@pytest.fixture
def pair(tmp_path):
    def make(capacity=64):
        writer = Writer(tmp_path / "x.ring", capacity)
        return writer, RingReader(tmp_path / "x.ring")

    return make


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


# Strings


def test_strings_come_in_order_each_once(pair):
    writer, reader = pair()
    numbers = [writer.ring.intern(text) for text in ("a", "b", "a", "", "c", "b")]
    assert numbers == [1, 2, 1, 3, 4, 2]
    reader.read()
    assert reader.strings == ["", "a", "b", "", "c"]
    assert writer.ring.intern("d") == 5
    reader.read()
    assert reader.strings[5] == "d"


def test_a_record_never_names_a_string_that_is_not_there(pair):
    """Strings are read after the records: a writer interns first, then writes."""
    writer, reader = pair()
    for i in range(50):
        number = writer.ring.intern(f"text {i}")
        writer.write()
        records, _ = reader.read()
        assert len(records) == 1
        assert reader.strings[number] == f"text {i}"


@pytest.mark.parametrize(
    ("text", "comes_out"),
    [
        ("Grüße, 世界 🌍", "Grüße, 世界 🌍"),
        ("a\x00b\t\n", "a\x00b\t\n"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        ("x" * 4096, "x" * 4096),
        ("x" * 5000, "x" * 4096),
        ("ü" * 3000, "ü" * 2048),
        ("x" + "ü" * 3000, "x" + "ü" * 2047 + "\ufffd"),
    ],
    ids=["unicode", "control", "surrogate", "longest", "too long", "two bytes", "cut in two"],
)
def test_texts(pair, text, comes_out):
    writer, reader = pair()
    number = writer.ring.intern(text)
    assert writer.ring.intern(text) == number
    assert writer.ring.intern("next") == number + 1
    reader.read()
    assert reader.strings[1:] == [comes_out, "next"]


def test_a_full_region_gives_0_and_counts(pair):
    writer, reader = pair()
    size = 4 + 4000
    fit = STRINGS_SIZE // size
    numbers = [writer.ring.intern(f"{i:04}" + "x" * 3996) for i in range(fit + 3)]
    assert numbers == [*range(1, fit + 1), 0, 0, 0]
    reader.read()
    assert len(reader.strings) == fit + 1
    assert reader.lost_strings == 3
    assert writer.ring.intern("0000" + "x" * 3996) == 1, "what is known stays known"
    assert writer.ring.intern("small") == fit + 1, "a small one may still fit"
    reader.read()
    assert (reader.strings[-1], reader.lost_strings) == ("small", 3)


# The file


SIZE = HEADER_SIZE + 64 * RECORD_SIZE + STRINGS_SIZE


def test_the_file_is_private(tmp_path):
    path = tmp_path / "x.ring"
    RingFile(path, capacity=64).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == SIZE
    assert list(tmp_path.iterdir()) == [path]


def test_it_takes_the_place_of_an_older_one_whose_readers_keep_it(tmp_path):
    older = Writer(tmp_path / "x.ring", 64)
    older.write(3)
    reader = RingReader(tmp_path / "x.ring")
    (tmp_path / "x.new").write_text("left behind by a process that was killed")
    newer = Writer(tmp_path / "x.ring", 64)
    newer.ring.intern("of the newer one")
    older.write(2)
    assert seqs(reader.read()[0]) == [1, 2, 3, 4, 5]
    assert reader.strings == [""]
    another = RingReader(tmp_path / "x.ring")
    assert len(another.read()[0]) == 0
    assert another.strings == ["", "of the newer one"]


@pytest.mark.parametrize("way", ["fallocate", "unknown to the file system", "no such function"])
def test_the_file_has_all_its_blocks_at_once(tmp_path, monkeypatch, way):
    """A block that cannot be had when it is written to would kill the process with SIGBUS."""

    def cannot(fd, offset, length):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    if way == "no such function":
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    elif way == "unknown to the file system":
        monkeypatch.setattr(os, "posix_fallocate", cannot, raising=False)
    ring = RingFile(tmp_path / "x.ring", capacity=64)
    about = (tmp_path / "x.ring").stat()
    assert about.st_size == SIZE
    assert about.st_blocks * 512 >= SIZE
    ring.close()


NO_ROOM = """
import os, resource, sys
from pathlib import Path
from loopviz.wire.ring import RingFile
if sys.argv[2] == "pwrite" and hasattr(os, "posix_fallocate"):
    del os.posix_fallocate
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, 1 << 18))
try:
    RingFile(Path(sys.argv[1]), capacity=64)
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.real
@pytest.mark.parametrize("way", ["fallocate", "pwrite"])
def test_without_room_there_is_an_error_and_no_file(tmp_path, way):
    """By the limit on the size of files, which anybody may set."""
    command = [sys.executable, "-c", NO_ROOM, str(tmp_path / "x.ring"), way]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{os.strerror(errno.EFBIG)}\n"
    assert list(tmp_path.iterdir()) == []


def test_no_file():
    from pathlib import Path

    with pytest.raises(FileNotFoundError):
        RingReader(Path("/nowhere/x.ring"))


def broken(raw, how):
    if how == "empty":
        return b""
    if how == "short":
        return raw[:100]
    if how == "text":
        return b"[loopviz]\n" * 1000
    if how == "truncated":
        return raw[: HEADER_SIZE + 100]
    return raw[:8] + (FORMAT_VERSION + 1).to_bytes(4, "little") + raw[12:]


@pytest.mark.parametrize("how", ["empty", "short", "text", "truncated", "version"])
def test_a_file_that_is_no_ring_we_can_read(tmp_path, how):
    """One sentence, with the file's name."""
    path = tmp_path / "x.ring"
    RingFile(path, capacity=64).close()
    path.write_bytes(broken(path.read_bytes(), how))
    with pytest.raises(WireError) as caught:
        RingReader(path)
    said = str(caught.value)
    assert said.startswith("x.ring ")
    assert said.endswith(".")
    assert "\n" not in said


def test_another_version_says_which(tmp_path):
    path = tmp_path / "x.ring"
    RingFile(path, capacity=64).close()
    path.write_bytes(broken(path.read_bytes(), "version"))
    with pytest.raises(
        WireError,
        match=rf"format {FORMAT_VERSION + 1}, this loopviz reads {FORMAT_VERSION}: use the same",
    ):
        RingReader(path)


def test_a_dead_writer_can_still_be_read(tmp_path):
    writer = Writer(tmp_path / "x.ring", 64)
    writer.ring.intern("last words")
    writer.write(10)
    writer.ring.close()
    reader = RingReader(tmp_path / "x.ring")
    assert seqs(reader.read()[0]) == list(range(1, 11))
    assert reader.strings == ["", "last words"]
    reader.close()


SIZE = HEADER_SIZE + 64 * RECORD_SIZE + STRINGS_SIZE


@pytest.mark.parametrize("left", [0, 100, HEADER_SIZE + 100, HEADER_SIZE + 64 * RECORD_SIZE])
@pytest.mark.parametrize("is_behind", [False, True], ids=["", "behind"])
def test_a_file_that_is_truncated_while_it_is_read(pair, left, is_behind):
    """Mapped, it would end the process: looking at what is gone is a SIGBUS."""
    writer, reader = pair(64)
    writer.write(10)
    reader.read()
    writer.write(300 if is_behind else 10)
    writer.ring.intern("beyond the end")
    os.truncate(writer.ring.path, left)
    with pytest.raises(
        WireError, match=rf"^x\.ring was truncated to {left} of {SIZE} bytes: .*\.$"
    ):
        reader.read()
    reader.close()


# The aux ring


def test_the_locked_ring(tmp_path):
    ring = LockedRing(tmp_path / "x.ring", capacity=8)
    ring.write(Kind.MARK, text="fix:a=on", at=5)
    ring.write(Kind.STALL, a=1, task_id=2, text="0:1")
    ring.write(Kind.MARK, text="fix:a=on", at=7)
    reader = RingReader(tmp_path / "x.ring")
    (first, second, third), lost = reader.read()
    assert (first.tolist(), third.tolist()) == ((5, 0, 0, 1, 12), (7, 0, 0, 1, 12))
    assert second.tolist()[1:] == (1, 2, 2, 11)
    assert second["at"] > 0
    assert lost == 0
    assert reader.strings == ["", "fix:a=on", "0:1"]


def test_the_locked_ring_from_many_threads(tmp_path):
    import threading

    ring = LockedRing(tmp_path / "x.ring", capacity=4096)

    def write(who):
        for i in range(500):
            ring.write(Kind.MARK, a=i, task_id=who, text=f"{who}:{i % 50}", at=1)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = RingReader(tmp_path / "x.ring")
    records, _ = reader.read()
    assert len(records) == 2000
    assert len(reader.strings) == 201
    for who in range(4):
        mine = records[records["task_id"] == who]
        assert mine["a"].tolist() == list(range(500))
        assert [reader.strings[b] for b in mine["b"]] == [f"{who}:{i % 50}" for i in range(500)]


# As fast as it goes


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


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_a_reader_that_nobody_closes_keeps_no_file_open(tmp_path):
    """A worker's rings are read anew, by another reader, when its scenario is known."""
    RingFile(tmp_path / "ring", capacity=16).close()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        RingReader(tmp_path / "ring")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
