"""The guard: what it brings back of a terminal, and that nobody waits for it for long."""

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from textual.drivers import linux_driver

from loopviz.engine import guard
from loopviz.engine.child import Guard
from loopviz.engine.terminal import Terminal
from loopviz.shutdown import GUARD_S

ECHO = 3
"""Where `termios` has the flag of that name."""


def test_what_textual_asks_a_terminal_for_is_taken_back():
    """If it asks for more one day, so must the guard."""
    lines = Path(linux_driver.__file__).read_text().splitlines()
    driver = "\n".join(line.partition("#")[0] for line in lines)
    asked = set(re.findall(r"\[\?(\d+)h", driver))
    assert {"1049", "1000", "1003", "1006", "2004", "1004", "2048"} <= asked
    back = set(re.findall(r"\[\?(\d+)l", guard.LEAVE))
    assert asked - back == {"25", "7"}, "the cursor and wrapping, which it takes away"
    assert {"25", "7"} <= set(re.findall(r"\[\?(\d+)h", guard.LEAVE))
    assert ('u"' in driver) == ("\x1b[<u" in guard.LEAVE)


@pytest.fixture
def tty():
    """Both ends of a pseudo-terminal."""
    ends = pty.openpty()
    yield ends
    for fd in ends:
        os.close(fd)


def dies_with_a_screen(tty, monkeypatch, *, returned=False, then=lambda: None):
    """What the guard writes for a process that sets the terminal raw, and ends."""
    master, child = tty
    monkeypatch.setattr("loopviz.engine.terminal.INPUT_FD", child)
    lines = []
    terminal = Terminal(lines.append)
    terminal.before_screen()
    raw = termios.tcgetattr(child)
    raw[ECHO] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
    termios.tcsetattr(child, termios.TCSANOW, raw)
    terminal.screen()
    if returned:
        terminal.after_screen()
    then()
    subprocess.run(
        [sys.executable, "-I", "-S", guard.__file__, "0", str(child), str(child)],
        input="".join(f"{line}\n" for line in lines).encode(),
        pass_fds=[child],
        check=True,
        start_new_session=True,
        timeout=20,
    )
    os.set_blocking(master, False)
    try:
        return os.read(master, 1 << 12).decode()
    except BlockingIOError:
        return ""


@pytest.mark.real
def test_a_screen_that_was_left_is_cleared_away(tty, monkeypatch):
    before = termios.tcgetattr(tty[1])
    assert dies_with_a_screen(tty, monkeypatch) == guard.LEAVE
    assert termios.tcgetattr(tty[1]) == before


@pytest.mark.real
def test_a_terminal_that_was_given_back_is_let_be(tty, monkeypatch):
    assert dies_with_a_screen(tty, monkeypatch, returned=True) == ""


@pytest.mark.real
def test_the_attributes_that_a_shell_has_set_meanwhile_stay(tty, monkeypatch):
    """It has come back before us, and set the terminal up for its prompt."""
    prompt = termios.tcgetattr(tty[1])
    prompt[ECHO] &= ~termios.ECHO

    def shell():
        termios.tcsetattr(tty[1], termios.TCSANOW, prompt)

    assert dies_with_a_screen(tty, monkeypatch, then=shell) == guard.LEAVE
    assert termios.tcgetattr(tty[1]) == prompt


@pytest.mark.real
def test_a_guard_that_does_not_answer_is_not_waited_for(tmp_path):
    """Neither when it is told of something, nor at the end."""
    stopped = Guard(tmp_path)
    os.kill(stopped._process.pid, signal.SIGSTOP)
    for number in range(10_000):  # more than a pipe takes
        stopped.forget(number)
    began = time.monotonic()
    stopped.close()
    assert time.monotonic() - began < GUARD_S + 1
    assert stopped._process.returncode == -signal.SIGKILL


def test_a_group_that_ends_at_the_last_moment_spares_no_other(monkeypatch, tmp_path):
    """Between the look and the kill: the others are killed all the same, the folder goes."""
    ended = subprocess.Popen(["true"], start_new_session=True)
    ended.wait()
    lives = subprocess.Popen(["sleep", "60"], start_new_session=True)
    monkeypatch.setattr(guard, "_exists", lambda _group: True)
    folder = tmp_path / "run" / "folder"
    folder.mkdir(parents=True)
    try:
        guard.clean_up([ended.pid, lives.pid], {str(folder)}, grace_s=0)
        assert lives.wait(5) == -signal.SIGKILL
    finally:
        lives.kill()
        lives.wait()
    assert not folder.exists()
