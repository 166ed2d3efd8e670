"""How `loopviz` ends in a terminal. What is done there until then: test_strangers.py."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

KILLING = (signal.SIGKILL, signal.SIGBUS)
"""Signals that end a process at once."""


def send(process, number, times=1):
    """Signals in quick succession, to the process as a whole."""
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.02)


def test_what_ends_the_target_is_said_and_r_restarts_it(terminal, ours, runtime_folder):
    """A signal; and a cleaner of temporary files that truncates what others have mapped."""
    seen = terminal(80, 24)
    seen.until("LIVE")
    (target,) = [pid for pid, words in ours().items() if "loopviz.lab.target" in words]
    os.kill(target, signal.SIGKILL)
    seen.until("TARGET DIED", "SIGKILL", "R", timeout_s=3)
    seen.press("R")
    seen.until("LIVE", "SLOW CALLBACK")
    ring = next(runtime_folder.rglob("2/loop.ring"))  # of the second run
    os.truncate(ring, 0)
    seen.until("TARGET DIED", "loop.ring was truncated to 0 of", timeout_s=3)
    seen.press("R")
    seen.until("LIVE", "SLOW CALLBACK")
    seen.press("\x03")  # ctrl+c as a key, which quits
    assert seen.end() == 0
    assert seen.is_restored()
    assert ours() == {}


@pytest.mark.parametrize(
    ("number", "times"),
    [
        (signal.SIGTERM, 1),
        (signal.SIGHUP, 1),
        (signal.SIGINT, 2),
        (signal.SIGKILL, 1),
        (signal.SIGBUS, 1),
    ],
)
def test_nothing_outlives_a_signal(terminal, ours, runtime_folder, number, times):
    """Neither processes nor files, and the terminal is as it was."""
    seen = terminal(80, 24)
    seen.until("LIVE")
    assert not seen.is_restored()
    send(seen.process, number, times)
    assert seen.end() == (-number if number in KILLING else 128 + number)
    wait_until(seen.is_restored, 3, "restoring the terminal")
    wait_until(lambda: not ours(), 3, "the end of all processes")
    wait_until(lambda: not list(runtime_folder.rglob("*.ring")), 1, "removing the files")


def test_an_interrupt_while_it_starts(terminal, ours, runtime_folder):
    """From the moment that there is something to tidy up; before that, it is Python that starts."""
    seen = terminal(80, 24)
    wait_until(lambda: list(runtime_folder.rglob("run-*")), what="the run's folder")
    send(seen.process, signal.SIGINT)
    assert seen.end() == 130
    assert seen.is_restored()
    assert "Traceback" not in seen.text()
    wait_until(lambda: not ours(), 3, "the end of all processes")
    assert not list(runtime_folder.rglob("run-*"))


def test_signals_while_it_closes(terminal, ours, runtime_folder):
    """Which takes two seconds here, for a child that does not end by itself.

    SIGCONT comes with SIGHUP when the terminal goes away. It starts no screen again.
    """
    seen = terminal(80, 24)
    seen.until("LIVE")
    (target,) = [pid for pid, words in ours().items() if "loopviz.lab.target" in words]
    os.kill(target, signal.SIGSTOP)
    seen.press("q")
    wait_until(seen.is_restored, 5, "the end of the screen")
    send(seen.process, signal.SIGCONT)
    send(seen.process, signal.SIGINT, 5)
    assert seen.end() == 130
    assert seen.is_restored()
    assert seen.raw.count(b"\x1b[?1049h") == 1
    assert "Traceback" not in seen.text()
    wait_until(lambda: not ours(), 3, "the end of all processes")
    wait_until(lambda: not list(runtime_folder.rglob("run-*")), 1, "removing the files")


def test_an_interrupted_bench(ours, runtime_folder):
    words = (sys.executable, "-m", "loopviz", "compare", "block", "--fix", "to_thread")
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        wait_until(lambda: list(runtime_folder.rglob("loop.ring")), what="the target's start")
        send(process, signal.SIGINT, 5)
        said = process.communicate(timeout=10)[0]
    assert (process.returncode, said) == (130, b"")
    wait_until(lambda: not ours(), 3, "the end of all processes")
    assert not list(runtime_folder.rglob("run-*"))


@pytest.mark.parametrize("controls", [True, False], ids=["told", "not told"])
def test_closing_the_terminal_ends_everything(terminal, ours, controls):
    seen = terminal(80, 24, controls=controls)
    seen.until("LIVE")
    os.close(seen.fd)
    seen.fd = os.open(os.devnull, os.O_RDWR)
    wait_until(lambda: not ours(), 8, "the end of all processes")
