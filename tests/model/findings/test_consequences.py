"""What follows from a finding is told under it, and is no finding of its own."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from tests.model.findings.stories import (
    CYCLE,
    HOLDS,
    MADE,
    WAITS,
    Crowd,
    answered,
    fed,
    found,
    request,
)

BLOCKS = ("/app/api.py", 40, "report")


def queue_behind_a_stall(*, after=0, over=True, calls=""):
    """A pool of one: nine wait for it while a callback blocks the loop, and `after` that."""
    story = Crowd("sqlalchemy.pool", 1).story
    request(story, 1).acquires(1, 1).idle(MS)
    for task in range(2, 11):
        request(story, task).waits_for(task, 1, place=WAITS)
    story.idle(MS).callback("f", 300 * MS).sampled(*BLOCKS, calls=calls).runs(300 * MS)
    if not over:
        return story
    story.idle(after * MS + MS)
    for task in range(1, 10):
        story.step(task, place=HOLDS).releases(task, 1, 0).step(task + 1).acquires(task + 1, 1)
        answered(story, task)
    return story


def test_waits_while_the_loop_was_blocked_follow_from_that():
    (seen,) = found(queue_behind_a_stall())
    (so,) = seen.consequences
    assert (seen.rule, so.rule, so.count) == ("slow-callback", "pool-exhausted", 9)
    assert so.sentence == (
        "there were 9 waits for database connections of app/db.py:9 pool(1), 610 ms at most"
    )
    assert so.waited_ns > 9 * 600 * MS


def test_waits_that_go_on_while_it_is_blocked_do_too():
    story = queue_behind_a_stall(over=False)
    findings = fed(story).findings(story.now_ns)
    assert [(f.rule, [so.rule for so in f.consequences]) for f in findings] == [
        ("slow-callback", ["pool-exhausted"])
    ]


def test_waits_that_are_longer_than_the_stall_are_a_finding():
    findings = found(queue_behind_a_stall(after=900))
    assert {f.rule for f in findings} == {"slow-callback", "pool-exhausted"}
    assert not any(f.consequences for f in findings)


def test_what_follows_from_no_finding_is_none():
    """A module that is imported for the first time blocks the loop once."""
    story = queue_behind_a_stall(calls="<frozen importlib._bootstrap>")
    assert found(story) == []


TOO_LATE = "sqlalchemy.exc.TimeoutError: QueuePool limit of size 1 reached"


def gives_up(error, *, waits=True):
    """Five requests wait for a pool's connection, give up after 600 ms, and fail."""
    story = Crowd("sqlalchemy.pool", 1).story
    request(story, 1, route="GET /slow").acquires(1, 1).idle(MS)
    for task in range(2, 7):
        request(story, task)
        if waits:
            story.waits_for(task, 1, place=WAITS)
        story.idle(600 * MS).step(task)
        if waits:
            story.wait_over(task, 1)
        answered(story.raises(task, error, place=WAITS), task, 500)
    story.step(1).releases(1, 1)
    return answered(story, 1, route="GET /slow")


def test_requests_that_fail_because_they_gave_up():
    (seen,) = found(gives_up(TOO_LATE))
    (so,) = seen.consequences
    assert (seen.rule, so.rule, so.count) == ("pool-exhausted", "requests-fail", 5)
    assert so.sentence == f"5 requests (GET /a) raised {TOO_LATE}"


def test_requests_that_fail_otherwise_are_a_finding():
    assert [f.rule for f in found(gives_up("ValueError: no", waits=False))] == ["requests-fail"]


@pytest.mark.parametrize(("error", "follows"), [("TimeoutError: ", True), ("KeyError: x", False)])
def test_a_timeout_while_the_loop_was_blocked(error, follows):
    story = Story().idle(MS)
    for task in (1, 2, 3):
        request(story, task).idle(MS).callback("f", 400 * MS).sampled(*BLOCKS).idle(MS)
        answered(story.step(task).raises(task, error, place=WAITS), task, 500)
    rules = [f.rule for f in found(story)]
    assert (
        rules == ["slow-callback"]
        if follows
        else set(rules)
        == {
            "slow-callback",
            "requests-fail",
        }
    )


