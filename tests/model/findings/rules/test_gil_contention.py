"""Callbacks that wait for the GIL."""

from loopviz.clock import MS
from loopviz.testing import Story
from tests.model.findings.stalls import model_of, stall


def test_waiting_for_the_gil_has_a_finding_of_its_own():
    story = Story().idle(MS)
    for line in (7, 8):
        story.callback("Selector._read_ready", 25 * MS)
        story.sampled("/app/cpu.py", line, "crunch", gil=True).runs(25 * MS).idle(MS)
    (found,) = model_of(story).findings()
    assert (found.rule, found.title) == ("gil-contention", "WAITING FOR THE GIL")
    assert (found.count, found.worst_ns, found.severity) == (2, 50 * MS, "error")
    assert found.location.function == "crunch"
    assert found.sentence == ("The loop waited 50 ms for the GIL while a thread ran crunch")


def test_the_same_line_with_and_without_the_gil_are_two_findings():
    story = stall(Story().idle(MS)).idle(MS)
    story.callback("f", 25 * MS).sampled("/app/block.py", 10, "report", gil=True).idle(MS)
    assert {f.rule for f in model_of(story).findings()} == {"slow-callback", "gil-contention"}
