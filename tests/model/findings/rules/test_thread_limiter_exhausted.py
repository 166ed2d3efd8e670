"""Executors and thread limiters whose workers are all taken; and those that are just used."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from tests.model.findings.stories import (
    MADE,
    found,
    jobs,
    too_many,
)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("ThreadPoolExecutor", "thread-limiter-exhausted"),
        ("ProcessPoolExecutor", "pool-exhausted"),
    ],
)
def test_an_executor_whose_workers_are_all_taken(kind, rule):
    story, queued = jobs(kind)
    (seen,) = found(story)
    waits = [wait for wait in queued if wait >= 10]
    assert (seen.rule, seen.count, seen.worst_ns) == (rule, len(waits), max(waits) * MS)
    assert seen.total_ns == sum(waits) * MS
    assert seen.location == Location(
        file="app/work.py", line=5, function="thumb", path="/app/work.py"
    )
    assert seen.sentence.startswith("Both ")


def test_an_executor_with_a_free_worker():
    story, queued = jobs(workers=10, every=11)
    assert set(queued) == {0}
    assert found(story) == []


def test_a_worker_that_is_late_is_not_a_queue():
    """It waits for the GIL, say; never were all at work."""
    story = Story().resource(1, "ThreadPoolExecutor", 4, made_at=MADE).step(1)
    for job in (1, 2, 3):
        story.job(job, 1, by=1)
    story.idle(250 * MS)
    for job in (1, 2, 3):
        story.job_starts(job, 1, f"worker-{job}").idle(MS).job_ends(job, 1)
    assert found(story.idle(MS)) == []


def test_workers_that_are_late_after_a_time_when_all_were_taken():
    """New threads start late on a busy machine; since the limit is raised, none waits for one."""
    story, queued = jobs(workers=2, count=20)
    many = sum(wait >= 10 for wait in queued)
    story.resource(1, "ThreadPoolExecutor", 20, made_at=MADE).step(90)
    for job in range(91, 111):  # once, all are taken
        story.job(job, 1, by=90).job_starts(job, 1, f"worker-{job}")
    story.idle(MS)
    for job in range(91, 111):
        story.job_ends(job, 1)
    for job in range(121, 131):
        story.step(90).job(job, 1, by=90).idle(30 * MS)
        story.job_starts(job, 1, "late").idle(MS).job_ends(job, 1)
    assert [f.count for f in found(story.idle(MS))] == [many]


def test_the_default_thread_limiter():
    crowd = too_many("anyio.CapacityLimiter", name="default thread limiter", made="\t0\t")
    (seen,) = found(crowd.story)
    assert seen.rule == "thread-limiter-exhausted"
    assert seen.count == sum(wait >= 10 for wait in crowd.waits)
    assert "All 5 threads of default thread limiter" in seen.sentence


def test_jobs_that_no_worker_takes_up():
    story = Story().idle(MS).resource(1, "ThreadPoolExecutor", 1, made_at=MADE).step(1)
    for job in range(1, 6):
        story.job(job, 1, by=1)
    story.job_starts(1, 1).idle(SECOND)
    (seen,) = found(story)
    assert (seen.rule, seen.count, seen.worst_ns) == ("thread-limiter-exhausted", 4, SECOND)


def test_as_many_threads_were_taken_as_there_were_then():
    """The limit was raised later."""
    crowd = too_many("anyio.CapacityLimiter", name="default thread limiter", made="\t0\t")
    crowd.story.resource(
        1, "anyio.CapacityLimiter", 200, name="default thread limiter", made_at="\t0\t"
    ).idle(MS)
    (seen,) = found(crowd.story)
    assert seen.sentence.startswith("All 5 threads of default thread limiter were taken")


def test_as_many_workers_were_taken_as_there_were_when_the_jobs_came():
    """The limit is raised before the job that has waited for longest has ended."""
    story, _ = jobs(number=1, workers=2, count=10)
    story.step(90)
    for job in (91, 92, 93):
        story.job(job, 1, by=90)
    story.job_starts(91, 1).job_starts(92, 1).idle(3 * SECOND).job_starts(93, 1)
    story.resource(1, "ThreadPoolExecutor", 3, made_at=MADE).job_ends(93, 1).idle(MS)
    (seen,) = found(story)
    assert seen.sentence.startswith("Both threads of ")
