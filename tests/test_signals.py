"""The signals that end loopviz: when SIGINT raises, when it waits, and who is called instead."""

import signal
import subprocess
import sys

import pytest

from loopviz import signals


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A list with the time in seconds; handlers are put back at the end."""
    now = [100.0]
    monkeypatch.setattr(signals, "_interrupts", signals._Interrupts())
    monkeypatch.setattr(signals.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    before = {number: signal.getsignal(number) for number in signals.ENDING}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield now
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupt():
    signal.raise_signal(signal.SIGINT)


def test_the_first_raises_and_those_after_it_do_not_disturb_closing(clock):
    signals.raise_interrupts()
    assert not signals.was_interrupted()
    with pytest.raises(signals.Interrupted) as caught:
        interrupt()
    assert caught.value.code == 130
    assert signals.was_interrupted()
    for _ in range(5):
        interrupt()
    clock[0] += signals.CLOSING_S
    with pytest.raises(signals.Interrupted):  # closing takes less: the first one got lost
        interrupt()


@pytest.mark.real
def test_an_interrupt_within_exec_is_an_exit_like_any_other():
    """After a KeyboardInterrupt there, CPython ends with SIGINT although it was caught."""
    program = """
import signal, sys
from loopviz import signals
signal.signal(signal.SIGINT, signal.default_int_handler)
signals.raise_interrupts()
exec("signal.raise_signal(signal.SIGINT)")
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert (ended.returncode, ended.stderr) == (130, b"")


@pytest.mark.real
def test_an_interrupt_within_a_finalizer_is_not_lost():
    program = """
import signal, time
from loopviz import signals

class Finalized:
    def __del__(self):
        for _ in range(5):
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
signals.raise_interrupts()
Finalized()
print("goes on", flush=True)
time.sleep(30)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"goes on\n", b"")


def test_it_waits_for_what_is_not_to_be_interrupted():
    signals.raise_interrupts()
    done = []
    with pytest.raises(signals.Interrupted), signals.uninterrupted():  # noqa: PT012
        interrupt()
        interrupt()
        done.append("started")
    assert done
    interrupt()
    with signals.uninterrupted():
        pass


def test_what_fails_meanwhile_is_what_is_said():
    signals.raise_interrupts()
    with pytest.raises(OSError, match="full"), signals.uninterrupted():
        raise OSError("full")


def test_what_the_parent_has_ignored_stays_ignored():
    """As `loopviz bench block &` in a script."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signals.raise_interrupts()
    codes = []
    with signals.handled(codes.append):
        interrupt()
    assert codes == []
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_screen_is_called_each_time():
    signals.raise_interrupts()
    before = [signal.getsignal(number) for number in signals.ENDING]
    codes = []
    with signals.handled(codes.append):
        for number in (*signals.ENDING, signal.SIGINT):
            signal.raise_signal(number)
    assert codes == [130, 143, 129, 130]
    assert [signal.getsignal(number) for number in signals.ENDING] == before


def test_at_the_end_nothing_is_interrupted():
    signals.raise_interrupts()
    signals.ignore_interrupts()
    interrupt()
