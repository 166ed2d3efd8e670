"""`never-awaited`: coroutines that never run."""

from loopviz.clock import MS
from loopviz.testing import Story
from tests.model.findings.stories import answered, found, request

AUDIT = "audit\t/app/api.py\t50\taudit"
PAYS = "\t/app/api.py\t30\tpay"


def paid(story, *tasks, place=PAYS):
    for task in tasks:
        request(story, task, route="POST /pay").never_awaited(AUDIT, place=place, by=task)
        answered(story, task, route="POST /pay")
    return story


def test_it_names_the_function_and_the_line_that_makes_it():
    (finding,) = found(paid(Story().idle(MS), 1, 2, 3))
    assert (finding.rule, finding.severity, finding.count) == ("never-awaited", "error", 3)
    assert finding.sentence == (
        "POST /pay makes a coroutine of audit that nobody awaits in line 30 of /app/api.py: "
        "it never runs"
    )
    assert (finding.location.file, finding.location.line) == ("app/api.py", 30)


def test_without_that_line_it_is_the_functions_own():
    (finding,) = found(paid(Story().idle(MS), 1, place=""))
    assert finding.sentence.endswith("it never runs; the line that makes it was not seen")
    assert finding.location.line == 50


def test_one_finding_for_each_line():
    story = paid(Story().idle(MS), 1, 2)
    paid(story, 3, place="\t/app/api.py\t31\tpay")
    assert sorted(f.count for f in found(story)) == [1, 2]
