"""Locks on files: they are free as soon as their process has ended, and not before."""

import os
import subprocess
import sys

import pytest

from loopviz.locks import lock_file

KEEPS = """
import os, subprocess, sys
from loopviz.locks import lock_file
assert lock_file(sys.argv[1])
subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"])
who = "child" if not os.fork() else "parent"
os.write(1, who.encode() + b"\\n")
sys.stdin.read()
"""


def free(path):
    lock = lock_file(path)
    if lock is not None:
        lock.release()
    return lock is not None


def test_one_has_it_until_it_is_released(tmp_path):
    lock = lock_file(tmp_path / "lock")
    assert lock_file(tmp_path / "lock") is None, "not even this process has it twice"
    lock.release()
    lock.release()
    assert free(tmp_path / "lock")


def test_a_file_that_is_not_there_is_made_only_if_wanted(tmp_path):
    with pytest.raises(FileNotFoundError):
        lock_file(tmp_path / "lock", create=False)
    lock = lock_file(tmp_path / "lock")
    assert lock.linked
    (tmp_path / "lock").unlink()
    assert not lock.linked
    lock.release()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "theirs").write_text("")
    (tmp_path / "lock").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match="symbolic link"):
        lock_file(tmp_path / "lock")


@pytest.mark.real
def test_it_ends_with_the_process_whatever_that_has_started(tmp_path):
    """A program, and a fork of its own: both live on, and neither has the lock."""
    command = [sys.executable, "-c", KEEPS, str(tmp_path / "lock")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        assert {process.stdout.readline() for _ in range(2)} == {b"parent\n", b"child\n"}
        assert not free(tmp_path / "lock")
        process.kill()
        process.wait()
        assert free(tmp_path / "lock")


@pytest.mark.real
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_the_end_of_a_fork_does_not_unlock_it(tmp_path):
    lock = lock_file(tmp_path / "lock")
    pid = os.fork()
    if not pid:
        lock.release()
        os._exit(0)
    os.waitpid(pid, 0)
    assert not free(tmp_path / "lock")
    lock.release()
    assert free(tmp_path / "lock")
