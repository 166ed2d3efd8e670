"""A snapshot has the marks and the failed hooks, and does not change afterwards."""

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from tests.model.findings.stalls import T0, model_of, stall


def test_marks():
    story = Story().mark("fix:to_thread=on").idle(SECOND).mark("load:1.5").idle(SECOND)
    story.mark("scenario:block").idle(MS).mark("something:else").idle(MS)
    model = model_of(story)
    marks = model.snapshot(story.now_ns, 10 * SECOND).marks
    assert [(m.kind, m.text, m.at_ns - T0) for m in marks] == [
        ("fix", "to_thread on", 0),
        ("load", "load ×1.5", SECOND),
        ("scenario", "block", 2 * SECOND),
    ]
    assert len(model.snapshot(story.now_ns, SECOND + 3 * MS).marks) == 2


def test_failed_hooks_are_shown():
    model = model_of(Story().hook_failed("callback: ValueError: x").idle(MS))
    assert model.health().failed_hooks == ("callback: ValueError: x",)


def test_snapshots_do_not_change_afterwards():
    story = stall(Story().idle(MS)).idle(MS)
    model = model_of(story)
    before = model.snapshot(story.now_ns, SECOND)
    copy = (
        before.requests,
        before.loop.stalls,
        before.findings,
        before.marks,
        before.loop.busy.values.tolist(),
    )
    for task in range(2, 200):
        stall(story.mark("fix:a=on"), task).idle(MS)
    story.feed(model)
    model.lost(5, story.now_ns)
    model.snapshot(story.now_ns, SECOND)
    assert copy == (
        before.requests,
        before.loop.stalls,
        before.findings,
        before.marks,
        before.loop.busy.values.tolist(),
    )
