"""Pools, threads and locks that are crowded; and those that are just used."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.findings.case import Verdict
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED, WAIT_GET
from tests.model.findings.stories import CYCLE, HOLDS, MADE, WAITS, Crowd, fed, found, rules_of

HOLDER = Location(file="app/api.py", line=21, function="order", path="/app/api.py")
POOLS = [
    ("sqlalchemy.pool", "database connections"),
    ("asyncpg.pool", "database connections"),
    ("httpcore.pool", "HTTP connections"),
]


def too_many(kind, capacity=5, **options):
    """Twice as many as can be served."""
    return Crowd(kind, capacity, **options).serve(range(0, 1000, 10), holds=20 * capacity)


@pytest.mark.parametrize(("kind", "what"), POOLS)
def test_a_pool_with_a_standing_queue(kind, what):
    crowd = too_many(kind)
    (seen,) = found(crowd.story, "pool-exhausted")
    waits = [wait for wait in crowd.waits if wait >= 10]
    assert (seen.count, seen.victims) == (len(waits), len(waits))
    assert seen.worst_ns == max(waits) * MS
    assert seen.total_ns == seen.victim_wait_ns == sum(waits) * MS
    assert (seen.location, seen.source) == (HOLDER, "line 21 of /app/api.py")
    assert seen.severity == ("error" if max(waits) >= 500 else "warning") == "error"
    assert seen.sentence.startswith(f"All 5 {what} of app/db.py:9 pool(5) were taken: GET /order")
    assert seen.sentence.endswith("each is held for 100 ms in line 21 of /app/api.py")


def test_a_pool_that_is_full_and_nobody_waits():
    crowd = Crowd("sqlalchemy.pool", 5).serve(range(0, 3000, 21), holds=100)
    assert crowd.waits == []
    assert found(crowd.story) == []


def test_bursts_that_a_pool_drains():
    crowd = Crowd("sqlalchemy.pool", 5)
    for _ in range(20):
        crowd.serve([0] * 10, holds=80).story.idle(500 * MS)
    assert len(crowd.waits) == 100
    assert set(crowd.waits) == {80}
    assert found(crowd.story) == []


def test_short_waits_are_no_trouble():
    """Though there always is one who waits."""
    crowd = Crowd("sqlalchemy.pool", 1).serve([0, 1, *range(7, 900, 8)], holds=8)
    assert max(crowd.waits) == 9
    assert found(crowd.story) == []


def test_a_gate_of_the_app_may_make_tasks_wait_for_a_moment():
    """It is what a semaphore is for; only a queue that stands for a second is worth a word."""
    crowd = Crowd("asyncio.Semaphore", 5)
    for _ in range(5):
        crowd.serve([0] * 25, holds=100).story.idle(100 * MS)
    assert max(crowd.waits) == 400
    assert found(crowd.story) == []
    (seen,) = found(too_many("asyncio.Semaphore").story)
    assert seen.rule == "pool-exhausted"
    assert "permits of app/db.py:9 Semaphore(5)" in seen.sentence


def test_connections_that_are_never_given_back():
    """Nobody's wait ends; they are counted while they go on."""
    story = Story().idle(MS).resource(1, "asyncpg.pool", 2, name="orders", made_at=MADE)
    for task in (1, 2):
        story.task(task, CYCLE).step(task).acquires(task, 1, task)
        story.idle(MS).step(task, place=HOLDS)
    for task in range(3, 8):
        story.task(task, CYCLE).step(task).request(task, "GET /a").waits_for(task, 1, place=WAITS)
        story.idle(100 * MS)
    model = fed(story)
    (seen,) = model.findings()
    assert (seen.rule, seen.count, seen.worst_ns) == ("pool-exhausted", 5, 500 * MS)
    assert seen.total_ns == (100 + 200 + 300 + 400 + 500) * MS
    assert (seen.victims, seen.victim_wait_ns) == (5, seen.total_ns)
    assert seen.location == HOLDER
    assert model.findings() == (seen,), "asking changes nothing"


