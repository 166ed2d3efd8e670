"""Stalls that are garbage collections are not the fault of the line that allocates."""

import pytest

from loopviz.clock import MS
from loopviz.testing import Story
from tests.model.findings.stories import CYCLE, found


def stall(story, lasted, paused, *, elsewhere=False):
    """A request's step that takes `lasted` ms, of which a collection takes `paused`."""
    story.task(1, CYCLE).step(1).request(1, "GET /a").sampled("/app/api.py", 20, "order")
    story.runs(paused * MS)
    if paused:
        story.gc(paused * MS, elsewhere=elsewhere)
    return story.runs((lasted - paused) * MS).response(1, "GET /a").end(1).idle(MS)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_stall_that_is_nearly_all_garbage_collection(elsewhere):
    (finding,) = found(stall(Story().idle(MS), 100, 95, elsewhere=elsewhere))
    assert finding.rule == "gc-pause"
    assert finding.sentence == (
        "A garbage collection blocked the loop 95 ms; no line is to blame for that"
    )
    assert (finding.location, finding.worst_ns) == (None, 95 * MS)


def test_without_it_the_callback_would_not_be_slow():
    (finding,) = found(stall(Story().idle(MS), 30, 12))
    assert finding.rule == "gc-pause"


def test_it_is_known_after_a_hundred_more_collections():
    story = stall(Story().waits_for_core().idle(MS), 60, 55).idle(MS)
    for _ in range(100):
        story.callback("f", MS).gc(MS // 10, 0)
    (finding,) = found(story.idle(300 * MS).callback("f").idle(MS))
    assert (finding.rule, finding.worst_ns, finding.location) == ("gc-pause", 55 * MS, None)


def test_a_collection_of_2_ms_is_not_told():
    (finding,) = found(stall(Story().idle(MS), 21, 2))
    assert (finding.rule, finding.worst_ns) == ("slow-callback", 21 * MS)


def test_a_slow_line_is_slow_with_a_short_collection_in_it():
    (finding,) = found(stall(Story().idle(MS), 100, 30))
    assert (finding.rule, finding.worst_ns) == ("slow-callback", 100 * MS)
    assert finding.location.line == 20


def test_a_collection_before_the_callback_does_not_count():
    story = Story().idle(MS).callback("f", 20 * MS - 1).gc(19 * MS).idle(MS)
    (finding,) = found(stall(story, 30, 0))
    assert finding.rule == "slow-callback"


def test_one_finding_however_many_lines_it_meets():
    story = Story().idle(MS)
    for line in range(3):
        story.task(line + 1, CYCLE).step(line + 1).sampled("/app/api.py", 20 + line, "order")
        story.runs(50 * MS).gc(50 * MS).end(line + 1).idle(MS)
    (finding,) = found(story)
    assert (finding.rule, finding.count) == ("gc-pause", 3)


@pytest.mark.parametrize(
    ("lasted", "times", "severity"),
    [
        (59, 20, "warning"),
        (99, 20, "warning"),
        (100, 1, "warning"),
        (100, 2, "error"),
        (1000, 1, "error"),
    ],
)
def test_pauses_are_an_error_from_a_tenth_of_a_second_on(lasted, times, severity):
    """A line that takes 40 ms again and again is one: it may be moved elsewhere, a heap may not."""
    story = Story().idle(MS)
    for _ in range(times):
        story.callback("f").runs(lasted * MS).gc(lasted * MS).idle(100 * MS)
    (finding,) = found(story)
    assert (finding.rule, finding.severity) == ("gc-pause", severity)


def test_many_collections_are_of_the_callbacks_own_making():
    """It makes that many objects: parsing a large body does."""
    story = Story().idle(MS).task(1, CYCLE).step(1).sampled("/app/api.py", 20, "order")
    for _ in range(6):
        story.runs(30 * MS).gc(20 * MS)
    (finding,) = found(story.end(1).idle(MS))
    assert (finding.rule, finding.worst_ns) == ("slow-callback", 180 * MS)
