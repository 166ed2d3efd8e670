"""`slow-import`: the first use of a module is paid once, and is no finding."""

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from tests.model.findings.stories import CYCLE, found

IMPORTS = "<frozen importlib._bootstrap>"


def imports(story, times, lasted=30 * MS, *, calls=IMPORTS):
    for task in range(1, times + 1):
        story.task(task, CYCLE).step(task).request(task, "GET /a")
        story.sampled("/app/api.py", 20, "order", calls=calls).runs(lasted)
        story.response(task, "GET /a").end(task).idle(MS)
    return story


def test_a_first_import_of_30_ms_is_none():
    assert found(imports(Story().idle(MS), 1)) == []


def test_a_line_that_imports_again_and_again():
    (finding,) = found(imports(Story().idle(MS), 3))
    assert (finding.rule, finding.count) == ("slow-import", 3)
    assert finding.sentence == (
        "GET /a blocked the loop 30 ms while it imported a module in line 20 of /app/api.py"
    )


def test_a_very_long_one():
    (finding,) = found(imports(Story().idle(MS), 1, 2 * SECOND))
    assert (finding.rule, finding.severity) == ("slow-import", "error")


def test_another_call_is_a_slow_callback():
    (finding,) = found(imports(Story().idle(MS), 1, calls="/v/site-packages/x.py"))
    assert finding.rule == "slow-callback"
