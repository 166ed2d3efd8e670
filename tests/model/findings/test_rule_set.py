"""The rules together: batches, a new start, very many culprits."""

from loopviz.clock import MS, SECOND
from loopviz.model.findings.case import Verdict
from loopviz.model.model import Model
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED
from tests.model.findings.stories import CYCLE, Crowd, fed, jobs, too_many


def test_what_is_found_does_not_depend_on_the_batches():
    story, _ = jobs(number=2, story=too_many("sqlalchemy.pool").story, count=30)
    model = fed(Story())
    (aux, names), (events, strings) = story.aux_batch(), story.batch()
    model.feed_aux(aux, names)
    for at in range(0, len(events), 7):
        part = events[at : at + 7]
        model.feed(part, strings, int(part["at"][-1]))
    whole = fed(Story())
    whole.feed_aux(aux, names)
    whole.feed(events, strings)
    assert len(model.findings()) == 2
    assert model.findings() == whole.findings()


def test_a_scenario_s_start_counts_anew():
    story = too_many("sqlalchemy.pool").story
    model = fed(story)
    assert model.findings()
    story.mark("scenario:dbpool").idle(MS).feed(model)
    assert model.findings() == ()
    story.task(900, CYCLE).step(900).end(900, TASK_CANCELLED).idle(MS).feed(model)
    assert model.findings() == ()


def test_a_verdict_may_be_that_there_is_not_enough_evidence():
    story = Crowd("sqlalchemy.pool", 5).serve([0] * 10, holds=80).story
    model = fed(story)
    assert model.findings() == ()
    (rule,) = [rule for rule in model.rules.rules if rule.info.id == "pool-exhausted"]
    (case,) = rule.cases.values()
    assert (case.count, rule.check(case)) == (5, Verdict.RECHECK)


def test_very_many_culprits_are_summed_up():
    """The worst are told one by one; and memory is bounded."""
    story = Story().idle(MS)
    model = fed(story)
    for i in range(300):
        story.callback("f", 30 * MS + i).sampled("/app/x.py", i + 1).idle(MS).feed(model)
    (rest,) = (found for found in model.findings() if found.location is None)
    worst = [found for found in model.findings() if found is not rest and found.location]
    assert (len(worst), sum(f.count for f in worst)) == (50, 50)
    assert (rest.location, rest.count, rest.rule) == (None, 250, "slow-callback")
    assert rest.sentence == "51 more lines blocked the loop, 250 times in total"
    (rule,) = [rule for rule in model.rules.rules if rule.info.id == "slow-callback"]
    assert len(rule.cases) == 101


def test_what_blocked_the_loop_before_the_load_began_is_in_no_picture():
    """The app's start and its warm-up."""
    model = Model()
    story = Story().idle(MS).callback("warm_up", 200 * MS).idle(3 * SECOND).feed(model)
    assert model.snapshot(story.now_ns, 10 * SECOND).incidents
    model.mark(story.now_ns, "scenario:x")
    story.idle(SECOND).callback("f", 30 * MS).idle(3 * SECOND).feed(model)
    snapshot = model.snapshot(story.now_ns, 10 * SECOND)
    for stalls in (snapshot.loop.stalls, snapshot.incidents):
        assert [stall.end_ns - stall.start_ns for stall in stalls] == [30 * MS]
    assert max(snapshot.overview.stall_max_ns) == 30 * MS
    assert [(finding.count, finding.worst_ns) for finding in model.findings()] == [(1, 30 * MS)]
