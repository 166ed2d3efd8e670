"""Stalls that the machine made: the loop's thread could run and had no core."""

import pytest

from loopviz.clock import MS
from loopviz.testing import Story
from tests.model.findings.stories import CYCLE, fed, found

CLOCK = 250 * MS
"""Time after which nothing more can become known of a stall."""


def measured():
    return Story().waits_for_core().idle(MS)


def stall(story, lasted, waited, *, line=20):
    """A request's step of `lasted` ms, in which its thread waits `waited` for a core at the end."""
    story.task(1, CYCLE).step(1).request(1, "GET /a").runs(12 * MS)
    story.sampled("/app/api.py", line, "order").runs((lasted - 12) * MS)
    if waited:
        story.waits_for_core(waited * MS)
    return story.response(1, "GET /a").end(1).idle(CLOCK)


def test_no_line_is_blamed_for_a_wait_for_a_core():
    story = measured()
    for _ in range(3):
        stall(story, 30, 24)
    (finding,) = fed(story, "to_thread").findings()
    assert (finding.rule, finding.count, finding.worst_ns) == ("machine-busy", 3, 24 * MS)
    assert (finding.location, finding.severity) == (None, "warning")
    assert finding.suggested_fix == ""
    assert finding.sentence == (
        "The loop waited about 24 ms for a core, and 72 ms in total; no line is to blame for that"
    )


def test_a_machine_that_was_busy_for_a_moment_makes_no_finding():
    assert found(stall(measured(), 30, 24)) == []


def test_it_is_never_an_error():
    story = measured()
    for _ in range(9):
        stall(story, 2000, 1990)
    assert [finding.severity for finding in found(story)] == ["warning"]


def test_a_wait_that_is_known_only_after_the_stall_counts():
    """The watchdog looks ten milliseconds later, and the batch of the stall has been read."""
    story = stall(stall(measured(), 30, 24), 30, 24)
    model = fed(story.callback("f", 30 * MS).idle(8 * MS))
    assert model.findings() == ()
    story.waits_for_core(25 * MS, since=40 * MS).idle(CLOCK).feed(model)
    assert [(f.rule, f.count) for f in model.findings()] == [("machine-busy", 3)]


def test_a_blocking_call_on_a_busy_machine_keeps_its_line():
    story = measured()
    for _ in range(3):
        stall(story, 50, 9)
    (finding,) = found(story)
    assert (finding.rule, finding.location.line, finding.severity) == ("slow-callback", 20, "error")
    assert "its thread waited" not in finding.sentence


def test_work_that_is_slow_anyway_says_how_long_it_waited_for_a_core():
    (finding,) = found(stall(measured(), 100, 60))
    assert finding.sentence == (
        "GET /a blocked the loop 100 ms; of that its thread waited about 60 ms for a core; "
        "it was seen once, in line 20 of /app/api.py"
    )


def test_work_that_is_slow_only_on_a_busy_machine_is_no_error():
    story = measured()
    for _ in range(3):
        stall(story, 100, 65)
    assert [(f.rule, f.severity) for f in found(story)] == [("slow-callback", "warning")]


def test_a_short_wait_does_not_excuse_a_callback_of_just_twenty_milliseconds():
    assert [finding.rule for finding in found(stall(measured(), 21, 2))] == ["slow-callback"]


def test_waits_before_and_after_the_stall_do_not_count():
    story = measured().waits_for_core(9 * MS).idle(MS)
    story.task(1, CYCLE).step(1).runs(30 * MS).end(1).idle(12 * MS)
    story.waits_for_core(10 * MS).idle(CLOCK)
    assert [finding.rule for finding in found(story)] == ["slow-callback"]


def test_its_victims_are_those_of_the_machine():
    story = measured()
    for first in (1, 3, 5):
        story.task(first, CYCLE).task(first + 1, CYCLE)
        story.step(first).request(first, "GET /a").runs(30 * MS).waits_for_core(24 * MS)
        story.response(first, "GET /a").end(first)
        story.step(first + 1, waited=30 * MS).request(first + 1, "GET /b")
        story.response(first + 1, "GET /b").end(first + 1).idle(CLOCK)
    (finding,) = found(story)
    assert (finding.rule, finding.victims, finding.victim_wait_ns) == ("machine-busy", 3, 90 * MS)


