"""`slow-import`: the first use of a module is paid once, and is no finding."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from tests.model.findings.stalls import model_of
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


BODY = "\t/v/site-packages/anyio/_backends/_asyncio.py\t90\t<module>"
BY = "\t<frozen importlib._bootstrap>\t241\t_call_with_frames_removed"
COMPILES = "\t/usr/lib/python3.11/re/_compiler.py\t738\tcompile"
LAZY = "\t/v/site-packages/anyio/_core/_eventloop.py\t200\tget_async_backend"
USER = "\t/app/api.py\t20\torder"


@pytest.mark.parametrize(
    ("culprit", "frames"),
    [
        (3, (BODY, BY, LAZY, USER)),
        (0, (BODY, BY, LAZY)),
        (0, (BY, BODY, BY, LAZY)),
        (1, (COMPILES, BODY, BY, LAZY)),
    ],
)
def test_the_first_use_of_a_module_is_a_note_at_its_stall(culprit, frames):
    """Whether user code is on the stack or not."""
    story = Story().idle(MS).task(1, CYCLE).step(1).request(1, "GET /a").runs(46 * MS)
    story.sampled_stack(*frames, culprit=culprit).response(1, "GET /a").end(1).idle(MS)
    model = model_of(story)
    assert model.findings() == ()
    (stall,) = model.snapshot(story.now_ns, SECOND).loop.stalls
    assert stall.did == "first use: imported anyio._backends._asyncio"


def test_what_is_known_only_after_the_stall_may_show_that_it_was_no_import():
    """A stall is described twice: the second time knows nothing of the first."""
    story = Story().waits_for_core().idle(MS).task(1, CYCLE).step(1).request(1, "GET /a")
    story.runs(20 * MS).sampled("/app/api.py", 20, "order", calls=IMPORTS)
    model = model_of(story)
    story.runs(70 * MS).sampled("/app/api.py", 21, "order").runs(10 * MS)
    model.feed(*story.response(1, "GET /a").end(1).idle(MS).batch())
    story.idle(300 * MS).feed(model)
    (finding,) = model.findings()
    assert (finding.rule, finding.location.line) == ("slow-callback", 21)


def test_three_of_them_name_the_module():
    story = Story().idle(MS)
    for task in (1, 2, 3):
        story.task(task, CYCLE).step(task).request(task, "GET /a").runs(30 * MS)
        story.sampled_stack(BODY, BY, USER, culprit=2).response(task, "GET /a").end(task).idle(MS)
    (finding,) = model_of(story).findings()
    assert "while it imported anyio._backends._asyncio in" in finding.sentence


def test_a_very_long_one():
    (finding,) = found(imports(Story().idle(MS), 1, 2 * SECOND))
    assert (finding.rule, finding.severity) == ("slow-import", "error")


def test_another_call_is_a_slow_callback():
    (finding,) = found(imports(Story().idle(MS), 1, calls="/v/site-packages/x.py"))
    assert finding.rule == "slow-callback"