def test_those_who_give_up_are_told():
    story = Story().idle(MS).resource(1, "sqlalchemy.pool", 1, made_at=MADE)
    story.task(1, CYCLE).step(1).acquires(1, 1)
    story.task(2, CYCLE).step(2).request(2, "GET /a").waits_for(2, 1, place=WAITS).idle(SECOND)
    story.step(2).wait_over(2, 1).response(2, "GET /a", 500).end(2).idle(MS)
    (seen,) = found(story, "pool-exhausted")
    assert (seen.rule, seen.severity, seen.count) == ("pool-exhausted", "error", 1)
    assert seen.sentence.endswith("GET /a waited 1.0 s for one; 1 gave up")


def test_consumers_of_an_empty_queue_are_idle():
    story = Story().resource(1, "asyncio.Queue", 10, made_at=MADE)
    for task in range(1, 9):
        story.task(task, CYCLE).step(task).waits_for(task, 1, direction=WAIT_GET).idle(SECOND)
    assert found(story) == []


# Threads


def jobs(kind="ThreadPoolExecutor", *, workers=2, count=20, every=10, runs=100, story=None):
    """Jobs for so many workers, as a request each submits them; how long each was queued."""
    story = story or Story().idle(MS)
    story.resource(1, kind, workers, name="", made_at=MADE)
    ends, free = [], [0] * workers
    for i in range(count):
        worker = free.index(min(free))
        start = max(free[worker], i * every)
        free[worker] = start + runs
        ends.append((i * every, "comes", i, worker))
        ends += [(start, "starts", i, worker), (start + runs, "ends", i, worker)]
    now, queued, came = 0, [], {}
    for at, what, i, worker in sorted(
        ends, key=lambda e: (e[0], ("ends", "comes", "starts").index(e[1]))
    ):
        story.idle(max(at - now, 0) * MS)
        now, task = at, i + 1
        if what == "comes":
            came[i] = at
            story.task(task, CYCLE).step(task).request(task, "GET /thumb")
            story.job(task, 1, "\t/app/work.py\t5\tthumb", by=task)
        elif what == "starts":
            queued.append(at - came[i])
            story.job_starts(task, 1, f"worker-{worker}")
        else:
            story.job_ends(task, 1).step(task).response(task, "GET /thumb").end(task)
    return story.idle(MS), queued


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
    assert seen.sentence.startswith("All 2 ")


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


# Locks


def test_a_convoy():
    crowd = too_many("asyncio.Lock", 1)  # 20 ms each, every 10 ms one more
    (seen,) = found(crowd.story, "lock-convoy")
    # the first four in the queue are no convoy; each waits 10 ms longer than the one before
    behind = [wait for wait in crowd.waits if wait >= 20][-seen.count :]
    assert seen.worst_ns == max(crowd.waits) * MS
    assert seen.total_ns == sum(behind) * MS == seen.victim_wait_ns
    assert (seen.severity, seen.location) == ("error", HOLDER)
    assert "queued for app/db.py:9 Lock(1)" in seen.sentence
    assert "for a lock that is held for 20 ms at a time in line 21" in seen.sentence


@pytest.mark.parametrize("kind", ["asyncio.Lock", "anyio.Lock", "asyncio.Semaphore"])
def test_what_lets_one_in_at_a_time_is_a_lock(kind):
    assert "lock-convoy" in rules_of(too_many(kind, 1).story)


def test_a_lock_that_many_take_for_a_millisecond():
    crowd = Crowd("asyncio.Lock", 1)
    for _ in range(20):
        crowd.serve([0] * 50, holds=1).story.idle(100 * MS)
    assert max(crowd.waits) == 49
    assert found(crowd.story) == []


def test_a_few_that_wait_long_are_no_convoy():
    crowd = Crowd("asyncio.Lock", 1).serve([0] * 4 + list(range(95, 3000, 100)), holds=100)
    assert max(crowd.waits) == 305
    assert "lock-convoy" not in rules_of(crowd.story)


