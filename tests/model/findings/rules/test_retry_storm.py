"""Calls that are repeated, and make matters worse."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from tests.model.findings.stories import (
    CYCLE,
    answered,
    at,
    found,
    place,
    request,
)


def calling(requests, statuses, *, children=False):
    """Requests that each call the same host with these outcomes, one after the other."""
    story = Story().idle(MS)
    for i in range(requests):
        task = 100 * i + 1
        request(story, task)
        for j, status in enumerate(statuses, 1):
            caller = task + j if children else task
            if children:
                story.task(caller, CYCLE, parent=task)
            story.idle(MS).step(caller).http_call(caller, "prices:80", status, place=place(40))
            if children:
                story.end(caller)
        answered(story.step(task), task)
    return story


def test_a_retry_storm():
    (seen,) = found(calling(6, [503, 0, 429, 503]))
    assert (seen.rule, seen.count, seen.severity) == ("retry-storm", 18, "error")
    assert (seen.worst_ns, seen.total_ns) == (MS, 18 * MS)
    assert (seen.victims, seen.victim_wait_ns) == (6, 18 * MS)
    assert seen.location == at(40)
    assert seen.sentence == (
        "GET /a keeps calling prices:80 after it failed in line 40 of /app/api.py: "
        "75% of these calls are retries"
    )


@pytest.mark.parametrize(
    "story",
    [
        calling(50, [503, 200]),
        calling(3, [503, 503, 200]),
        calling(50, [200, 200, 200, 200]),
        calling(50, [404, 404, 404]),
        calling(20, [503] * 8, children=True),
    ],
    ids=["one retry that succeeds", "a few", "no failure", "its answer is no", "a fan-out"],
)
def test_calls_that_are_no_storm(story):
    assert found(story) == []


def test_retries_that_are_few_among_many():
    story = Story().idle(MS)
    for i in range(30):
        task = i + 1
        request(story, task)
        for status in (503, 503, 503, 200) if i % 6 == 0 else (200,) * 10:
            story.idle(MS).step(task).http_call(task, "prices:80", status, place=place(40))
        answered(story, task)
    assert found(story) == []
    assert found(story.idle(SECOND)) == []