def test_at_the_end_of_a_run_nothing_more_can_become_known():
    story = measured()
    for _ in range(3):
        story.callback("f", 30 * MS).waits_for_core(24 * MS).idle(MS)
    model = fed(story)
    model.stop(story.now_ns)
    assert [finding.rule for finding in model.findings()] == ["machine-busy"]


def test_what_was_waited_from_look_to_look_counts_for_all_that_ran_meanwhile():
    """The watchdog had no core either: its looks are long apart."""
    story = measured()
    for _ in range(4):
        story.callback("f", 500 * MS).callback("f", 500 * MS)
        story.waits_for_core(500 * MS, since=1000 * MS).idle(CLOCK)
    (finding,) = found(story)
    assert (finding.rule, finding.count) == ("slow-callback", 8)


def test_a_wait_counts_for_the_time_in_which_the_loop_was_busy():
    story = measured()
    for _ in range(3):
        story.idle(70 * MS).callback("f", 30 * MS).waits_for_core(28 * MS, since=100 * MS)
        story.idle(CLOCK)
    (finding,) = found(story)
    assert (finding.rule, finding.worst_ns) == ("machine-busy", 28 * MS)


def late_look(*, asleep):
    """The watchdog has no core either: what it measures at last may have been before the stall."""
    story = measured().idle(90 * MS).task(1, CYCLE).step(1).request(1, "GET /a").runs(12 * MS)
    story.sampled("/app/api.py", 20, "order", asleep=asleep)
    story.waits_for_core(95 * MS, since=102 * MS).runs(48 * MS)
    story.response(1, "GET /a").end(1).idle(92 * MS).waits_for_core(90 * MS, since=140 * MS)
    return story.idle(CLOCK)


def test_a_line_that_was_seen_asleep_in_a_call_is_told_whatever_the_machine_adds():
    (finding,) = found(late_look(asleep=True))
    assert (finding.rule, finding.location.line) == ("slow-callback", 20)
    assert found(late_look(asleep=False)) == []


def test_what_a_thread_that_slept_waited_certainly_is_still_the_machines():
    story = measured()
    for _ in range(3):
        story.task(1, CYCLE).step(1).request(1, "GET /a").runs(12 * MS)
        story.sampled("/app/api.py", 20, "order", asleep=True).runs(48 * MS)
        story.waits_for_core(45 * MS, since=50 * MS).response(1, "GET /a").end(1).idle(CLOCK)
    (finding,) = found(story)
    assert (finding.rule, finding.worst_ns) == ("machine-busy", 45 * MS)


def collects(lasted, paused, waited):
    """Three callbacks in which a collection runs, and waits for a core as well."""
    story = measured()
    for _ in range(3):
        story.task(1, CYCLE).step(1).runs(20 * MS).sampled("/app/api.py", 20, "order")
        story.runs((lasted - 20) * MS).gc(paused * MS)
        story.waits_for_core(waited * MS, since=lasted * MS).end(1).idle(CLOCK)
    return [(finding.rule, finding.severity) for finding in found(story)]


def test_a_collection_that_is_slow_anyway_is_one_on_a_busy_machine_too():
    assert collects(1000, 900, 600) == [("gc-pause", "error")]


def test_a_collection_that_is_slow_only_on_a_busy_machine_is_no_error():
    assert collects(200, 190, 150) == [("gc-pause", "warning")]
    assert collects(60, 50, 45) == [("machine-busy", "warning")]


def test_a_wait_for_a_core_within_a_collection_is_not_left_out_twice():
    """The callback makes objects, and so it makes the collections, none of which is long."""
    story = measured()
    for _ in range(3):
        story.task(1, CYCLE).step(1).sampled("/app/api.py", 20, "order")
        for _ in range(20):
            story.runs(100 * MS).gc(50 * MS).waits_for_core(45 * MS, since=100 * MS)
        story.end(1).idle(CLOCK)
    assert [finding.rule for finding in found(story)] == ["slow-callback"]


@pytest.mark.parametrize(
    ("ms", "measures", "rules"),
    [(106, True, []), (206, True, ["slow-callback"]), (106, False, ["slow-callback"])],
)
def test_a_stall_whose_line_is_not_seen_yet_may_be_the_machines(ms, measures, rules):
    """The watchdog, too, waits for a core; how long is known only once they have got one."""
    story = measured() if measures else Story().idle(MS)
    story.task(1, CYCLE).step(1).request(1, "GET /a").runs(ms * MS)
    seen = fed(story).findings(story.now_ns)
    assert [finding.rule for finding in seen] == rules
