"""The driver starts a screen again only if it was suspended, whatever signals come."""

import os
import pty
import signal

import pytest
from textual.drivers.linux_driver import LinuxDriver

from loopviz.tui import hangup
from loopviz.tui.driver import reporting_driver


class Calls(list):
    """What was asked of Textual's driver, and told to the guard, in this order."""

    def driver(self):
        calls = self

        class Recording(LinuxDriver):
            def __init__(self):
                self._auto_restart = True

            def start_application_mode(self):
                calls.append("start")

            def stop_application_mode(self):
                calls.append("stop")

            def close(self):
                calls.append("close")

        return reporting_driver(Recording, self)()

    def before_screen(self):
        pass

    def screen(self):
        self.append("screen")

    def after_screen(self):
        self.append("restored")


ON, OFF = ["start", "screen"], ["stop", "close", "restored"]


@pytest.fixture
def calls(monkeypatch):
    monkeypatch.setattr("loopviz.tui.driver.is_terminal_gone", lambda: False)
    return Calls()


def went_on(driver):
    """SIGCONT, as Textual handles it."""
    driver._sigcont_application(signal.SIGCONT, None)


def test_a_terminal_that_goes_away_while_loopviz_ends_starts_no_screen(calls):
    driver = calls.driver()
    driver.start_application_mode()
    driver.stop_application_mode()
    driver.close()
    went_on(driver)  # the kernel's, with SIGHUP
    assert calls == ON + OFF


def test_a_terminal_that_goes_away_starts_no_second_screen(calls, monkeypatch):
    monkeypatch.setattr("loopviz.tui.driver.is_terminal_gone", lambda: True)
    driver = calls.driver()
    driver.start_application_mode()
    went_on(driver)
    assert calls == ON


def test_a_suspended_screen_comes_back_once(calls):
    """After SIGTSTP, or an editor."""
    driver = calls.driver()
    driver.start_application_mode()
    driver.suspend_application_mode()
    went_on(driver)
    assert calls == ON + OFF + ON


def test_a_screen_that_was_stopped_at_once_is_started_anew(calls):
    """After SIGSTOP, which nobody can handle: not a second one beside the first."""
    driver = calls.driver()
    driver.start_application_mode()
    went_on(driver)
    assert calls == ON + OFF + ON


def test_whether_the_terminal_has_gone(monkeypatch):
    ours, tty = pty.openpty()
    monkeypatch.setattr(hangup, "INPUT_FD", tty)
    assert not hangup.is_terminal_gone()
    os.close(ours)
    assert hangup.is_terminal_gone()
    os.close(tty)


def test_it_ends_even_if_the_loop_is_closed(monkeypatch):
    exits = []
    monkeypatch.setattr(hangup, "EXIT_TIMEOUT_S", 0)
    monkeypatch.setattr(hangup.os, "_exit", exits.append)

    def leave():
        raise RuntimeError("Event loop is closed")

    hangup._watch(lambda: True, leave).join()
    assert exits == [1]
