"""Requests that are cut off with a connection in hand."""

import pytest

from loopviz.clock import MS
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED
from tests.model.findings.stories import (
    CYCLE,
    DB,
    HOLDS,
    MADE,
    answered,
    fed,
    found,
    request,
)


def writing(story, task, kind="sqlalchemy.pool", route="POST /a"):
    story.resource(1, kind, 1, name="ledger", made_at=MADE)
    request(story, task, route=route).acquires(task, 1)
    return story.idle(20 * MS)


@pytest.mark.parametrize("kind", ["sqlalchemy.pool", "asyncpg.pool", "asyncio.Lock"])
def test_a_request_that_is_cancelled_with_a_connection_in_hand(kind):
    story = writing(Story().idle(MS), 1, kind).step(1, place=HOLDS).releases(1, 1)
    story.response(1, "POST /a", 0).end(1, TASK_CANCELLED).idle(MS)
    (seen,) = found(story)
    assert (seen.rule, seen.count, seen.severity) == ("cancelled-mid-write", 1, "error")
    assert seen.location.line == 21
    assert seen.sentence == (
        "POST /a was cancelled once while it held ledger in line 21 of /app/api.py: "
        "what it wrote may be incomplete"
    )


def test_one_that_never_gives_it_back():
    story = writing(Story().idle(MS), 1).step(1).response(1, "POST /a", 0).end(1, TASK_CANCELLED)
    (seen,) = found(story.idle(MS))
    assert (seen.rule, seen.location) == ("cancelled-mid-write", DB)


def test_a_request_that_is_cancelled_later():
    story = writing(Story().idle(MS), 1).step(1, place=HOLDS).releases(1, 1).idle(20 * MS)
    story.step(1, place=HOLDS).response(1, "POST /a", 0).end(1, TASK_CANCELLED).idle(MS)
    assert found(story) == []


def test_a_read_that_is_cut_off_has_written_nothing():
    for read in ("GET /a", "HEAD /a"):
        story = writing(Story().idle(MS), 1, route=read).step(1, place=HOLDS).releases(1, 1)
        assert found(story.response(1, read, 0).end(1, TASK_CANCELLED).idle(MS)) == []


def test_an_outbound_connection_is_nothing_to_write_with():
    story = writing(Story().idle(MS), 1, "httpcore.pool").step(1).releases(1, 1)
    assert found(story.response(1, "POST /a", 0).end(1, TASK_CANCELLED).idle(MS)) == []


def test_a_worker_that_is_cancelled_at_the_end():
    """It serves no request: it is the shutdown."""
    story = Story().resource(1, "asyncio.Lock", 1, made_at=MADE).task(1, CYCLE).step(1)
    story.acquires(1, 1).idle(MS).step(1).releases(1, 1).end(1, TASK_CANCELLED).idle(MS)
    assert found(story) == []


def leaving(times, *, cancelled=False, every=1000):
    story = Story().idle(MS)
    for task in range(1, times + 1):
        story.idle(every * MS)
        writing(story, task).disconnects(task).idle(5 * MS).step(task, place=HOLDS).releases(
            task, 1
        )
        if cancelled:
            story.response(task, "POST /a", 0).end(task, TASK_CANCELLED).idle(MS)
        else:
            answered(story, task, route="POST /a")
    return story


def test_clients_that_leave_meanwhile():
    (seen,) = found(leaving(3))
    assert (seen.rule, seen.count, seen.severity) == ("cancelled-mid-write", 3, "warning")
    assert seen.sentence.startswith("Clients left while POST /a held ledger")
    assert seen.title == "CLIENTS LEFT MID-WRITE", "nothing was cancelled"


def test_clients_that_leave_now_and_then_or_all_at_once():
    assert found(leaving(2)) == []
    assert found(leaving(9, every=1)) == []


def left_in_time(story, tasks, *, goes_on_ms):
    """Clients leave before their requests hold anything."""
    for task in tasks:
        request(story, task, route="POST /a").idle(20 * MS).disconnects(task).idle(goes_on_ms * MS)
        answered(story.step(task, place=HOLDS), task, route="POST /a")
    return story


@pytest.mark.parametrize(("goes_on_ms", "rules"), [(1, []), (80, ["cancelled-mid-write"])])
def test_a_write_that_is_shielded_is_no_work_for_no_one(goes_on_ms, rules):
    """The requests of this app end when their clients leave, unless they write."""
    story = left_in_time(leaving(3), range(11, 15), goes_on_ms=goes_on_ms)
    assert [finding.rule for finding in found(story)] == rules


def test_a_client_that_leaves_and_so_cancels_is_told_once():
    model = fed(leaving(4, cancelled=True))
    (rule,) = [rule for rule in model.rules.rules if rule.info.id == "cancelled-mid-write"]
    assert sum(case.count for case in rule.cases.values()) == 4
    assert sum(f.count for f in model.findings()) == 4
