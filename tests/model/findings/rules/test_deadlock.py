"""`deadlock`: tasks that wait for each other, and what looks alike."""

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from loopviz.wire.awaiting import Awaiting
from tests.model.findings.stories import HOLDS, WAITS, answered, fed, request, rules

MADE = "/app/db.py\t9\t"
OTHER = "/app/db.py\t10\t"
POOL = "/app/db.py\t11\t"
ACQUIRES = "\t/app/api.py\t22\tfetch"


def deadlocks(story, after=2 * SECOND):
    return rules(story, after).get("deadlock", [])


def self_locked(*behind):
    story = Story().idle(MS).resource(1, "asyncio.Lock", 1, made_at=MADE)
    request(story, 1).acquires(1, 1).idle(MS).step(1, place=HOLDS)
    story.waits_for(1, 1, place=WAITS).idle(100 * MS)
    for task in behind:
        request(story, task).waits_for(task, 1, place=HOLDS).idle(100 * MS)
    return story


def test_a_task_that_waits_for_the_lock_it_holds():
    (finding,) = deadlocks(self_locked(2, 3))
    assert finding.severity == "error"
    assert finding.sentence == (
        "GET /a holds app/db.py:9 Lock and waits for it again in line 20 of /app/api.py: "
        "it cannot go on, for 2.3 s so far; 2 more tasks wait behind"
    )
    assert (finding.location.file, finding.location.line) == ("app/api.py", 20)
    assert (finding.open, finding.victims) == (1, 3)


def test_a_younger_one_may_still_be_untied():
    assert deadlocks(self_locked(), after=800 * MS) == []
    assert len(deadlocks(self_locked(), after=950 * MS)) == 1


def test_the_requests_that_it_stops_are_not_told_again_as_hanging():
    found = rules(self_locked(2, 3), after=20 * SECOND)
    assert set(found) == {"deadlock"}


def test_a_timeout_unties_it_and_it_stays_counted():
    story = self_locked(2)
    model = fed(story.selects())
    assert len(model.findings(story.now_ns + 2 * SECOND)) == 1
    story.runs(2500 * MS).polls(story.now_ns).step(1, place=WAITS).wait_over(1, 1).releases(1, 1)
    answered(story, 1, 500).step(2, place=HOLDS).acquires(2, 1).idle(MS).feed(model)
    (finding,) = [f for f in model.findings(story.now_ns) if f.rule == "deadlock"]
    assert (finding.count, finding.open) == (1, 0)
    assert "a timeout untied them after" in finding.sentence


def opposite_order():
    story = Story().idle(MS).resource(1, "asyncio.Lock", 1, made_at=MADE)
    story.resource(2, "asyncio.Lock", 1, made_at=OTHER)
    request(story, 1).acquires(1, 1).idle(MS)
    request(story, 2, route="GET /b").acquires(2, 2).idle(MS)
    story.step(1, place=HOLDS).waits_for(1, 2, place=WAITS).idle(MS)
    return story.step(2, place=HOLDS).waits_for(2, 1, place=ACQUIRES).idle(MS)


def test_two_locks_that_were_made_at_one_line():
    """They share their name, and are not one lock with two units."""
    story = Story().idle(MS).resource(1, "asyncio.Lock", 1, made_at=MADE)
    story.resource(2, "asyncio.Lock", 1, made_at=MADE)
    for task, other in ((1, 2), (2, 1)):
        request(story, task).acquires(task, task).idle(MS).step(task, place=HOLDS)
        story.waits_for(task, other, place=WAITS).idle(MS)
    (finding,) = deadlocks(story)
    assert finding.sentence.startswith(
        "2 tasks each hold one app/db.py:9 Lock and wait for another in line 20 of /app/api.py: "
    )
    assert finding.advice == "acquire locks in the same order everywhere"


def test_what_to_do_is_about_the_locks_of_the_circle():
    (alone,) = deadlocks(self_locked())
    assert alone.advice == "call a version of the function that expects the lock to be held"
    (two,) = deadlocks(opposite_order())
    assert two.advice == "acquire locks in the same order everywhere"


def test_two_tasks_take_two_locks_in_opposite_order():
    (finding,) = deadlocks(opposite_order())
    assert finding.sentence == (
        "GET /a holds app/db.py:9 Lock and waits for app/db.py:10 Lock in line 20 of "
        "/app/api.py; GET /b holds app/db.py:10 Lock and waits for app/db.py:9 Lock in "
        "line 22 of /app/api.py: none of them can go on, for 2.0 s so far"
    )


def test_five_connections_whose_holders_want_a_sixth():
    story = Story().idle(MS).resource(1, "sqlalchemy.pool", 5, made_at=POOL)
    for task in range(1, 6):
        request(story, task).acquires(task, 1, task).idle(MS)
    for task in range(1, 6):
        story.step(task, place=HOLDS).waits_for(task, 1, place=WAITS).idle(MS)
    found = rules(story, 2 * SECOND)
    assert set(found) == {"deadlock"}
    assert found["deadlock"][0].sentence == (
        "5 tasks hold all of app/db.py:11 pool(5) and wait for more of it in line 20 of "
        "/app/api.py: none of them can go on, for 2.0 s so far"
    )


def test_a_lock_whose_holder_works_is_none():
    """Held for ever as well, but by a task that waits for a socket: a request that hangs."""
    story = Story().idle(MS).resource(1, "asyncio.Lock", 1, made_at=MADE)
    request(story, 1).acquires(1, 1).idle(MS)
    request(story, 2).waits_for(2, 1, place=WAITS).idle(MS)
    assert set(rules(story, 20 * SECOND)) == {"request-hangs"}


def test_tasks_that_await_each_other_without_any_resource():
    """What a request's task awaits is asked once the request hangs."""
    story = Story().idle(MS)
    request(story, 1).task(2, "Conn.read", parent=1).task(3, "Conn.close", parent=2)
    for task in (2, 3):
        story.step(task)
    story.idle(MS)
    model = fed(story.selects())
    late = story.now_ns + 6 * SECOND
    assert [f.rule for f in model.findings(late)] == ["request-hangs"]
    model.findings(late + 1)
    assert model.rules.wanted_awaits == (1,)
    assert model.rules.lacks
    lines = {task: f"await\t/app/api.py\t{task}\tf" for task in (1, 2, 3)}
    edges = [(1, 2), (2, 3), (3, 2)]
    awaits = [Awaiting(one, lines[one], (other,), False) for one, other in edges]
    model.rules.add_awaits(awaits, story.now_ns)
    for _ in range(2):
        late += 2
        (finding,) = model.findings(late)
        assert finding.rule == "deadlock"
        assert finding.sentence == (
            "Conn.read awaits a task in line 2 of /app/api.py; Conn.close awaits a task in "
            "line 3 of /app/api.py: none of them can go on, for 6.0 s so far; 1 more task waits "
            "behind"
        )
        assert finding.victims == 1
        assert finding.advice == "let one of the tasks end without awaiting the other"