@pytest.mark.parametrize("pool", [True, False])
def test_calls_that_are_tried_again_because_the_pool_is_exhausted(pool):
    story = Story().idle(MS).resource(1, "httpcore.pool", 1, name="pool", made_at=MADE)
    request(story, 99, route="GET /slow").acquires(99, 1)
    for task in range(1, 6):
        request(story, task).idle(MS)
    for _ in range(4):
        for task in range(1, 6) if pool else ():
            story.step(task).waits_for(task, 1, place=WAITS)
        story.idle(600 * MS)
        for task in range(1, 6):
            story.step(task)
            if pool:
                story.wait_over(task, 1)
            story.http_call(task, "up", 0, place=HOLDS).idle(MS)
    for task in range(1, 6):
        answered(story.step(task), task)
    (seen, *more) = [f for f in found(story) if f.rule in ("pool-exhausted", "retry-storm")]
    assert not more
    told = [seen.rule, *(so.rule for so in seen.consequences)]
    assert told == (["pool-exhausted", "retry-storm"] if pool else ["retry-storm"])


def test_a_pool_whose_holders_hang():
    story = Crowd("asyncio.Semaphore", 2).story
    for task in range(100, 105):
        answered(request(story, task).idle(5 * MS).step(task), task)
    for task in (1, 2):
        request(story, task).acquires(task, 1, task).idle(MS)
    for task in range(3, 20):
        request(story, task, route="GET /b").waits_for(task, 1, place=WAITS)
    model = fed(story.selects())
    (seen,) = model.findings(story.now_ns + 4 * SECOND)
    assert (seen.rule, [so.rule for so in seen.consequences]) == (
        "request-hangs",
        ["pool-exhausted"],
    )


def test_threads_that_all_wait_for_a_connection():
    """What they wait for has not come yet: one cause, and so one finding."""
    story = Story().idle(MS).resource(1, "sqlalchemy.pool", 1, made_at=MADE)
    story.resource(2, "ThreadPoolExecutor", 2, name="threads")
    request(story, 1, route="GET /slow").acquires(1, 1, place=HOLDS).idle(MS)
    for task in range(2, 12):
        request(story, task).job(task, 2, "\t/app/work.py\t5\tload", by=task).idle(MS)
        if task < 4:
            story.job_starts(task, 2).job_waits_for(task, 1, place=WAITS)
    for task in range(12, 15):
        request(story, task).waits_for(task, 1, place=WAITS)
    (seen,) = found(story.idle(900 * MS))
    assert (seen.rule, [so.rule for so in seen.consequences]) == (
        "pool-exhausted",
        ["thread-limiter-exhausted"],
    )


def test_tasks_that_pile_up_before_what_is_full():
    story = Crowd("asyncio.Semaphore", 2, made=MADE).story
    story.task(1, CYCLE).step(1).acquires(1, 1, 1).task(2, CYCLE).step(2).acquires(2, 1, 2)
    for task in range(3, 400):
        story.task(task, "work\t/app/x.py\t3\tspawn").step(task)
        story.waits_for(task, 1, place=WAITS).idle(20 * MS)
    model = fed(story)
    findings = {f.rule: f for f in model.findings(story.now_ns)}
    assert set(findings) == {"pool-exhausted"}
    (so,) = findings["pool-exhausted"].consequences
    assert so.sentence.startswith("the number of tasks grew for 6 s, to ")


def test_a_finding_does_not_follow_from_itself_however_often_it_is_asked():
    story = queue_behind_a_stall()
    model = fed(story)
    assert model.findings() == model.findings()
    assert len(model.findings()[0].consequences) == 1
