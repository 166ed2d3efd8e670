"""Whole runs: real processes on 127.0.0.1, real time, generous limits."""

import os
import shutil
from pathlib import Path

import pytest

from loopviz.engine.session import Session
from loopviz.options import RunOptions
from tests.e2e.terminals import Terminal, Tmux


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path, monkeypatch):
    """A runtime folder of the test's own, so that what is left there is its own doing."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def ours(runtime_folder):
    """A function: the processes, by pid, that work for this test's loopviz."""
    mark = f"XDG_RUNTIME_DIR={runtime_folder}".encode()

    def find() -> dict[int, str]:
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark not in (entry / "environ").read_bytes():
                    continue
                words = (entry / "cmdline").read_bytes().split(b"\0")
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state != "Z" and int(entry.name) != os.getpid():
                found[int(entry.name)] = b" ".join(words).decode()
        return found

    return find


@pytest.fixture
def terminal():
    """A function: loopviz in a pseudo-terminal of so many columns and lines, with those words."""
    made = []

    def start(*words, **options):
        made.append(Terminal(*words, **options))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.fixture
def tmux(tmp_path):
    """A function: loopviz in tmux, in a server of its own, of so many columns and lines."""
    if not shutil.which("tmux"):
        pytest.skip("no tmux here")
    made = []

    def start(*words):
        made.append(Tmux(tmp_path / "tmux", *words))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.fixture
def session():
    """A function: start a session; it is closed at the end."""
    made = []

    def start(scenario, **options):
        made.append(Session(scenario, RunOptions(**options)))
        return made[-1]

    yield start
    for each in made:
        each.close()
