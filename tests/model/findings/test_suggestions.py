"""The fix that a finding suggests."""

from loopviz.clock import MS
from loopviz.testing import Story
from tests.model.findings.stalls import model_of, stall
from tests.model.findings.stories import fed, too_many


def test_a_fix_may_say_which_rules_it_answers():
    story = too_many("sqlalchemy.pool").story
    answers = {"narrow_lock": ["lock-convoy"], "release_first": ["pool-exhausted"]}
    model = fed(story, "narrow_lock", "release_first", "other", answers=answers)
    assert model.findings()[0].suggested_fix == "release_first"
    story.mark("fix:narrow_lock=on").feed(model)
    assert model.findings()[0].suggested_fix == "release_first"
    story.mark("fix:other=on").feed(model)
    assert model.findings()[0].suggested_fix == "release_first", "another trouble's"
    story.mark("fix:release_first=on").feed(model)
    assert model.findings()[0].suggested_fix == ""
    story = too_many("sqlalchemy.pool").story
    assert fed(story, "narrow_lock", answers=answers).findings()[0].suggested_fix == ""


def test_a_fix_is_suggested_until_one_is_on():
    story = stall(Story().idle(MS)).idle(MS)
    model = model_of(story, right=["slow-callback"], also_right=["slow-callback"])
    assert model.findings()[0].suggested_fix == "right"
    story.mark("fix:wrong=on").feed(model)
    assert model.findings()[0].suggested_fix == "right"
    story.mark("fix:also_right=on").feed(model)
    assert model.findings()[0].suggested_fix == ""
    story.mark("fix:also_right=off").feed(model)
    assert model.findings()[0].suggested_fix == "right"
    assert model_of(stall(Story()).idle(MS)).findings()[0].suggested_fix == ""
    story = Story().idle(MS).callback("f", 15 * MS)
    story.sampled("/v/site-packages/lib.py", 7).runs(15 * MS).idle(MS)
    (found,) = model_of(story, right=["slow-callback"]).findings()
    assert (found.suggested_fix, found.advice) == ("", ""), "a library's line has no branches"
    assert model_of(stall(Story()).idle(MS), right=[]).findings()[0].suggested_fix == ""
