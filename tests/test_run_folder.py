"""Run folders: private, swept once their process has ended, and nothing else is ever removed."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading

import pytest

from loopviz import run_folder
from loopviz.errors import LoopvizError, MachineError
from loopviz.run_folder import MARKER, new_run_folder


@pytest.fixture(params=["XDG_RUNTIME_DIR", "TMPDIR"])
def base(request, tmp_path, monkeypatch):
    """Where run folders go, by either variable; it is not there yet."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv(request.param, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    name = "loopviz" if request.param == "XDG_RUNTIME_DIR" else f"loopviz-{os.getuid()}"
    return tmp_path / name


@pytest.fixture
def gone():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left_behind(base, name):
    """A run folder whose process has ended."""
    folder = base / name
    folder.mkdir(parents=True, mode=0o700)
    base.chmod(0o700)
    (folder / MARKER).write_text("")
    (folder / "loop.ring").write_text("of a run")
    return folder


def victims(folder, gone):
    """Folders of the user's own that are named as ours are."""
    mine = [folder / f"run-{number}-x" for number in (gone, 12)]
    for each in mine:
        each.mkdir(parents=True)
        (each / "thesis.tex").write_text("years of work")
    return mine


def test_a_folder_is_private_and_leaves_nothing(base):
    folder = new_run_folder()
    assert folder.path.parent == base
    for path in (base, folder.path):
        assert path.stat().st_mode & 0o777 == 0o700
    (folder.path / "1").mkdir()
    folder.leave()
    assert not base.exists()


def test_a_planted_link_is_refused_and_nothing_below_it_is_removed(base, tmp_path, gone):
    mine = victims(tmp_path / "home", gone)
    (tmp_path / "home").chmod(0o700)
    base.symlink_to(tmp_path / "home")
    with pytest.raises(LoopvizError, match=rf"^{base} is a symbolic link, .*XDG_RUNTIME_DIR"):
        new_run_folder()
    assert all((each / "thesis.tex").exists() for each in mine)
    assert len(list((tmp_path / "home").iterdir())) == 2


def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    left = left_behind(tmp_path / "loopviz", "run-1-x")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(LoopvizError, match="belongs to another user"):
        new_run_folder()
    assert left.exists()


def test_a_folder_that_others_may_write_to_is_refused(base):
    left = left_behind(base, "run-1-x")
    base.chmod(0o770)
    with pytest.raises(LoopvizError, match="can be read or written by other users"):
        new_run_folder()
    assert left.exists()


def test_only_what_is_ours_and_dead_is_swept(base, tmp_path, gone):
    alive = new_run_folder()
    dead = left_behind(base, f"run-{gone}-x")
    unmarked, _ = victims(base, f"{gone}-unmarked")
    theirs = left_behind(tmp_path / "home", "run-1-x")
    (base / "run-3-link").symlink_to(theirs)
    (base / "run-4-file").write_text("")
    linked_marker = base / "run-5-x"
    linked_marker.mkdir()
    (linked_marker / MARKER).symlink_to(theirs / MARKER)
    new_run_folder().leave()
    assert not dead.exists()
    assert alive.path.exists()
    assert (unmarked / "thesis.tex").exists()
    assert (theirs / "loop.ring").exists()
    assert {"run-3-link", "run-4-file", "run-5-x"} <= {each.name for each in base.iterdir()}
    alive.leave()


def test_a_link_inside_a_swept_folder_is_removed_and_not_followed(base, tmp_path, gone):
    (mine, _) = victims(tmp_path / "home", gone)
    dead = left_behind(base, "run-1-x")
    (dead / "link").symlink_to(mine)
    new_run_folder().leave()
    assert not dead.exists()
    assert (mine / "thesis.tex").exists()


def test_a_process_number_does_not_say_who_lives(base, gone, monkeypatch):
    """In another pid namespace the number may be nobody's, or somebody else's."""
    with monkeypatch.context() as here:
        here.setattr(os, "getpid", lambda: gone)
        alive = new_run_folder()
    dead = left_behind(base, f"run-{os.getpid()}-x")
    new_run_folder().leave()
    assert (alive.path / MARKER).exists()
    assert not dead.exists()
    alive.leave()


@pytest.mark.real
def test_a_run_in_another_pid_namespace_does_not_sweep_ours(base):
    command = ["unshare", "--pid", "--fork"]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("no pid namespaces here, or not for this user")
    alive = new_run_folder()
    code = "from loopviz.run_folder import new_run_folder; new_run_folder().leave()"
    subprocess.run([*command, sys.executable, "-c", code], check=True)
    assert (alive.path / MARKER).exists()
    alive.leave()


def test_a_sweep_between_the_marker_and_its_lock_costs_another_name(base, monkeypatch):
    """The window in which a new folder looks like a dead one's: its maker notices."""
    lock, swept = run_folder.lock_file, []

    def swept_first(path, *, dir_fd=None, create=True):
        if create and not swept:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, dir_fd=dir_fd)
            os.close(fd)
            swept.append(path.partition("/")[0])
            run_folder._sweep(dir_fd)
            return None  # while the sweep goes on its lock is another's
        if create and len(swept) == 1:
            made = lock(path, dir_fd=dir_fd)
            swept.append(path.partition("/")[0])
            shutil.rmtree(swept[-1], dir_fd=dir_fd)  # a sweep that had the lock until just now
            return made
        return lock(path, dir_fd=dir_fd, create=create)

    monkeypatch.setattr(run_folder, "lock_file", swept_first)
    folder = new_run_folder()
    assert len(set(swept)) == 2
    assert folder.path.name not in swept
    assert [each.name for each in base.iterdir()] == [folder.path.name]
    assert (folder.path / MARKER).exists()
    folder.leave()


AT_ONCE = """
import sys
from loopviz.run_folder import MARKER, new_run_folder
sys.stdin.readline()
for _ in range(60):
    folder = new_run_folder()
    assert (folder.path / MARKER).exists()
    folder.leave()
"""


@pytest.mark.real
def test_several_that_start_and_end_at_once_leave_each_other_alone(base):
    """Each sweeps, and takes the folder around the folders away, while others make theirs."""
    command = [sys.executable, "-c", AT_ONCE]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(3)]
    said = [""] * 3

    def follow(number):
        said[number] = processes[number].communicate("go\n")[1]

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["", "", ""]
    assert not base.exists()


def test_a_file_in_the_way_is_one_sentence(base):
    base.write_text("")
    with pytest.raises(MachineError, match=rf"a folder in {base} \(Not a directory\): point XDG_"):
        new_run_folder()


def test_a_place_that_is_not_there_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    with pytest.raises(MachineError, match=r"no place for its folder \(No usable temporary dir"):
        new_run_folder()
