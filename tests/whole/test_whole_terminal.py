"""How `loopviz` ends in a terminal. What is done there until then: test_whole_strangers.py."""

import os
import signal
import sys

import pytest
from whole_tools import wait_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


def test_a_dead_target_is_said_and_r_restarts_it(terminal, ours):
    seen = terminal(80, 24)
    seen.until("LIVE")
    (target,) = [pid for pid, words in ours().items() if "loopviz.target" in words]
    os.kill(target, signal.SIGKILL)
    seen.until("TARGET DIED", "SIGKILL", "R", timeout_s=3)
    seen.press("R")
    seen.until("LIVE", "SLOW CALLBACK")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_outlives_a_signal(terminal, ours, runtime_folder, number):
    seen = terminal(80, 24)
    seen.until("LIVE")
    seen.process.send_signal(number)
    assert seen.end() == (-number if number == signal.SIGKILL else 128 + number)
    wait_until(lambda: not ours(), 3, "the end of all processes")
    wait_until(lambda: not list(runtime_folder.rglob("*.ring")), 1, "removing the files")


@pytest.mark.parametrize("controls", [True, False], ids=["told", "not told"])
def test_closing_the_terminal_ends_everything(terminal, ours, controls):
    seen = terminal(80, 24, controls=controls)
    seen.until("LIVE")
    os.close(seen.fd)
    seen.fd = os.open(os.devnull, os.O_RDWR)
    wait_until(lambda: not ours(), 8, "the end of all processes")