def test_locks_of_one_line_that_each_have_one_waiter():
    """Per-key locks: many wait, but hardly any of them for the same."""
    story = Story().idle(MS)
    for key in range(1, 200):
        a, b = 2 * key, 2 * key + 1
        story.resource(key, "asyncio.Lock", 1, made_at=MADE)
        story.task(a, CYCLE).task(b, CYCLE).step(a).acquires(a, key)
        story.step(b).waits_for(b, key, place=WAITS).idle(3 * MS)
        story.step(a, place=HOLDS).releases(a, key).step(b).acquires(b, key).releases(b, key)
    assert found(story.idle(MS)) == []


def held_across(times, *, ms=40, waiters=1):
    story = Story().idle(MS).resource(1, "asyncio.Lock", 1, made_at=MADE)
    for i in range(times):
        first = 100 * i + 1
        story.task(first, CYCLE).step(first).request(first, "GET /order").acquires(first, 1)
        for task in range(first + 1, first + 1 + waiters):
            story.task(task, CYCLE).step(task).request(task, "GET /order")
            story.waits_for(task, 1, place=WAITS)
        story.idle(ms * MS).step(first, place=HOLDS).releases(first, 1)
        story.response(first, "GET /order").end(first)
        for task in range(first + 1, first + 1 + waiters):
            story.step(task).acquires(task, 1).releases(task, 1)
            story.response(task, "GET /order").end(task)
        story.idle(MS)
    return story


def test_a_lock_held_while_its_holder_waits():
    (seen,) = found(held_across(4, waiters=2))
    assert (seen.rule, seen.count, seen.worst_ns) == ("lock-held-across-io", 4, 40 * MS)
    assert (seen.total_ns, seen.location) == (160 * MS, HOLDER)
    assert (seen.victims, seen.victim_wait_ns) == (8, 8 * 40 * MS)
    assert seen.sentence == (
        "GET /order held app/db.py:9 Lock(1) while it waited 40 ms in line 21 of /app/api.py; "
        "2 tasks waited for the lock"
    )


@pytest.mark.parametrize(
    ("times", "options"),
    [(2, {}), (9, {"ms": 4}), (9, {"waiters": 0})],
    ids=["twice", "for short", "nobody else wants it"],
)
def test_a_lock_that_is_held_and_hurts_nobody(times, options):
    assert found(held_across(times, **options)) == []


# All of them


def test_what_is_found_does_not_depend_on_the_batches():
    story, _ = jobs(story=too_many("sqlalchemy.pool").story, count=30)
    model = fed(Story())
    (aux, names), (events, strings) = story.aux_batch(), story.batch()
    model.feed_aux(aux, names)
    for at in range(0, len(events), 7):
        model.feed(events[at : at + 7], strings)
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


def test_a_fix_may_say_which_rules_it_answers():
    story = too_many("sqlalchemy.pool").story
    answers = {"narrow_lock": ["lock-convoy"], "release_first": ["pool-exhausted"]}
    model = fed(story, "narrow_lock", "release_first", "other", answers=answers)
    assert model.findings()[0].suggested_fix == "release_first"
    story.mark("fix:narrow_lock=on").feed(model)
    assert model.findings()[0].suggested_fix == "release_first"
    story.mark("fix:other=on").feed(model)
    assert model.findings()[0].suggested_fix == "", "it may answer anything"
    story = too_many("sqlalchemy.pool").story
    assert fed(story, "narrow_lock", answers=answers).findings()[0].suggested_fix == ""


def test_a_verdict_may_be_that_there_is_not_enough_evidence():
    story = Crowd("sqlalchemy.pool", 5).serve([0] * 10, holds=80).story
    model = fed(story)
    assert model.findings() == ()
    (rule,) = [rule for rule in model.rules.rules if rule.info.id == "pool-exhausted"]
    (case,) = rule.cases.values()
    assert (case.count, rule.check(case)) == (5, Verdict.RECHECK)


def test_very_many_culprits_are_summed_up():
    """The worst are reported one by one; and memory is bounded."""
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
