"""Very many tiny jobs for one response; and as many jobs as it takes."""

import pytest

from loopviz.clock import MS
from loopviz.testing import Story
from tests.model.findings.stories import CYCLE, MADE, answered, found, request

FUNCTION = "rows\t/app/api.py\t12\trows"


def streaming(jobs, *, requests=3, queued=100, runs=10, back=150, more=0):
    """Requests of so many jobs, one after the other; times in µs, `more` between two jobs."""
    story = Story().idle(MS).resource(1, "ThreadPoolExecutor", 40, name="threads", made_at=MADE)
    number = 0
    for task in range(1, requests + 1):
        request(story, task)
        for _ in range(jobs):
            number += 1
            story.job(number, 1, FUNCTION, by=task).idle(queued * 1000)
            story.job_starts(number, 1).idle(runs * 1000).job_ends(number, 1)
            story.idle(back * 1000).step(task, place="thread\t/app/api.py\t9\tget")
            if more:
                story.idle(more * 1000).step(task, place="socket\t/app/api.py\t9\tget")
        answered(story, task)
    return story


def test_an_item_at_a_time():
    (seen,) = found(streaming(1000))
    assert (seen.rule, seen.count, seen.victims) == ("many-jobs", 3, 3)
    assert (seen.location.file, seen.location.line) == ("app/api.py", 12)
    assert seen.sentence == (
        "GET /a ran rows in 1,000 jobs, one after the other: they ran for 10 ms in total, and were "
        "handed over and back for 250 ms"
    )


def test_how_long_a_client_takes_is_no_handing_over():
    (seen,) = found(streaming(1000, more=500))
    assert seen.worst_ns == 100 * MS, "only until a worker took them up"


@pytest.mark.parametrize(
    "story",
    [
        streaming(99),
        streaming(1000, requests=2),
        streaming(150, runs=2000),
        streaming(100, queued=50, back=50),
    ],
    ids=["few", "once or twice", "long jobs", "quick"],
)
def test_jobs_that_are_worth_it(story):
    assert found(story, "many-jobs") == []


def test_jobs_of_nobody():
    story = Story().idle(MS).resource(1, "ThreadPoolExecutor", 40, made_at=MADE).task(1, CYCLE)
    story.step(1)
    for job in range(1, 500):
        story.job(job, 1, FUNCTION, by=1).job_starts(job, 1).idle(MS).job_ends(job, 1).step(1)
    assert found(story) == []
