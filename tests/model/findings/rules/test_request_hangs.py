"""Requests that hang while the loop idles, and all that looks alike and does not."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from loopviz.wire.awaiting import Awaiting
from loopviz.wire.events import WAIT_GET
from tests.model.findings.stories import CYCLE, HOLDS, WAITS, Crowd, answered, fed, request

HANGS = "request-hangs"
MADE = "/app/db.py\t9\t"


def usual(story=None, *, took=50 * MS, count=3, first=100, route="GET /a"):
    """Some requests that are answered."""
    story = story or Story().idle(MS)
    for task in range(first, first + count):
        request(story, task, route=route).idle(took).step(task, place=HOLDS)
        answered(story, task, route=route)
    return story


def stuck(story, *tasks, route="GET /a"):
    """Requests that go and wait for a lock that nobody gives back, 100 ms apart."""
    story.resource(1, "asyncio.Lock", 1, made_at=MADE)
    for task in tasks:
        request(story, task, route=route).waits_for(task, 1, place=WAITS).idle(100 * MS)
    return story


def hangs(story, after=0):
    """What the rule finds so long after the story."""
    model = fed(story.selects())
    return [f for f in model.findings(story.now_ns + after) if f.rule == HANGS]


def test_requests_that_wait_while_the_loop_idles():
    story = stuck(usual(), 1, 2, 3)
    assert hangs(stuck(usual(), 1, 2, 3), after=1600 * MS) == []
    (finding,) = hangs(story, after=4 * SECOND)
    assert (finding.severity, finding.title) == ("error", "REQUESTS HANG")
    assert finding.sentence == (
        "3 requests of GET /a have waited up to 4.3 s so far, the oldest for app/db.py:9 Lock "
        "in line 20 of /app/api.py; those that were answered took 50 ms at most"
    )
    assert finding.location == Location(
        file="app/api.py", line=20, function="order", path="/app/api.py"
    )
    assert (finding.count, finding.open, finding.worst_ns) == (3, 3, 4300 * MS)
    assert (finding.victims, finding.victim_wait_ns) == (3, (4300 + 4200 + 4100) * MS)


def test_only_those_that_are_old_enough_count():
    (finding,) = hangs(stuck(usual(), 1, 2, 3), after=1850 * MS)
    assert finding.count == 2
    (finding,) = hangs(stuck(usual(), 1), after=2 * SECOND)
    assert finding.sentence.startswith("A request of GET /a has waited 2.1 s so far for app/db.py")


def test_it_is_over_when_they_go_on():
    story = stuck(usual(), 1)
    model = fed(story.selects())
    assert [f.rule for f in model.findings(story.now_ns + 3 * SECOND)] == [HANGS]
    story.runs(3 * SECOND).polls(story.now_ns).step(1, place=WAITS)
    answered(story.acquires(1, 1).releases(1, 1), 1).feed(model)
    assert [f for f in model.findings(story.now_ns) if f.rule == HANGS] == []
    again = stuck(story, 2)
    again.selects().feed(model)
    late = [f for f in model.findings(story.now_ns + 7 * SECOND) if f.rule == HANGS]
    assert late == [], "an answer took 3 s: 7 s are not much longer"
    late = [f for f in model.findings(story.now_ns + 10 * SECOND) if f.rule == HANGS]
    assert len(late) == 1


@pytest.mark.parametrize(("took", "after", "count"), [(900, 2600, 1), (900, 2500, 0)])
def test_it_must_be_much_longer_than_the_answered_ones(took, after, count):
    story = stuck(usual(took=took * MS), 1)
    assert len(hangs(story, after=after * MS)) == count


@pytest.mark.parametrize(("after", "count"), [(4800, 0), (4900, 1)])
def test_a_route_that_was_never_answered_may_be_slow_by_nature(after, count):
    found = hangs(stuck(usual(route="GET /b"), 1), after=after * MS)
    assert len(found) == count
    assert all(f.sentence.endswith("; none was answered") for f in found)


def test_each_route_has_its_own():
    story = stuck(usual(usual(), route="GET /b", first=200), 1)
    stuck(story, 2, 3, route="GET /b")
    first, second = hangs(story, after=4 * SECOND)
    assert {first.sentence[:24], second.sentence[:24]} == {
        "2 requests of GET /b hav",
        "A request of GET /a has ",
    }


def test_the_oldest_says_where_it_hangs():
    """The task that holds a lock waits for an event: the others queue at another line."""
    story = usual().resource(1, "asyncio.Lock", 1, made_at=MADE)
    story.resource(2, "asyncio.Event", made_at="/app/db.py\t12\t")
    request(story, 1).acquires(1, 1).waits_for(1, 2, place="\t/app/api.py\t33\trefresh").idle(MS)
    (finding,) = hangs(stuck(story, 2, 3, 4), after=4 * SECOND)
    assert (finding.count, finding.location.line) == (4, 33)


@pytest.mark.parametrize(
    ("kind", "told", "advice"),
    [
        ("asyncio.Event", "nobody is known who could set it", "set the result"),
        ("anyio.Event", "nobody is known who could set it", "set the result"),
        ("asyncio.Condition", "nobody is known who could notify", "notify on every path"),
    ],
)
def test_nobody_holds_an_event_or_a_condition(kind, told, advice):
    story = usual().resource(1, kind, name="ready", made_at=MADE)
    request(story, 1).waits_for(1, 1, place=WAITS).idle(100 * MS)
    (finding,) = hangs(story, after=4 * SECOND)
    assert f" for ready in line 20 of /app/api.py ({told}); those that" in finding.sentence
    assert finding.advice.startswith(advice)


@pytest.mark.parametrize(
    ("workers", "items", "told"),
    [
        (2, 0, ": all were taken, not all were marked done, and its 2 workers wait for the next "),
        (3, 0, ": all were taken, not all were marked done, and its 3 workers wait for the next "),
        (1, 0, ": all were taken, not all were marked done, and its worker waits for the next "),
        (0, 0, ""),
        (3, 2, ""),
    ],
)
def test_a_join_says_what_the_workers_do(workers, items, told):
    name = "jobs" if workers == 3 else ""
    story = usual().resource(1, "asyncio.Queue", name=name, made_at=MADE)
    for task in range(10, 10 + workers):
        story.task(task, "work\t/app/api.py\t30\twork").step(task)
        story.waits_for(task, 1, place="\t/app/api.py\t31\twork", direction=WAIT_GET)
    story.queue_size(1, items)
    request(story, 1).idle(100 * MS)
    lines = {20: "    await app.jobs.join()  # all of them", 9: "app.jobs: Q[int] = Queue()"}
    model = Model(naming=Naming([("/app", "app")], lambda _, line: lines.get(line, "")))
    story.selects().feed(model)
    model.findings(story.now_ns + 4 * SECOND)
    waits = Location(file="app/api.py", line=20, function="order", path="/app/api.py")
    model.rules.add_stack(1, (waits,))
    (finding,) = model.findings(story.now_ns + 4 * SECOND)
    joins = "await app.jobs.join(), which returns once task_done() was called for every item"
    at = "one at app/api.py:31" if told else ""
    assert f"{joins}{told}{at}; those" in finding.sentence


def test_a_child_task_may_be_what_waits():
    story = usual().resource(1, "asyncio.Lock", 1, made_at=MADE)
    request(story, 1).task(2, CYCLE, parent=1).idle(MS)
    story.step(2).waits_for(2, 1, place=WAITS).idle(MS)
    (finding,) = hangs(story, after=4 * SECOND)
    assert finding.location.line == 20


def test_a_thread_may_be_what_works():
    story = usual().resource(9, "ThreadPoolExecutor", 4, name="default executor")
    request(story, 1).job(1, 9, "fetch\t/app/api.py\t50\tfetch", by=1).idle(MS).job_starts(1, 9)
    (finding,) = hangs(story.idle(MS), after=4 * SECOND)
    assert "so far for fetch in a thread" in finding.sentence
    assert finding.location.line == 50


def test_where_it_waits_may_have_to_be_asked_for():
    """Of a future that nobody sets, no record says where it is awaited."""
    story = request(usual(), 1).idle(MS).selects()
    model = fed(story)
    now = story.now_ns + 4 * SECOND
    assert model.rules.wanted == 0
    (finding,) = model.findings(now)
    assert (finding.location, model.rules.wanted) == (None, 1)
    assert "have waited" not in finding.sentence
    assert finding.sentence.startswith("A request of GET /a has waited 4.0 s so far; those")
    library = Location(file="lib.py", line=5, function="wait", path="/v/site-packages/lib.py")
    mine = Location(file="app/api.py", line=31, function="a", path="/app/api.py")
    model.rules.add_stack(
        1, (Location(file="app/api.py", line=12, function="run", path="/app/api.py"), mine, library)
    )
    (finding,) = model.findings(now)
    assert (finding.location, model.rules.wanted) == (mine, 0)
    assert "so far in line 31 of /app/api.py" in finding.sentence


# what looks alike


def test_a_task_that_works_on_does_not_hang():
    """Its own steps, or those of a task that works for it."""
    for worker in (1, 2):
        story = request(usual(), 1).task(2, CYCLE, parent=1).idle(MS)
        for _ in range(10):
            story.step(worker, place=HOLDS).idle(SECOND)
        model = fed(story.selects())
        assert model.findings(story.now_ns + 900 * MS) == ()
        assert len(model.findings(story.now_ns + 1100 * MS)) == 1, "2.1 s after its last step"


def test_a_response_that_has_begun_may_take_as_long_as_it_likes():
    story = request(usual(), 1).phase(1, "endpoint").phase(1).idle(MS)
    assert hangs(story, after=60 * SECOND) == []
    story = request(usual(), 1).phase(1).idle(MS)
    assert hangs(story, after=60 * SECOND) == []


def test_background_tasks_hold_up_no_client():
    story = request(usual(), 1).phase(1, "endpoint").phase(1, "background").idle(MS)
    assert hangs(story, after=60 * SECOND) == []


def test_a_loop_that_is_held_is_another_rules_business():
    """However long: what waits for the loop does not hang."""
    story = request(usual(), 1).idle(MS)
    story.task(2, CYCLE).step(2).request(2, "GET /b").sampled("/app/api.py", 7, "b")
    model = fed(story)
    found = model.findings(story.now_ns + 60 * SECOND)
    assert [f.rule for f in found] == ["slow-callback"]


def test_a_loop_that_was_held_had_no_time_for_it():
    story = request(usual(), 1).idle(MS)
    story.callback("f", 10 * SECOND).sampled("/app/api.py", 7, "f").idle(SECOND)
    assert hangs(story) == []


def test_a_queue_that_moves_does_not_hang():
    """A pool of one, twice as many requests as it can serve: the last ones wait for 5 s."""
    crowd = Crowd("sqlalchemy.pool", 1)
    crowd.serve([i * 100 for i in range(50)], 200)
    assert max(crowd.waits) > 4000
    whole, strings = crowd.story.batch()
    model = fed(Story())
    at = 0
    for i in range(0, len(whole), 25):
        model.feed(whole[i : i + 25], strings)
        at = int(whole["at"][min(i + 25, len(whole)) - 1])
        assert [f for f in model.findings(at) if f.rule == HANGS] == []
    assert at > 9 * SECOND


def test_a_lost_record_makes_nobody_hang():
    story = request(usual(), 1).idle(MS)
    model = fed(story)
    model.lost(10, story.now_ns)
    story.callback("f").selects().feed(model)
    assert model.findings(story.now_ns + 60 * SECOND) == ()


THREADS = 7


def kept(workers=2, *, hangs=False):
    """Streams that keep all threads of a pool, and requests that need one for a moment."""
    story = usual(usual(), route="GET /feed")
    story.resource(THREADS, "ThreadPoolExecutor", workers, made_at=MADE)
    for task in range(1, workers + 1):
        request(story, task, route="GET /feed")
        story.job(task, THREADS, "feed\t/app/api.py\t30\tfeed", by=task).job_starts(task, THREADS)
        if not hangs:
            story.opens(task, "GET /feed", lasts=True)
        story.idle(MS)
    for task in (11, 12, 13):
        request(story, task)
        story.job(task, THREADS, "\t/app/api.py\t40\tresize", by=task).idle(MS)
    return story


def test_threads_that_others_keep_are_told_at_the_line_of_those():
    """One cause, one finding: that the threads are exhausted follows."""
    story = kept()
    (finding,) = fed(story.selects()).findings(story.now_ns + 3 * SECOND)
    assert finding.rule == HANGS
    assert finding.sentence == (
        "3 requests of GET /a have waited up to 3.0 s so far, the oldest for a thread of "
        "app/db.py:9 ThreadPoolExecutor(2), of which GET /feed has had one for 3.0 s in line 30 of "
        "/app/api.py; those that were answered took 50 ms at most"
    )
    assert finding.location == Location(
        file="app/api.py", line=30, function="feed", path="/app/api.py"
    )
    assert [one.rule for one in finding.consequences] == ["thread-limiter-exhausted"]
    assert finding.advice.startswith("await what has no end")


def test_threads_of_requests_that_hang_themselves():
    """The line is the thread's own: a job that waits for a job of its own pool, as a rule."""
    story = kept(hangs=True)
    model = fed(story.selects())
    late = story.now_ns + 5 * SECOND

    def of_feed():
        return next(f for f in model.findings(late) if "of GET /feed" in f.sentence)

    assert "the oldest for feed in a thread in line 30" in of_feed().sentence
    assert model.rules.wanted == 1
    library = "/v/site-packages/futures.py"
    result = Location(file="", line=1, function="Future.result", path=library)
    line = Location(file="app/api.py", line=33, function="feed", path="/app/api.py")
    model.rules.add_stack(1, (line, result))
    finding = of_feed()
    assert finding.sentence == (
        "2 requests of GET /feed have waited up to 5.0 s so far, the oldest for feed in a thread "
        "in line 33 of /app/api.py; both threads of app/db.py:9 ThreadPoolExecutor(2) are taken "
        "like that; those that were answered took 50 ms at most"
    )
    assert finding.location == line
    assert finding.advice == "give the jobs that other jobs wait for a pool of their own"
    assert [one.rule for one in finding.consequences] == ["thread-limiter-exhausted"]


