"""Many short callbacks: the loop is crowded though none holds it."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from tests.model.findings.stories import SPAWNED, answered, found, request

STEP = "future\t/app/feed.py\t12\tfeed"


def crowded(seconds, *, delay=30, runs=1, share=1.0, stalls=False, no_core=0.0):
    """Callbacks of 1 ms each, so that each waited for those before it.

    The loop's thread had no core for that share of the time.
    """
    story = Story().idle(MS).task(1, SPAWNED)
    for second in range(seconds):
        if stalls:
            story.callback("slow", 400 * MS)
        count = (600 if stalls else 1000) // runs
        for i in range(count):
            waited = delay * MS if i % 100 < 100 * share and (second or i > delay) else 0
            story.step(1, runs * MS, waited=min(waited, story.now_ns), place=STEP)
            if no_core and i % 10 == 9:
                story.waits_for_core(int(no_core * 10 * MS))
        story.polls()
    return story.idle(MS).idle(2 * SECOND).idle(MS)


def test_many_short_steps():
    (seen,) = found(crowded(4))
    assert (seen.rule, seen.title, seen.severity) == (
        "ready-delay-high",
        "TOO MANY CALLBACKS",
        "warning",
    )
    assert seen.worst_ns == 30 * MS
    assert seen.total_ns == seen.count * 30 * MS
    assert 3900 <= seen.count <= 4000
    assert seen.location == Location(
        file="app/feed.py", line=12, function="feed", path="/app/feed.py"
    )
    assert seen.sentence == (
        "Callbacks waited 30 ms for the loop, though none blocked it for long: "
        "999 steps of refresh at line 12 of /app/feed.py took 97% of that time"
    )


@pytest.mark.parametrize(("no_core", "rules"), [(0.3, ["ready-delay-high"]), (0.8, [])])
def test_that_the_thread_had_no_core_is_nobodys_fault(no_core, rules):
    assert [finding.rule for finding in found(crowded(4, no_core=no_core))] == rules


def test_the_requests_that_waited():
    story = Story().idle(MS)
    for task in range(1, 301, 2):
        request(story, task).runs(5 * MS)
        request(story, task + 1).runs(12 * MS)
        answered(story.step(task, MS, waited=12 * MS).polls(), task)
        answered(story.step(task + 1, MS), task + 1)
    (seen,) = found(story.idle(2 * SECOND).idle(MS))
    assert seen.worst_ns == 12 * MS
    assert (seen.location, seen.victims) == (None, seen.count)
    assert seen.victim_wait_ns == seen.total_ns == seen.count * 12 * MS
    assert "steps of GET /a took" in seen.sentence


@pytest.mark.parametrize(
    "story",
    [crowded(1), crowded(4, delay=9), crowded(4, share=0.05), crowded(4, runs=15, share=0.15)],
    ids=["a burst", "not for long", "few of them", "a handful"],
)
def test_a_loop_that_is_busy(story):
    assert found(story) == []


def test_the_culprit_s_steps_are_short():
    """Stalls took more of the second, but not of the time in which the others waited."""
    story = Story().idle(MS).task(1, SPAWNED).task(2, "page")
    for _ in range(4):
        for _ in range(9):
            story.step(2, 60 * MS)
        for _ in range(200):
            story.step(1, MS, waited=30 * MS, place=STEP)
        story.polls().idle(200 * MS)
    (seen,) = (f for f in found(story.idle(2 * SECOND).idle(MS)) if f.rule == "ready-delay-high")
    assert "steps of refresh at line 12 of /app/feed.py" in seen.sentence


def test_a_request_and_its_tasks_are_one_culprit():
    """The steps of each take as long: which took more would change from second to second."""
    story = request(Story().idle(MS), 1)
    story.task(2, SPAWNED, parent=1).task(3, "another")
    for second in range(4):
        for i in range(900):
            task = (1, 2, 3)[i % 3]
            ns = MS + (second % 2 == task % 2) * MS // 10
            story.step(task, ns, waited=30 * MS, place=STEP if task == 2 else "")
        story.polls()
    (seen,) = found(answered(story, 1).idle(2 * SECOND).idle(MS))
    assert " of GET /a took 63% of that time, 48% of it at line 12 of /app/feed.py" in seen.sentence


def test_the_tasks_of_a_request_are_its_own_though_they_are_forgotten_soon():
    story = request(Story().idle(MS), 1)
    for number in range(2, 4002):
        story.task(number, "price\t/app/feed.py\t12\tprice", parent=1)
        story.step(number, MS, waited=30 * MS if number % 1000 > 30 else 0).end(number)
    (seen,) = found(answered(story.polls(), 1).idle(2 * SECOND).idle(MS))
    assert " steps of GET /a at line 12 of /app/feed.py took 100% of that time" in seen.sentence


def test_who_took_a_tenth_of_the_time_is_no_culprit():
    """Ten others took as much, at lines of their own."""
    story = Story().idle(MS)
    for n in range(10):
        story.task(n + 1, f"f{n}\t/app/feed.py\t{n + 1}\tf{n}")
    for _ in range(4):
        for i in range(1000):
            story.step(i % 10 + 1, MS, waited=30 * MS if i > 30 else 0)
        story.polls()
    assert found(story.idle(2 * SECOND).idle(MS)) == []


def test_a_thread_that_does_not_run_is_not_crowded():
    """The callbacks that were to run before the others took 10 ms, and these waited 30."""
    story = Story().idle(MS).task(1, SPAWNED)
    for _ in range(4):
        story.idle(900 * MS)
        for _ in range(100):
            story.step(1, MS // 10, waited=30 * MS, place=STEP)
        story.polls().idle(90 * MS)
    assert found(story.idle(2 * SECOND).idle(MS)) == []


def test_what_a_stall_explains_is_not_found_twice():
    story = Story().idle(MS)
    for _ in range(20):
        began = story.now_ns
        story.callback("slow", 200 * MS)
        for _ in range(59):
            story.callback("short", 50_000, waited=story.now_ns - began)
        story.polls()
    assert {f.rule for f in found(story.idle(SECOND).idle(MS))} == {"slow-callback"}
