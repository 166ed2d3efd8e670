"""What `def` endpoints and other worker jobs do with pools, as the rules see it."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from tests.model.findings.stories import DB, MADE, answered, request, rules

POOL, THREADS = 1, 2
QUERY = "\t/app/api.py\t20\tquery"


def begin(connections=5, threads=8):
    story = Story().idle(MS).resource(POOL, "sqlalchemy.pool", connections, made_at=MADE)
    return story.resource(THREADS, "anyio.CapacityLimiter", threads, name="default thread limiter")


def in_thread(story, task, tokens):
    """The request has a thread, in which its job runs."""
    story.acquires(task, THREADS, tokens).job(
        100 + task, THREADS, "orders\t/app/api.py\t19\torders", by=task
    )
    return story.idle(MS).job_starts(100 + task, THREADS)


def threads_and_connections(*, works=False):
    """Five hold a connection and want a thread; eight have the threads and want a connection."""
    story = begin()
    for task in range(1, 6):
        in_thread(request(story, task), task, task).runs(MS)
        story.job_acquires(100 + task, POOL, task, place=QUERY).job_ends(100 + task, THREADS)
        story.idle(MS).step(task).releases(task, THREADS, 0).idle(MS)
    for tokens, task in enumerate(range(6, 14), 1):
        in_thread(request(story, task), task, tokens).runs(MS)
        if not works or task != 9:
            story.job_waits_for(100 + task, POOL, place=QUERY)
        story.idle(MS)
    for task in range(1, 6):
        story.step(task).job(200 + task, THREADS, "serialize", by=task)
        story.waits_for(task, THREADS).idle(MS)
    return story


def test_threads_wait_for_connections_whose_owners_wait_for_a_thread():
    (finding,) = rules(threads_and_connections(), 2 * SECOND)["deadlock"]
    assert finding.severity == "error"
    assert finding.sentence == (
        "8 tasks (GET /a) hold default thread limiter and wait for app/db.py:9 pool(5) in line "
        "20 of /app/api.py; 5 tasks (GET /a) hold app/db.py:9 pool(5), taken in line 20 of "
        "/app/api.py, and wait for default thread limiter: none of them can go on, for 2.0 s so "
        "far"
    )
    assert (finding.location.file, finding.location.line) == ("app/api.py", 20)
    assert finding.victims == 13


def test_what_follows_from_it_is_not_told_again():
    assert set(rules(threads_and_connections(), 20 * SECOND)) == {"deadlock"}


def test_one_thread_that_works_is_enough():
    assert "deadlock" not in rules(threads_and_connections(works=True), 2 * SECOND)


def test_a_task_one_of_whose_jobs_works_is_not_stuck():
    """It holds the only connection in one thread, and waits for one in another."""
    story = begin(1)
    in_thread(request(story, 1), 1, 1).job_acquires(101, POOL, 1, place=QUERY)
    story.job(201, THREADS, "orders", by=1).job_starts(201, THREADS)
    story.job_waits_for(201, POOL, place=QUERY).idle(MS)
    assert "deadlock" not in rules(story, 3 * SECOND)


def test_a_job_that_wants_what_its_own_request_holds():
    """A dependency's session has the only connection; the endpoint opens another one."""
    story = begin(1)
    in_thread(request(story, 1), 1, 1).job_acquires(101, POOL, 1, place=QUERY)
    story.job_ends(101, THREADS).idle(MS).step(1).job(201, THREADS, "orders", by=1).idle(MS)
    story.job_starts(201, THREADS).job_waits_for(201, POOL, place=QUERY).idle(MS)
    (finding,) = rules(story, 3 * SECOND)["deadlock"]
    assert finding.sentence.startswith(
        "GET /a holds app/db.py:9 pool(1) and waits for it again in line 20 of /app/api.py"
    )


def test_the_pool_of_executor_jobs_is_exhausted():
    story = Story().idle(MS).resource(POOL, "sqlalchemy.pool", 1, made_at=MADE)
    story.resource(THREADS, "ThreadPoolExecutor", 40, name="default executor")
    for task in range(1, 9):
        request(story, task).job(100 + task, THREADS, "query", by=task)
        story.idle(MS).job_starts(100 + task, THREADS)
        if task > 1:
            story.job_waits_for(100 + task, POOL, place=QUERY)
        else:
            story.job_acquires(101, POOL, 1, place=QUERY)
    for task in range(1, 9):
        story.idle(50 * MS).job_releases(100 + task, POOL, 0)
        if task < 8:
            story.job_acquires(101 + task, POOL, 1)
        answered(story.job_ends(100 + task, THREADS).idle(MS).step(task), task)
    (finding,) = rules(story)["pool-exhausted"]
    assert finding.sentence.startswith("app/db.py:9 pool(1) had no database connections left: GET")
    assert (finding.count, finding.location.line) == (7, 20)


