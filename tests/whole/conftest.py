"""Whole runs: real processes on 127.0.0.1, real time, generous limits."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest


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

    def find() -> dict[int, str]:
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                environment = (entry / "environ").read_bytes()
                words = (entry / "cmdline").read_bytes().split(b"\0")
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if f"XDG_RUNTIME_DIR={runtime_folder}".encode() in environment and state != "Z":
                found[int(entry.name)] = b" ".join(words).decode()
        return found

    return find


def wait_until(condition, timeout_s=15.0, what="it"):
    """Poll until the condition gives something true, and return that."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {timeout_s} s")


def loopviz(*words, **options):
    """Run the command without a terminal, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "loopviz", *words],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        stdin=subprocess.DEVNULL,
        **options,
    )
