"""The long run, second by second."""

import numpy as np
import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot.overview import Overview, merge_overviews
from loopviz.model.state import seconds as module
from loopviz.model.state.seconds import Seconds
from loopviz.testing import Story

T0_S = 1024


def columns(of):
    return {
        name: getattr(of, name).tolist()
        for name in ("busy_ns", "lag_max_ns", "stall_max_ns", "requests", "slowest_ns")
    }


def fed(*, batches):
    """Four seconds: requests, a stall over a boundary, and a timer that is late for it."""
    story, model = Story(T0_S * SECOND), Model()

    def feed():
        if batches:
            story.feed(model)

    story.task(1).step(1).request(1, "GET /a").runs(5 * MS).response(1, "GET /a").end(1)
    feed()
    story.callback("t", late=3 * MS).idle(945 * MS)
    feed()
    story.task(2).step(2).request(2, "GET /a").runs(1200 * MS).response(2, "GET /a").end(2)
    feed()
    story.callback("t", late=1100 * MS).idle(900 * MS).callback("t", 2 * MS, late=MS)
    feed()
    story.idle(2 * SECOND).feed(model)
    return story, model


@pytest.mark.parametrize("batches", [True, False])
def test_each_second_has_its_figures_however_the_batches_are_cut(batches):
    story, model = fed(batches=batches)
    found = model.snapshot(story.now_ns, SECOND).overview
    assert found.start_s == T0_S
    assert columns(found) == {
        "busy_ns": [55 * MS, 1000 * MS, 150 * MS, 2 * MS, 0],
        "lag_max_ns": [3 * MS, 0, 1100 * MS, MS, 0],
        "stall_max_ns": [1200 * MS, 1200 * MS, 1200 * MS, 0, 0],
        "requests": [1, 0, 1, 0, 0],
        "slowest_ns": [5 * MS, 0, 1200 * MS, 0, 0],
    }


def test_it_is_the_same_until_a_second_is_over():
    story, model = fed(batches=True)
    first = model.snapshot(story.now_ns, SECOND).overview
    story.idle(MS).feed(model)
    assert model.snapshot(story.now_ns, SECOND).overview is first
    story.idle(SECOND).feed(model)
    second = model.snapshot(story.now_ns, SECOND).overview
    assert len(second.busy_ns) == len(first.busy_ns) + 1


def test_hours_are_bounded(monkeypatch):
    monkeypatch.setattr(module, "_KEPT", 100)
    story, model = Story(T0_S * SECOND), Model()
    for task in range(1, 401):
        story.task(task).step(task).request(task, "GET /a").runs(MS).response(task, "GET /a")
        story.end(task).idle(SECOND - MS).feed(model)
    found = model.snapshot(story.now_ns, SECOND).overview
    assert 100 <= len(found.busy_ns) <= 150
    assert found.start_s + len(found.busy_ns) == T0_S + 400
    assert set(found.requests.tolist()) == {1}
    assert set(found.busy_ns.tolist()) == {MS}


def test_what_is_told_too_late_is_passed_over():
    seconds = Seconds()
    seconds.request(10 * SECOND, MS)
    seconds.request(5 * SECOND, MS)
    seconds.stall(4 * SECOND, 11 * SECOND)
    model = Model()
    seconds.note(12 * SECOND, model.loop)
    found = seconds.overview()
    assert (found.start_s, found.requests.tolist()) == (10, [1, 0])
    assert found.stall_max_ns.tolist() == [7 * SECOND, 0]


def test_several_workers_together():
    def of(start, busy, requests, slowest):
        none = np.zeros(len(busy), np.int64)
        return Overview(
            start_s=start,
            busy_ns=np.array(busy),
            lag_max_ns=none,
            stall_max_ns=none,
            requests=np.array(requests),
            slowest_ns=np.array(slowest),
        )

    first, second = of(10, [1, 2, 3], [1, 1, 1], [5, 5, 5]), of(12, [9, 9], [2, 3], [4, 6])
    found = merge_overviews(first, second, Overview())
    assert found.start_s == 10
    assert found.busy_ns.tolist() == [1, 2, 3, 0]
    assert found.requests.tolist() == [1, 1, 3, 3]
    assert found.slowest_ns.tolist() == [5, 5, 5, 6]
