"""What requests do: clients of their own, one wait after the other, cut-off writes, retries."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED
from tests.model.findings.stories import CYCLE, HOLDS, MADE, answered, fed, found, request

DB = Location(file="app/db.py", line=9, function="", path="/app/db.py")


def place(line, what="socket", function="get"):
    return f"{what}\t/app/api.py\t{line}\t{function}"


def at(line, function="get"):
    return Location(file="app/api.py", line=line, function=function, path="/app/api.py")


# Clients


def making(requests, makers, kind="httpcore.pool", made=MADE):
    """Requests of which the first so many make a pool."""
    story = Story().idle(MS)
    for task in range(1, requests + 1):
        request(story, task)
        if task <= makers:
            story.resource(task, kind, 100, made_at=made, by=task)
        answered(story.idle(10 * MS).step(task), task)
    return story


@pytest.mark.parametrize(
    ("kind", "what"),
    [("httpcore.pool", "HTTP client"), ("sqlalchemy.pool", "database engine")],
)
def test_a_client_for_each_request(kind, what):
    (seen,) = found(making(10, 10, kind))
    assert (seen.rule, seen.count, seen.severity) == ("client-per-request", 10, "error")
    assert (seen.location, seen.victims) == (DB, 0)
    assert seen.sentence == (f"GET /a makes its own {what} in line 9 of /app/db.py: none is shared")


def test_a_client_that_is_made_at_start_up():
    """In the lifespan; requests find it."""
    story = Story().task(99, "lifespan").step(99).resource(1, "httpcore.pool", made_at=MADE, by=99)
    for task in range(1, 9):
        answered(request(story, task).acquires(task, 1).releases(task, 1), task)
    assert found(story) == []


@pytest.mark.parametrize(
    "story",
    [
        making(100, 2),
        making(100, 10),
        making(10, 10, kind="asyncio.Lock"),
        making(10, 10, made="\t0\t"),
        making(10, 10, made="/v/site-packages/lib/x.py\t3\tf"),
    ],
    ids=["the first ones", "a cache that fills", "locks", "no line", "a library's"],
)
def test_pools_that_requests_make_for_all(story):
    assert found(story) == []


# One after the other


def awaiting(legs, *, requests=3, between=0, more=0, calls=False):
    """Requests with such waits, (ms, place), and work of so many µs after each."""
    story = Story().idle(MS)
    for task in range(1, requests + 1):
        request(story, task)
        for ms, where in legs:
            story.idle(ms * MS).step(task, between * 1000, place=where)
            if calls:
                story.http_call(task, "up", place=where)
        if more:
            story.idle(more * MS).step(task, place=place(50, "sleep", "other"))
        answered(story, task)
    return story


def test_ten_awaits_in_a_row():
    (seen,) = found(awaiting([(30, place(20))] * 10))
    assert (seen.rule, seen.count, seen.severity) == ("sequential-awaits", 3, "warning")
    assert (seen.worst_ns, seen.total_ns) == (300 * MS, 900 * MS)
    assert (seen.victims, seen.victim_wait_ns) == (3, 3 * 270 * MS), "what gather would save"
    assert seen.location == at(20)
    assert seen.sentence == (
        "GET /a waited 10 times in a row, 300 ms in total, in line 20 of /app/api.py: "
        "these waits could overlap"
    )


def test_different_lines_of_one_function():
    (seen,) = found(awaiting([(30, place(20)), (40, place(21, "thread")), (35, place(22))]))
    assert (seen.count, seen.worst_ns, seen.location) == (3, 105 * MS, at(21))


@pytest.mark.parametrize(
    "story",
    [
        awaiting([(2, place(20))] * 30),
        awaiting([(30, place(20))] * 2),
        awaiting([(30, place(20))] * 10, requests=2),
        awaiting([(100, place(20)), (10, place(21)), (10, place(22))]),
        awaiting([(10, place(20, function=f"f{i}")) for i in range(5)]),
        awaiting([(30, place(20))] * 4, between=15_000),
        awaiting([(10, place(20))] * 4, more=50),
        awaiting([(30, "socket\t/v/site-packages/x.py\t1\tf")] * 9),
        awaiting([(30, "")] * 9),
    ],
    ids=[
        "short ones, that may depend on each other",
        "two",
        "in two requests",
        "one long, two short",
        "in different functions",
        "with work between",
        "less than half of the request",
        "a library's",
        "not seen",
    ],
)
def test_awaits_that_are_none_in_a_row(story):
    assert found(story) == []


def test_one_call_that_waits_often_is_one():
    """A body that comes in pieces; three such calls are three."""
    pieces = [(10, place(20))] * 6
    story = Story().idle(MS)
    for task in range(1, 4):
        request(story, task)
        for ms, where in pieces:
            story.idle(ms * MS).step(task, place=where)
        answered(story.http_call(task, "up", place=place(20)), task)
    assert found(story) == []
    (seen,) = found(awaiting(pieces[:3], calls=True))
    assert seen.count == 3


def test_statements_on_one_connection_cannot_overlap():
    story = Story().idle(MS).resource(1, "sqlalchemy.pool", 5, made_at=MADE)
    for task in range(1, 5):
        request(story, task).acquires(task, 1)
        for _ in range(5):
            story.idle(30 * MS).step(task, place=place(20, "thread"))
        answered(story.releases(task, 1), task)
    assert found(story) == []


def in_a_row_for(kind, made_at):
    story = Story().resource(1, kind, 1, made_at=made_at)
    for task in range(1, 5):
        request(story, task)
        for _ in range(5):
            story.waits_for(task, 1, place=place(20)).idle(30 * MS).step(task)
            if kind == "asyncio.Lock":
                story.acquires(task, 1).releases(task, 1)
        answered(story, task)
    return {f.rule for f in found(story)}


def test_waits_for_a_lock_in_a_row_are_no_awaits_to_overlap():
    assert "sequential-awaits" not in in_a_row_for("asyncio.Lock", MADE)
    assert "sequential-awaits" not in in_a_row_for("asyncio.Event", MADE)


def test_a_librarys_event_is_how_anyio_waits_for_a_socket():
    assert in_a_row_for("asyncio.Event", "\t0\t") == {"sequential-awaits"}


# Cut off


def writing(story, task, kind="sqlalchemy.pool"):
    story.resource(1, kind, 1, name="ledger", made_at=MADE)
    request(story, task).acquires(task, 1)
    return story.idle(20 * MS)


@pytest.mark.parametrize("kind", ["sqlalchemy.pool", "asyncpg.pool", "asyncio.Lock"])
def test_a_request_that_is_cancelled_with_a_connection_in_hand(kind):
    story = writing(Story().idle(MS), 1, kind).step(1, place=HOLDS).releases(1, 1)
    story.response(1, "GET /a", 0).end(1, TASK_CANCELLED).idle(MS)
    (seen,) = found(story)
    assert (seen.rule, seen.count, seen.severity) == ("cancelled-mid-write", 1, "error")
    assert seen.location.line == 21
    assert seen.sentence == (
        "GET /a was cancelled once while it held ledger in line 21 of /app/api.py: "
        "what it wrote may be incomplete"
    )


def test_one_that_never_gives_it_back():
    story = writing(Story().idle(MS), 1).step(1).response(1, "GET /a", 0).end(1, TASK_CANCELLED)
    (seen,) = found(story.idle(MS))
    assert (seen.rule, seen.location) == ("cancelled-mid-write", DB)


def test_a_request_that_is_cancelled_later():
    story = writing(Story().idle(MS), 1).step(1, place=HOLDS).releases(1, 1).idle(20 * MS)
    story.step(1, place=HOLDS).response(1, "GET /a", 0).end(1, TASK_CANCELLED).idle(MS)
    assert found(story) == []


def test_an_outbound_connection_is_nothing_to_write_with():
    story = writing(Story().idle(MS), 1, "httpcore.pool").step(1).releases(1, 1)
    assert found(story.response(1, "GET /a", 0).end(1, TASK_CANCELLED).idle(MS)) == []


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
            story.response(task, "GET /a", 0).end(task, TASK_CANCELLED).idle(MS)
        else:
            answered(story, task)
    return story


def test_clients_that_leave_meanwhile():
    (seen,) = found(leaving(3))
    assert (seen.rule, seen.count, seen.severity) == ("cancelled-mid-write", 3, "warning")
    assert seen.sentence.startswith("Clients left while GET /a held ledger")


def test_clients_that_leave_now_and_then_or_all_at_once():
    assert found(leaving(2)) == []
    assert found(leaving(9, every=1)) == []


def test_a_client_that_leaves_and_so_cancels_is_told_once():
    model = fed(leaving(4, cancelled=True))
    (rule,) = [rule for rule in model.rules.rules if rule.info.id == "cancelled-mid-write"]
    assert sum(case.count for case in rule.cases.values()) == 4
    assert sum(f.count for f in model.findings()) == 4


# Retries


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
