"""Orphans: what works on for a request after its end, on its lane."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot.merge import clip, merge
from loopviz.model.state.lanes import Lanes
from loopviz.model.state.orphans import LANE_KEPT_NS
from loopviz.testing import Story

USERS = "send\t/app/api.py\t12\thandler"
LIBRARY = "read\t/lib/site-packages/httpx/client.py\t7\tget"
WINDOW = 6 * SECOND


def served(task=1, helpers=(2,), site=USERS, story=None):
    """A request of 4 ms that makes these tasks; each makes a step and waits."""
    story = (story or Story()).task(task).step(task).request(task, "GET /trip").runs(MS)
    for helper in helpers:
        story.task(helper, site, parent=task)
    for helper in helpers:
        story.step(helper, MS).idle(MS)
    return story.step(task, MS).response(task, "GET /trip").end(task).idle(MS)


def shown(model, story):
    snapshot = model.snapshot(story.now_ns, WINDOW)
    return [(o.request, o.lane, o.count, o.label, o.open) for o in snapshot.orphans]


def fed(story, **options):
    model = Model([("GET /trip", 10)], **options)
    story.feed(model)
    return model


def test_what_works_on_is_an_orphan_until_it_ends():
    story = served(helpers=(2, 3)).idle(20 * MS)
    model = fed(story)
    (orphan,) = model.snapshot(story.now_ns, WINDOW).orphans
    assert (orphan.request, orphan.route, orphan.lane) == (1, "GET /trip", 0)
    assert (orphan.count, orphan.label, orphan.open) == (2, "send", True)
    assert (orphan.start_ns, orphan.end_ns) == (story.now_ns - 21 * MS, story.now_ns)
    story.step(2, MS).end(2).idle(5 * MS).feed(model)
    assert shown(model, story) == [(1, 0, 1, "send", True)]
    story.step(3, MS).end(3).idle(5 * MS).feed(model)
    (orphan,) = model.snapshot(story.now_ns, WINDOW).orphans
    assert (orphan.count, orphan.open, orphan.end_ns) == (2, False, story.now_ns - 5 * MS)


@pytest.mark.parametrize(
    "story",
    [
        served(helpers=()),
        served(site=LIBRARY),
        Story().task(1).step(1).request(1, "GET /trip").task(2, USERS, parent=1).step(2, MS).end(2)
        .step(1, MS).response(1, "GET /trip").end(1).idle(MS),
    ],
    ids=["no task", "a library's task", "a task that ends first"],
)  # fmt: skip
def test_these_are_none(story):
    assert shown(fed(story), story) == []


def test_a_thread_works_on_for_a_task_that_was_cancelled():
    story = Story().task(1).step(1).request(1, "GET /trip").resource(7, "ThreadPoolExecutor", 4)
    story.job(5, 7, "resize\t/app/api.py\t3\tresize", by=1).runs(MS).idle(MS).job_starts(5, 7)
    story.idle(MS).step(1, MS).response(1, "GET /trip", 504).end(1).idle(30 * MS)
    model = fed(story)
    assert shown(model, story) == [(1, 0, 1, "resize", True)]
    story.job_ends(5, 7).idle(MS).idle(MS).feed(model)
    (orphan,) = model.snapshot(story.now_ns, WINDOW).orphans
    assert (orphan.open, orphan.end_ns) == (False, story.now_ns - 2 * MS)


def test_an_orphan_keeps_the_lane_and_gives_it_back():
    story = served()
    served(task=11, helpers=(), story=story)
    model = fed(story)
    lanes = {r.number: r.lane for r in model.snapshot(story.now_ns, WINDOW).requests}
    assert lanes == {1: 0, 2: 1}
    story.step(2, MS).end(2)
    served(task=21, helpers=(), story=story).feed(model)
    lanes = {r.number: r.lane for r in model.snapshot(story.now_ns, WINDOW).requests}
    assert lanes == {1: 0, 2: 1, 3: 0}


def test_one_that_never_ends_gives_the_lane_back_in_the_end():
    story = served().idle(LANE_KEPT_NS)
    model = fed(story)
    assert [request.number for request in model.snapshot(story.now_ns, SECOND).requests] == [1]
    served(task=11, helpers=(), story=story).feed(model)
    snapshot = model.snapshot(story.now_ns, WINDOW)
    assert {request.number: request.lane for request in snapshot.requests} == {1: 0, 2: 0}
    (orphan,) = snapshot.orphans
    assert (orphan.end_ns - orphan.start_ns, orphan.open) == (LANE_KEPT_NS, False)


def test_an_orphan_of_an_orphan_counts():
    story = served().step(2).task(3, USERS, parent=2).end(2).idle(9 * MS)
    model = fed(story)
    assert shown(model, story) == [(1, 0, 1, "send", True)]
    story.step(3, MS).end(3).idle(MS).feed(model)
    assert not model.snapshot(story.now_ns, WINDOW).orphans[0].open


def test_the_past_has_those_of_then():
    story = served(helpers=(2, 3)).idle(20 * MS)
    model, then = fed(story), story.now_ns
    before = model.snapshot(then, WINDOW)
    story.step(2, MS).end(2).step(3, MS).end(3).idle(SECOND).feed(model)
    held = model.snapshot(story.now_ns, WINDOW)
    model.retain(held.now_ns - WINDOW)
    assert model.past(held, then - WINDOW, then).orphans == before.orphans
    assert model.past(held, then - WINDOW, then - 21 * MS).orphans == ()
    assert model.past(held, held.now_ns - WINDOW, held.now_ns).orphans == held.orphans


def test_they_are_known_while_the_past_is_retained():
    story = served().step(2, MS).end(2).idle(MS)
    model = fed(story)
    held = model.snapshot(story.now_ns, WINDOW)
    model.retain(held.now_ns - WINDOW)
    for _ in range(100):
        story.idle(SECOND).feed(model)
    assert model.past(held, held.now_ns - WINDOW, held.now_ns).orphans == held.orphans
    model.retain(0)
    for _ in range(100):
        story.idle(SECOND).feed(model)
    assert not model.trace.requests.orphans.ended


@pytest.mark.parametrize("ends", ["stop", "lost"])
def test_no_more_is_told_of_them(ends):
    story = served().idle(20 * MS)
    model = fed(story)
    model.stop(story.now_ns) if ends == "stop" else model.lost(5, story.now_ns)
    now = story.now_ns + SECOND
    (orphan,) = model.snapshot(now, WINDOW).orphans
    assert (orphan.open, orphan.end_ns) == (False, story.now_ns)


def test_workers_have_one_picture():
    lanes = Lanes()
    story, other = served().idle(20 * MS), served().idle(20 * MS)
    first, second = fed(story, lanes=lanes), fed(other, lanes=lanes, worker=2)
    now = story.now_ns
    snapshots = first.snapshot(now, WINDOW), second.snapshot(now, WINDOW)
    both = merge(snapshots[0], [(2, snapshots[1])])
    assert [(o.request, o.lane) for o in both.orphans] == [(1, 0), (2, 1)]
    then = clip(snapshots[1], now - WINDOW, now - 10 * MS)
    assert [(o.end_ns, o.open) for o in then.orphans] == [(now - 10 * MS, True)]
