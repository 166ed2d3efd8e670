"""The product as a person meets it: `loopviz` in a terminal, keys pressed, the screen read."""

import os
import signal
import sys
import time

import pytest
from whole_tools import wait_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (160, 50)])
def test_the_first_minute(terminal, ours, columns, lines):
    """It opens running, names the line, a key fixes it, q leaves nothing."""
    seen = terminal(columns, lines)
    seen.until("LIVE", "block: frozen loop", "GET /ping")
    seen.until("SLOW CALLBACK", "scenarios/block.py:", "time.sleep(0.05)")
    time.sleep(3)  # for samples to compare with
    seen.press("a")
    seen.until("a[x]", "to_thread on", timeout_s=1.5)
    seen.until("▼", "last seen", timeout_s=15)
    seen.press("s")
    seen.until("CPU work and the GIL")
    seen.press("\x1b")
    seen.until_gone("CPU work and the GIL")
    seen.press("?")
    seen.until("GLYPHS")
    seen.press("\x1b")
    seen.until_gone("GLYPHS")
    seen.press(" ")
    seen.until("FROZEN")
    seen.press("q")
    assert seen.end() == 0
    wait_until(lambda: not ours(), 3, "the end of all processes")


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


def test_closing_the_terminal_ends_everything(terminal, ours):
    seen = terminal(80, 24)
    seen.until("LIVE")
    os.close(seen.fd)
    seen.fd = os.open(os.devnull, os.O_RDWR)
    wait_until(lambda: not ours(), 5, "the end of all processes")
