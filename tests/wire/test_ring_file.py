"""The ring file itself: private, with all its blocks; and what is no ring, or is truncated."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from loopviz.engine.collector import RingReader
from loopviz.errors import WireError
from loopviz.wire.events import FORMAT_VERSION, RECORD_SIZE
from loopviz.wire.ring import HEADER_SIZE, STRINGS_SIZE, RingFile
from tests.wire.ring_writer import Writer, seqs

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


@pytest.mark.parametrize(
    ("blocks", "free", "fits"), [(100, 0, False), (100, 99, True), (0, 0, True)]
)
def test_without_room_no_block_is_taken(tmp_path, monkeypatch, blocks, free, fits):
    """Not for a moment: whoever writes to the disk then would get none. 0 blocks: no limit."""
    if not hasattr(os, "fstatvfs") or not hasattr(os, "posix_fallocate"):
        pytest.skip("this system has no such calls")
    asked, allocate = [], os.posix_fallocate
    system = SimpleNamespace(f_blocks=blocks, f_bfree=free, f_frsize=SIZE)
    monkeypatch.setattr(os, "fstatvfs", lambda _fd: system)
    monkeypatch.setattr(
        os, "posix_fallocate", lambda *words: asked.append(words) or allocate(*words)
    )
    if fits:
        RingFile(tmp_path / "x.ring", capacity=64).close()
    else:
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            RingFile(tmp_path / "x.ring", capacity=64)
    assert bool(asked) == fits
    assert (tmp_path / "x.ring").exists() == fits


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
        match=rf"format {FORMAT_VERSION + 1}, but this loopviz reads {FORMAT_VERSION}: use",
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


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_a_reader_that_nobody_closes_keeps_no_file_open(tmp_path):
    """A worker's rings are read anew, by another reader, when its scenario is known."""
    RingFile(tmp_path / "ring", capacity=16).close()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        RingReader(tmp_path / "ring")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