def made_by_jobs(count=10):
    """Each request's job makes an engine, and uses it once."""
    story = Story().idle(MS).resource(900, "ThreadPoolExecutor", 40, name="default executor")
    for task in range(1, count + 1):
        request(story, task).job(100 + task, 900, "get_db", by=task).idle(MS)
        story.job_starts(100 + task, 900)
        story.resource(task, "sqlalchemy.pool", 15, made_at=MADE, by=task, in_thread=True)
        story.job_acquires(100 + task, task, 1).runs(MS).job_releases(100 + task, task, 0)
        answered(story.job_ends(100 + task, 900).idle(MS).step(task), task)
    return story


def test_an_engine_for_each_request_made_in_a_thread():
    (finding,) = rules(made_by_jobs())["client-per-request"]
    assert (finding.count, finding.location) == (10, DB)
    assert finding.sentence == (
        "GET /a makes its own database engine in line 9 of /app/db.py: none is shared"
    )


def unreturned(*, ends=True):
    """Three requests are answered whose connections are not returned; their jobs may still run."""
    story = begin()
    for task in range(1, 4):
        in_thread(request(story, task), task, 1)
        story.job_acquires(100 + task, POOL, task, place=QUERY)
        if ends:
            story.job_ends(100 + task, THREADS)
        answered(story.idle(MS).step(task).releases(task, THREADS, 0), task)
    return story


def test_connections_that_answered_requests_still_have():
    (finding,) = rules(unreturned(), 2 * SECOND)["slot-leaked"]
    assert finding.sentence == (
        "3 of 5 database connections of app/db.py:9 pool(5) are held by tasks that have ended "
        "(GET /a) after line 20 of /app/api.py"
    )


def test_a_job_that_its_request_did_not_wait_for_is_no_leak():
    assert rules(unreturned(ends=False), 2 * SECOND) == {}


@pytest.mark.parametrize(("after", "leaked"), [(500 * MS, 0), (2 * SECOND, 3)])
def test_it_is_one_some_time_after_that_job_has_ended(after, leaked):
    story = unreturned(ends=False).idle(5 * SECOND)
    for task in range(1, 4):
        story.job_ends(100 + task, THREADS)
    found = rules(story.idle(MS), after).get("slot-leaked", [])
    assert sum(finding.open for finding in found) == leaked


def test_what_a_job_takes_after_its_request_has_ended_may_leak_as_well():
    story = begin()
    for task in range(1, 4):
        in_thread(request(story, task), task, 1)
        answered(story.idle(MS).step(task).releases(task, THREADS, 0), task)
        story.job_acquires(100 + task, POOL, task, place=QUERY).job_ends(100 + task, THREADS)
    assert rules(story.idle(MS), 2 * SECOND)["slot-leaked"][0].open == 3


def test_one_job_that_waits_again_and_again_is_one_wait():
    """Its parts in the thread could not overlap."""
    story = begin()
    for task in range(1, 10):
        in_thread(request(story, task), task, 1)
        for _ in range(5):
            story.runs(30 * MS).job_waits_for(100 + task, POOL, place=QUERY).runs(MS)
            story.job_acquires(100 + task, POOL, 1).job_releases(100 + task, POOL, 0)
        story.job_ends(100 + task, THREADS).polls()
        answered(story.step(task, place="thread").releases(task, THREADS, 0), task)
    assert "sequential-awaits" not in rules(story)


@pytest.mark.parametrize(("connections", "rules_found"), [(1, ["pool-exhausted"]), (9, None)])
def test_threads_that_are_all_taken_because_they_wait_for_connections(connections, rules_found):
    """Three threads, so the first three jobs wait for none; each holds a connection for 100 ms."""
    story = Story().idle(MS).resource(POOL, "sqlalchemy.pool", connections, made_at=MADE)
    story.resource(THREADS, "ThreadPoolExecutor", 3, name="default executor")
    jobs = range(1, 21)
    for task in jobs:
        request(story, task).job(task, THREADS, "query", by=task).idle(MS)

    def start(job):
        if job in jobs:
            story.job_starts(job, THREADS)
            if connections == 1:
                story.job_waits_for(job, POOL, place=QUERY)

    for job in (1, 2, 3):
        start(job)
    for job in jobs:
        story.job_acquires(job, POOL, 1, place=QUERY).idle(100 * MS).job_releases(job, POOL, 0)
        answered(story.job_ends(job, THREADS).idle(MS).step(job), job)
        start(job + 3)
    findings = rules(story)
    assert list(findings) == (rules_found or ["thread-limiter-exhausted"])
    if rules_found:
        (so,) = findings["pool-exhausted"][0].consequences
        assert so.rule == "thread-limiter-exhausted"
        assert so.sentence.startswith("there were 17 waits for threads of default executor, ")
