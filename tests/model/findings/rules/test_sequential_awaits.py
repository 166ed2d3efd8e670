"""One await after the other, though they could overlap."""

import pytest

from loopviz.clock import MS
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.testing import Story
from tests.model.findings.stories import (
    MADE,
    answered,
    at,
    found,
    place,
    request,
)


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


@pytest.mark.parametrize(("statuses", "told"), [((200, 200, 200), True), ((503, 0, 200), False)])
def test_calls_that_are_tried_again_depend_on_each_other(statuses, told):
    story = Story().idle(MS)
    for task in (1, 2, 3):
        request(story, task)
        for status in statuses:
            story.idle(30 * MS).step(task, place=place(20))
            story.http_call(task, "up", status, place=place(20))
        answered(story, task)
    assert bool(found(story, "sequential-awaits")) == told


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (["    found = await library.fetch_all(connection)\n"], False),
        (["    async with library.connect(url) as found:\n", "        pass\n"], False),
        (["    for item in items:\n", "        await library.fetch(item)\n"], True),
        (["    found = await fetch(1), await fetch(2), await fetch(3)\n"], True),
        (["    await library.fetch(item)\n", "for item in items: get(item)\n"], True),
    ],
)
def test_one_await_of_a_library_that_waits_often_is_not_the_users_row(body, told):
    source = ["@router.get('/')\n", "async def get():\n", *body]
    line = next(n for n, text in enumerate(source, 1) if "library" in text or "fetch" in text)
    naming = Naming([("/app", "app")], lambda _path, n: source[n - 1] if n <= len(source) else "")
    model = Model(naming=naming)
    awaiting([(30, f"{place(line)}\tlibrary")] * 5).feed(model)
    assert [f.rule for f in model.findings()] == ["sequential-awaits"] * told


@pytest.mark.parametrize(
    ("loop", "told"),
    [
        (["    for item in items:\n"], True),
        (["    while cursor:\n"], False),
        (["    for attempt in range(3):\n", "        if attempt: return\n"], False),
    ],
)
def test_a_loop_that_ends_by_what_it_got_cannot_overlap(loop, told):
    source = [*["\n"] * 10, "async def get():\n", *loop, "        await page()\n"]
    line = len(source)
    naming = Naming([("/app", "app")], lambda _path, n: source[n - 1] if n <= len(source) else "")
    model = Model(naming=naming)
    awaiting([(30, place(line))] * 10).feed(model)
    assert [f.rule for f in model.findings()] == ["sequential-awaits"] * told
    if told:
        assert model.findings()[0].advice == "`await asyncio.gather(*(page() for item in items))`"
