"""Made-up runs, and their reports."""

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.model.state.lanes import Lanes
from loopviz.model.totals import run_totals
from loopviz.report.build import build_report
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED
from loopviz.wire.samples import CONNECTION, LEFT, TIMEOUT, Sample

T0 = 1024 * SECOND
ANSWERS = {"to_thread": ["slow-callback", "task-never-retrieved"]}


def run(*, fix=False):
    """A made-up run: 10 requests on /report that block for 50 ms, or do not, and 10 pings."""
    naming = Naming([("/app", "scenarios")], lambda _path, _line: "    time.sleep(0.05)\n")
    model = Model([("GET /report", 12), ("GET /ping", 20)], ["to_thread"], naming, ANSWERS)
    if fix:
        model.phases.assume("to_thread")
    model.mark(T0, "scenario:block")
    story = Story()
    samples = []
    for i in range(10):
        story.idle(50 * MS).callback("beat", late=0)
        story.task(i).step(i).request(i, "GET /report")
        if fix:
            story.runs(MS)
        else:
            story.runs(25 * MS).sampled("/app/block.py", 42, "report").runs(25 * MS)
        story.response(i, "GET /report").end(i).idle(0)
        at = T0 + i * 100 * MS
        samples.append(Sample(0, at, at + MS, at + (6 if fix else 60) * MS, 200))
        samples.append(Sample(1, at, at, at + (2 if fix else 40) * MS, 200 if i else TIMEOUT))
    story.feed(model)
    model.feed_load(samples, [10, 10], [0, 0], [0, 0])
    return model


def report_of(model, fixes=(), *, now_ns=0, others=(), **more):
    about = {"target": "block", "started_at": "2025-01-01T00:00:00Z", "duration_s": 1.0, "seed": 0}
    totals = run_totals([model, *others], now_ns)
    return build_report(totals, fixes=list(fixes), **(about | more))


def crowded(**more):
    """A pool of two: one waits 30 ms, one gives up after 10; and some trouble with tasks."""
    model = Model(naming=Naming([("/app", "")]), **more)
    story = Story().resource(1, "sqlalchemy.pool", 2, made_at="/app/db.py\t17\t").gc(2 * MS)
    story.resource(2, "asyncio.Lock", made_at="/app/db.py\t20\t")
    story.resource(3, "asyncio.Lock", made_at="/app/db.py\t20\t").resource(4, "asyncio.Event")
    story.resource(9, "ThreadPoolExecutor", 4, name="default executor")
    story.task(1).task(2, parent=1).task(3).task(4).task(5).step(1).request(1, "GET /a")
    story.acquires(1, 1, 1).acquires(2, 1, 2).acquires(1, 2).releases(1, 2).idle(10 * MS)
    for task in (3, 4):
        story.step(task).waits_for(task, 1)
    story.idle(10 * MS).step(4).wait_over(4, 1).end(4, TASK_CANCELLED).idle(20 * MS)
    story.step(1).disconnects(1).response(1, "GET /a").releases(1, 1, 1).end(1).step(3).acquires(
        3, 1, 2
    )
    story.idle(60 * MS).destroyed(5).never_retrieved(4, "ValueError: x").job(1, 9).runs(
        MS
    ).job_starts(1, 9)
    story.runs(4 * MS).job_ends(1, 9).overhead(300).idle(MS).feed(model)
    return model


def hung(*, fix=False, held=False):
    """30 requests, of which 20 are never answered; with the fix all are, but more slowly."""
    now = T0 + 5 * SECOND
    model = Model(
        [("GET /a", 5), ("GET /b", 5)], naming=Naming([("/app", "")], lambda *_: "lock\n")
    )
    story = Story(T0).idle(MS)
    if held:
        story.task(1).step(1).request(1, "GET /a").sampled("/app/x.py", 4, "a")
    elif not fix:
        story.task(21).step(21).request(21, "GET /a").response(21, "GET /a").end(21).idle(MS)
        story.resource(7, "asyncio.Lock", 1, name="door")
        for task in range(1, 21):
            story.task(task).step(task).request(task, "GET /a")
            story.waits_for(task, 7, place="\t/app/x.py\t9\tf").idle(MS)
        story.selects()
    story.feed(model)
    answered = 30 if fix else 10
    samples = [Sample(0, T0, T0, T0 + (40 if fix else 5) * MS, 200)] * answered
    waiting = [] if fix else [(0, T0 + i * 100 * MS) for i in range(1, 21)]
    samples += [Sample(1, T0, T0, T0 + 2 * MS, 200 if i else TIMEOUT) for i in range(9)]
    model.feed_load(samples, [30, 9], [len(waiting), 0], [0, 0], waiting)
    return report_of(model, ["unlock"] if fix else [], now_ns=now)


def every_part():
    """The report of two workers, in which every key that a report may have is there."""
    counters = [("stored", "rows stored", False), ("never", "never told", True)]
    about = {"counters": counters, "lanes": Lanes()}
    routes, fixes = [("GET /a", 5), ("GET /b", 7)], {"fixes": ["to_thread"], "answers": ANSWERS}
    first = crowded(routes=routes, **fixes, **about)
    second = crowded(**about, worker=2)
    first.lost(7, T0 + SECOND)
    story = Story(T0 + SECOND).counts("stored", 3).hook_failed("select: ValueError: x")
    story.task(7).step(7).request(7, "GET /b").sampled("/app/x.py", 4, "b").runs(30 * MS)
    story.response(7, "GET /b").end(7).idle(MS)
    story.task(8).step(8).request(8, "GET /a").sampled("/app/x.py", 9, "a").feed(first)
    story = Story(T0 + SECOND).mark("mark:deploy").mark("log:ERROR\tdb\tlost")
    story.counts("stored", 4).idle(MS).feed(second)
    statuses = [200, 500, LEFT, TIMEOUT, CONNECTION]
    samples = [Sample(0, T0 + i * MS, T0 + i * MS, T0 + 9 * MS, s) for i, s in enumerate(statuses)]
    first.feed_load(samples, [9, 0], [3, 0], [4, 0], [(0, T0 + i * MS) for i in range(3)])
    return report_of(first, ["lock"], now_ns=T0 + 3 * SECOND, others=[second])
