"""Callbacks that wait for the GIL."""

import pytest

from loopviz.clock import MS
from loopviz.model.snapshot import State
from loopviz.model.snapshot.breakdown import breakdown
from loopviz.testing import Story
from loopviz.wire.events import OWN
from tests.model.findings.stalls import model_of, stall

CLOCK = 250 * MS


def waits(story, lasted, gil, *, function="crunch", queued=0):
    """A callback of `lasted` ms, in which its thread waits `gil` ms for the GIL."""
    story.callback("Selector._read_ready", lasted * MS)
    story.sampled("/lib/selector_events.py", 9, "send").waits_for_gil(gil * MS, since=lasted * MS)
    if queued:
        story.waits_for_core(queued * MS, since=lasted * MS)
    if function:
        story.sampled("/app/cpu.py", 7, function, gil=True)
    return story.idle(CLOCK)


def test_waiting_for_the_gil_has_a_finding_of_its_own():
    story = waits(waits(Story().idle(MS), 50, 45), 50, 45)
    (found,) = model_of(story).findings()
    assert (found.rule, found.title) == ("gil-contention", "WAITING FOR THE GIL")
    assert (found.count, found.worst_ns, found.severity) == (2, 50 * MS, "error")
    assert found.location.function == "crunch"
    assert found.sentence == "The loop waited 50 ms for the GIL while a thread ran crunch"


def test_the_thread_that_had_it_may_not_have_been_seen():
    (found,) = model_of(waits(Story().idle(MS), 50, 45, function="")).findings()
    assert (
        found.sentence == "The loop waited 50 ms for the GIL; the thread that had it was not seen"
    )


def test_a_thread_of_loopviz_is_none_of_the_apps():
    story = Story().idle(MS).callback("Selector._read_ready", 50 * MS).waits_for_gil(45 * MS)
    story.waits_for_gil(40 * MS, since=50 * MS).sampled(OWN, 0, "loopviz control", gil=True)
    model = model_of(story.idle(CLOCK))
    assert model.findings() == ()
    (stall,) = model.snapshot(story.now_ns, 1000 * MS).loop.stalls
    assert (stall.label, stall.did) == ("loopviz itself, which had the GIL", "loopviz itself")


def test_a_callback_that_is_slow_anyway_is_to_blame_itself():
    """A thread computed meanwhile, and once had the GIL: what `bench block` was once told."""
    (found,) = model_of(waits(Story().idle(MS), 50, 10)).findings()
    assert (found.rule, found.location.line) == ("slow-callback", 9)


def test_who_waits_for_the_gil_on_a_busy_machine_waits_for_what_took_more():
    story = waits(Story().idle(MS), 60, 40, queued=12)
    (found,) = model_of(story).findings()
    assert found.rule == "gil-contention"


def test_the_same_line_with_and_without_the_gil_are_two_findings():
    story = stall(Story().idle(MS)).idle(MS)
    waits(story, 25, 25, function="report")
    assert {f.rule for f in model_of(story).findings()} == {"slow-callback", "gil-contention"}


@pytest.mark.parametrize(("gil", "state"), [(40, State.GIL), (5, State.BLOCKING)])
def test_a_request_is_drawn_as_waiting_for_the_gil(gil, state):
    story = Story().idle(MS).task(1, "f").step(1).request(1, "GET /a").runs(44 * MS)
    story.waits_for_gil(gil * MS, since=44 * MS)
    story.sampled("/app/cpu.py", 7, "crunch", gil=True)
    model = model_of(story.runs(MS).response(1, "GET /a").end(1).idle(CLOCK))
    (request,) = model.snapshot(story.now_ns, 1000 * MS).requests
    assert [span[2] for span in request.spans] == [state]
    assert request.busy_ns == 45 * MS


def test_the_breakdown_says_which_thread_had_the_gil():
    story = Story().idle(MS).task(1, "f").task(2, "f").step(1).request(1, "GET /a").runs(45 * MS)
    story.waits_for_gil(44 * MS, since=45 * MS).sampled("/app/cpu.py", 7, "crunch", gil=True)
    story.response(1, "GET /a").end(1)
    story.step(2, waited=45 * MS).request(2, "GET /b").response(2, "GET /b").end(2).idle(CLOCK)
    snapshot = model_of(story).snapshot(story.now_ns, 1000 * MS)
    first, second = snapshot.requests
    (own,) = breakdown(snapshot, first).parts
    assert (own.kind, own.total_ns, own.location.function) == ("gil", 45 * MS, "crunch")
    (ready,) = breakdown(snapshot, second).parts
    assert (ready.kind, ready.what, ready.request) == ("ready", "the GIL", 0)
    assert ready.location.function == "crunch"
