"""Stalls in which the process had used up the CPU time of its control group."""

from loopviz.clock import MS
from loopviz.testing import Story
from tests.model.findings.stories import CYCLE, found

LIMIT = "0.5\tcpu.max 50000 100000"


def stall(story, *, limit=LIMIT):
    story.task(1, CYCLE).step(1).sampled("/app/api.py", 20, "order").runs(60 * MS)
    story.waits_for_core(55 * MS).throttled(9, 10, limit=limit)
    return story.end(1).idle(250 * MS)


def test_the_limit_is_named_and_no_line():
    story = stall(stall(Story().waits_for_core().idle(MS)))
    (finding,) = found(story)
    assert (finding.rule, finding.count, finding.worst_ns) == ("cpu-throttled", 2, 55 * MS)
    assert (finding.location, finding.severity) == (None, "error")
    assert finding.sentence == (
        "The loop stood still for about 55 ms: its limit of 0.5 cores (cpu.max 50000 100000) was "
        "reached in 18 of 20 periods"
    )


def test_a_limit_that_was_reached_at_another_time_is_not_to_blame():
    story = Story().waits_for_core().throttled(9, 10, limit=LIMIT).idle(500 * MS)
    for _ in range(3):
        story.callback("f", 30 * MS).waits_for_core(24 * MS).idle(250 * MS)
    assert [finding.rule for finding in found(story)] == ["machine-busy"]
