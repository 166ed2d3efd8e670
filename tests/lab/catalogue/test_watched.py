"""Whether a file has changed since it was loaded."""

import os

from loopviz.clock import SECOND
from loopviz.lab.catalogue.watched import Watched


def test_a_file_is_looked_at_once_a_second(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("one")
    watched = Watched(path)
    now = 1024 * SECOND
    assert not watched.changed(now)
    path.write_text("three")
    assert not watched.changed(now + SECOND - 1)
    assert watched.changed(now + SECOND)


def test_one_that_is_as_it_was_again(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("one")
    before = path.stat()
    watched = Watched(path)
    path.write_text("two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert watched.changed(1024 * SECOND)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not watched.changed(1025 * SECOND)


def test_one_that_goes_and_comes(tmp_path):
    path = tmp_path / "mine.py"
    watched = Watched(path)
    assert not watched.changed(1024 * SECOND)
    path.write_text("here")
    assert watched.changed(1025 * SECOND)
    path.unlink()
    assert not watched.changed(1026 * SECOND)
