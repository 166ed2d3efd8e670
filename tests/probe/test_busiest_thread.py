"""Which thread computes while the loop's waits for the GIL."""

import sys
import threading
from typing import NamedTuple

import pytest

from loopviz.clock import MS
from loopviz.probe.busiest_thread import BusiestThread
from loopviz.probe.places import Places


class Thread(NamedTuple):
    """In place of a thread."""

    ident: int
    name: str


@pytest.mark.parametrize(
    ("own_ms", "app_ms", "own"),
    [
        pytest.param(9, 2, True, id="it answers what tasks await"),
        pytest.param(2, 9, False, id="the app's thread computes more"),
        pytest.param(0, 0, False, id="nothing is known"),
    ],
)
def test_a_thread_of_loopviz_that_computes_is_told_as_that(monkeypatch, own_ms, app_ms, own):
    busiest = BusiestThread(Places())
    used = {Thread(1, "loopviz control"): own_ms * MS, Thread(2, "worker"): app_ms * MS}
    monkeypatch.setattr(threading, "enumerate", lambda: list(used))
    monkeypatch.setattr(busiest._times, "used", used.__getitem__)
    stack = busiest.stack({thread.ident: sys._getframe() for thread in used}, 0)
    assert (stack.frames == ["\tloopviz\t0\tloopviz control"]) is own


@pytest.mark.parametrize(("used_ms", "own"), [(0, True), (9, False)])
def test_if_no_thread_computes_the_watchdog_itself_had_the_gil(monkeypatch, used_ms, own):
    """And lost its core. Not if a thread that waits now has just computed."""
    busiest = BusiestThread(Places())
    worker = Thread(1, "worker")
    waits = compile("import sys; frame = sys._getframe()", "concurrent/futures/thread.py", "exec")
    exec(waits, scope := {})
    monkeypatch.setattr(threading, "enumerate", lambda: [worker])
    monkeypatch.setattr(busiest._times, "used", {worker: used_ms * MS}.__getitem__)
    stack = busiest.stack({worker.ident: scope["frame"]}, 0)
    assert (stack.frames == ["\tloopviz\t0\tloopviz watchdog"]) is own
