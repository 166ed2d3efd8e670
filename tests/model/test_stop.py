"""A target that dies: what was open ends there, and nothing runs afterwards."""

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot import State
from loopviz.testing import Story


def test_what_was_open_ends_with_the_target():
    model = Model()
    story = Story()
    story.idle(10 * MS).task(1).step(1).request(1, "GET /a").runs(30 * MS)
    story.feed(model)
    at = model.health().newest_ns + 40 * MS
    model.stop(at)
    snapshot = model.snapshot(at + SECOND, 5 * SECOND)
    (request,) = snapshot.requests
    assert (request.open, request.end_ns, request.status) == (False, at, 0)
    assert request.spans[-1][2] is State.BLOCKING
    (stall,) = snapshot.loop.stalls
    assert (stall.open, stall.end_ns) == (False, at)
    assert snapshot.loop.running is None
    assert snapshot.loop.busy.values[-1] == snapshot.loop.busy.values[-2]


def test_a_target_that_died_before_its_first_event():
    model = Model()
    model.stop(SECOND)
    assert not model.seen


def test_a_snapshot_of_a_moment_before_does_not_hide_its_last_findings():
    """Parts of a snapshot are made a few times a second; that of an ended worker is kept."""
    model, story = Model(), Story()
    story.idle(MS).feed(model)
    assert model.snapshot(story.now_ns, SECOND).findings == ()
    story.task(1).step(1, 60 * MS).end(1).idle(MS).feed(model)
    model.stop(story.now_ns)
    last = model.snapshot(story.now_ns, SECOND)
    assert (len(last.findings), last.tasks.started) == (1, 1)