def test_the_end_of_a_process():
    """The await stack says so: a full pipe that nobody reads stops the process."""
    story = usual()
    request(story, 1).idle(MS)
    model = fed(story.selects())
    line = Location(file="app/api.py", line=50, function="run", path="/app/api.py")
    library = "/usr/lib/python3.12/asyncio/subprocess.py"
    inner = Location(file="", line=137, function="Process.wait", path=library)
    model.findings(story.now_ns + 3 * SECOND)
    model.rules.add_stack(1, (line, inner))
    (finding,) = model.findings(story.now_ns + 3 * SECOND)
    assert finding.sentence.startswith(
        "A request of GET /a has waited 3.0 s so far for the end of a process in line 50"
    )
    assert finding.advice.startswith("`await process.communicate()` reads its output meanwhile")


def child(story, parent, number, name="fetch"):
    """A task that the parent awaits."""
    return story.task(number, f"{name}\t/app/api.py\t30\tget", parent=parent).step(number)


def awaiting(task, line, *tasks, cancelled=False):
    place = f"await\t/app/api.py\t{line}\tf"
    return Awaiting(task, place, tasks, False, "gather" if tasks else "", cancelled)


def test_the_child_that_hangs_is_told_not_the_gather():
    story = request(usual(), 1)
    for number in (2, 3):
        child(story, 1, number).idle(MS)
    story.step(3).idle(MS)
    model = fed(story.selects())
    late = story.now_ns + 3 * SECOND
    model.findings(late)
    model.rules.add_awaits([awaiting(1, 20, 2, 3), awaiting(2, 42), awaiting(3, 43)], late)
    (finding,) = model.findings(late + 1)
    assert " so far, the oldest for fetch in line 42 of" in finding.sentence or (
        " so far for fetch in line 42 of /app/api.py" in finding.sentence
    )
    assert finding.advice.startswith("bound the wait")


def test_a_cancellation_that_is_swallowed():
    """The task goes on, and makes steps; who cancelled it waits for its end."""
    story = child(request(usual(), 1), 1, 2, "poll").idle(MS)
    for _ in range(30):
        story.step(2).idle(100 * MS)
    model = fed(story.selects())
    assert not model.findings(story.now_ns)
    model.findings(story.now_ns + 1)
    assert model.rules.wanted_awaits == (1,)
    asked = [awaiting(1, 20, 2), awaiting(2, 50)]
    model.rules.add_awaits(asked, story.now_ns)
    assert not model.findings(story.now_ns + 2), "a child that works for it is no hang"
    model.rules.add_awaits([asked[0], awaiting(2, 50, cancelled=True)], story.now_ns)
    (finding,) = model.findings(story.now_ns + 3)
    assert finding.sentence.startswith(
        "A request of GET /a has waited 3.0 s so far for poll, which was cancelled and goes on, in "
        "line 50 of /app/api.py"
    )
    assert finding.location.line == 50
    assert finding.advice.startswith("let the `CancelledError` pass")
