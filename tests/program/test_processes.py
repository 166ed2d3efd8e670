"""Which processes can be attached to, and what they are called, by a `/proc` that is made up."""

import pytest

from loopviz.program import processes

SPAWN = "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=7, pipe_handle=9)"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Add a Python process."""
    monkeypatch.setattr(processes, "PROC", tmp_path)
    (tmp_path / "self").mkdir()

    def add(pid, parent, *words, loop=False):
        place = tmp_path / str(pid)
        (place / "fd").mkdir(parents=True)
        (place / "cmdline").write_text("".join(f"{word}\0" for word in words))
        (place / "stat").write_text(f"{pid} (a) b) S {parent} {pid} {pid} 0 -1")
        (place / "exe").symlink_to("/usr/bin/python3.14")
        (place / "cwd").symlink_to("/srv")
        if loop:
            (place / "fd" / "3").symlink_to("anon_inode:[eventpoll]")

    return add


def test_a_worker_has_the_name_of_the_server_that_asked_for_it(runs):
    runs(70, 1, "/venv/bin/python", "-m", "uvicorn", "app:app", "--workers", "2")
    runs(71, 70, "/venv/bin/python", "-c", SPAWN, "--multiprocessing-fork", loop=True)
    (worker,) = processes.candidates()
    assert worker.pid == 71
    assert worker.name == "uvicorn app:app --workers 2 (worker)"
    assert processes.process(70).name == "uvicorn app:app --workers 2"


def test_who_has_started_the_processes_with_a_loop(runs):
    runs(70, 1, "python", "granian", "app:app")
    runs(71, 70, "python", "granian", "app:app")
    runs(72, 71, "python", "granian", "app:app", loop=True)
    runs(73, 70, "python", "granian", "app:app", loop=True)
    runs(80, 1, "python", "other.py", loop=True)
    assert processes.started_by(70) == [72, 73]
    assert processes.started_by(72) == []
