"""What `/proc` tells of a thread, from texts that were recorded on real machines."""

import sys
import threading

import pytest

from loopviz.probe.kernel import CoreTime, KernelThread, address_waited_on, core_waits

FUTEX = b"202 0x5591c58a1b2c 0x189 0x0 0x7f1e8b7fdc50 0x0 0xffffffff 0x7f1e8b7fdb90 0x7f1ed31bf2ad"
SLEEP = b"230 0x1 0x0 0x7ffc3a1b2c40 0x0 0x0 0x0 0x7ffc3a1b2c00 0x7f1ed31bf2ad"


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        (b"494645 180268 2\n", CoreTime(180_268, 2)),
        (b"0 0 0\n", None),  # a kernel without CONFIG_SCHED_INFO
        (b"", None),
        (b"cpu 1 2\n", None),
        (b"1 2\n", None),
    ],
)
def test_waits_for_a_core(text, waits):
    assert core_waits(text) == waits


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (FUTEX, 0x5591C58A1B2C),
        (SLEEP, 1),
        (b"running\n", None),
        (b"-1 0x7ffc3a1b2c00 0x7f1ed31bf2ad\n", None),
        (b"", None),
        (b"202 a b c d e f g h", 0xA),
        (b"202 zero b c d e f g h", None),
    ],
)
def test_the_address_that_a_thread_waits_on(text, address):
    assert address_waited_on(text) == address


def test_of_a_thread_that_is_not_known_nothing_is():
    thread = KernelThread(None)
    assert (thread.core_waits(), thread.sleeps()) == (None, "unknown")


def test_other_systems_have_no_proc(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    thread = KernelThread(threading.get_native_id())
    assert (thread.core_waits(), thread.sleeps()) == (None, "unknown")


def test_a_build_without_gil_has_none_to_wait_for(monkeypatch):
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    thread = KernelThread(threading.get_native_id())
    monkeypatch.setattr(thread, "_read", lambda _name: FUTEX)
    assert thread.sleeps() == "call"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_this_thread_has_had_a_core_and_does_not_wait_for_the_gil():
    thread = KernelThread(threading.get_native_id())
    waits = thread.core_waits()
    assert waits is not None
    assert waits.slices > 0
    assert thread.sleeps() == "call", "it reads that file"
    thread.close()
    thread.close()
    assert (thread.core_waits(), thread.sleeps()) == (None, "unknown")
