"""What decided a request's latency: its own parts, and those of the tasks that woke it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from loopviz.clock import MS
from loopviz.testing import Story
from tests.model.findings.stories import HOLDS, WAITS, fed, request

LOCK, EVENT, THREADS = 1, 2, 3
SOCKET = "socket\t/app/db.py\t33\tquery"
SLEEP = "sleep\t/app/api.py\t50\ttick"
GATHER = "task\t/app/api.py\t40\torder"
FUTURE = "future\t/app/api.py\t41\torder"
SPAWNED = "fetch\t/app/api.py\t30\torder"


def begin():
    story = Story().idle(MS).resource(LOCK, "asyncio.Lock", 1, name="lock")
    story.resource(EVENT, "asyncio.Event", name="done", made_at="/app/api.py\t3\t")
    return story.resource(THREADS, "ThreadPoolExecutor", 1, name="threads")


def starts(story, task):
    """A request whose first step takes 1 ms."""
    return request(story, task).runs(MS)


def ends(story, task, runs=MS):
    return story.runs(runs).response(task, "GET /a").end(task).idle(MS)


def path_of(story, task):
    """The path of the request that the task serves, at the story's end."""
    model = fed(story.selects())
    snapshot = model.snapshot(story.now_ns, 60_000 * MS)
    (info,) = (one for one in snapshot.requests if one.task == task)
    path = model.critical_path(info)
    assert path.total_ns == info.end_ns - info.start_ns
    assert sum(part.total_ns for part in path.parts) == path.total_ns
    return path


def outline(path):
    """Each part as `ms who ×tasks: kind what :line (via)`."""

    def line(part):
        who = "own" if part.own else part.label
        times = f" ×{part.tasks}" if part.tasks > 1 else ""
        where = f" :{part.location.line}" if part.location else ""
        via = f" ({part.via})" if part.via else ""
        return f"{part.total_ns / MS:g} {who}{times}: {part.kind} {part.what}".strip() + where + via

    return [line(part) for part in path.parts]


def test_a_wait_for_a_socket_is_its_own():
    story = starts(begin(), 1).idle(20 * MS).step(1, place=SOCKET)
    path = path_of(ends(story, 1), 1)
    assert outline(path) == ["2 own: ran", "20 own: await socket :33"]
    assert not path.others


def test_a_lock_was_released_by_a_task_that_awaited_a_socket():
    story = request(begin(), 1).acquires(1, LOCK, place=HOLDS).idle(5 * MS)
    starts(story, 2).waits_for(2, LOCK, place=WAITS).idle(30 * MS)
    story.step(1, 2 * MS, place=SOCKET).releases(1, LOCK, 0)
    story.step(2, waited=MS, place=WAITS, woken_by=1).acquires(2, LOCK)
    path = path_of(ends(story, 2), 2)
    assert outline(path) == [
        "2 own: ran",
        "1 own: ready",
        "1 GET /a: ran (lock)",
        "30 GET /a: await socket :33 (lock)",
    ]
    holder = path.parts[-1]
    assert (holder.task, holder.request) == (1, 1)


def test_a_convoy_is_one_part_for_all_who_were_before():
    story = request(begin(), 1).acquires(1, LOCK).idle(MS)
    for task in (2, 3, 4):
        request(story, task).waits_for(task, LOCK, place=WAITS)
    story.idle(MS)
    for task in (1, 2, 3):
        story.idle(10 * MS).step(task, place=SOCKET).releases(task, LOCK, 0).response(
            task, "GET /a"
        )
        story.end(task).step(task + 1, place=WAITS, woken_by=task).acquires(task + 1, LOCK)
    story.idle(10 * MS).step(4, place=SOCKET)
    path = path_of(ends(story, 4), 4)
    assert "GET /a ×3: await socket :33 (lock)" in outline(path)[-1]
    assert path.parts[-1].total_ns == 31 * MS


def test_a_task_before_that_has_waited_for_very_long():
    """Its wait began before the records that are looked at; who ended it is in them."""
    story = request(begin(), 1).acquires(1, LOCK).idle(MS)
    request(story, 2).waits_for(2, LOCK, place=WAITS).idle(60_000 * MS)
    starts(story, 3).waits_for(3, LOCK, place=WAITS).idle(10 * MS)
    for task in (1, 2):
        story.step(task, MS, place=SOCKET).releases(task, LOCK, 0).response(task, "GET /a")
        story.end(task).step(task + 1, place=WAITS, woken_by=task).acquires(task + 1, LOCK)
        story.idle(10 * MS)
    lines = outline(path_of(ends(story.step(3, place=SLEEP), 3), 3))
    assert "20 GET /a ×2: await socket :33 (lock)" in lines
    assert not [line for line in lines if "unknown" in line]


def test_gather_waits_for_the_child_that_ended_last():
    story = starts(begin(), 1)
    story.task(2, SPAWNED, parent=1).task(3, SPAWNED.replace("fetch", "slow"), parent=1)
    story.step(2, MS).step(3, MS).idle(10 * MS).step(2, place=SOCKET).end(2).idle(30 * MS)
    story.step(3, 2 * MS, place=SOCKET).end(3).callback("_done_callback\t/x\t1\t", MS)
    story.step(1, place=GATHER, woken_by=3)
    path = path_of(ends(story, 1), 1)
    assert [line for line in outline(path) if "fetch" in line] == []
    assert outline(path)[:2] == ["2 own: ran", "2 slow: ready (task)"]
    assert "40 slow: await socket :33 (task)" in outline(path)


def test_a_thread_job_is_queued_and_runs():
    story = request(begin(), 1).job(1, THREADS, "resize\t/app/i.py\t3\t", by=1)
    story.runs(MS).selects().runs(4 * MS).job_starts(1, THREADS).runs(20 * MS)
    story.job_ends(1, THREADS).runs(MS).polls().step(1, place=FUTURE)
    path = path_of(ends(story, 1), 1)
    assert outline(path) == [
        "2 own: ran",
        "1 own: ready :41",
        "20 own: job resize :3",
        "4 own: queued resize :3",
    ]
    assert [part.queued_for for part in path.parts] == ["", "", "", "threads"]
    assert path.others


def test_a_job_that_waits_in_its_thread():
    story = request(begin(), 1).job(1, THREADS, "resize\t/app/i.py\t3\t", by=1).runs(MS)
    story.job_starts(1, THREADS).selects().runs(MS).job_waits_for(1, LOCK, place=WAITS)
    story.runs(20 * MS)
    story.job_acquires(1, LOCK).runs(2 * MS).job_ends(1, THREADS).polls().step(1, place=FUTURE)
    assert outline(path_of(ends(story, 1), 1)) == [
        "2 own: ran",
        "3 own: job resize :3",
        "20 own: resource lock :20",
    ]


def test_a_job_may_be_submitted_long_before_it_starts():
    """anyio waits for its limiter in between."""
    story = request(begin(), 1).job(1, THREADS, "resize\t/app/i.py\t3\t", by=1).runs(MS)
    story.idle(5 * MS).step(1, MS, place=FUTURE).selects().job_starts(1, THREADS).runs(20 * MS)
    story.job_ends(1, THREADS).polls().step(1, place=FUTURE)
    assert "20 own: job resize :3" in outline(path_of(ends(story, 1), 1))


def test_a_job_that_ran_before_is_not_what_it_awaits():
    story = request(begin(), 1).job(1, THREADS, "resize\t/app/i.py\t3\t", by=1).runs(MS)
    story.job_starts(1, THREADS).idle(5 * MS).step(1, MS, place=FUTURE).selects()
    story.runs(20 * MS).job_ends(1, THREADS).polls().step(1, place=FUTURE)
    lines = outline(path_of(ends(story, 1), 1))
    assert "20 own: await future :41" in lines


def test_a_waker_that_is_not_known_is_not_made_up():
    story = starts(begin(), 1).waits_for(1, EVENT, place=WAITS).idle(20 * MS)
    story.step(1, place=FUTURE).wait_over(1, EVENT)
    assert outline(path_of(ends(story, 1), 1))[-1] == "20 own: resource done :20"


def test_a_task_that_woke_each_other_is_followed_once():
    """Two tasks that take turns: the waits of each are filled by the other's steps."""
    story = starts(begin(), 1).task(2, SPAWNED, parent=1).step(2, MS)
    for _ in range(3):
        story.step(1, MS, place=FUTURE, woken_by=2).step(2, MS, place=FUTURE, woken_by=1)
    story.step(1, place=FUTURE, woken_by=2)
    path = path_of(ends(story, 1), 1)
    assert {part.label for part in path.parts if not part.own} == {"fetch"}


def test_an_open_request_waits_for_the_holder_of_its_lock():
    """What the holder awaits is recorded once its wait ends."""
    story = request(begin(), 1).acquires(1, LOCK).idle(MS)
    starts(story, 2).waits_for(2, LOCK, place=WAITS).idle(20 * MS)
    assert outline(path_of(story, 2)) == ["20 GET /a: await (lock)", "1 own: ran"]
    story = request(begin(), 1).acquires(1, LOCK).idle(MS)
    starts(story, 2).waits_for(2, LOCK, place=WAITS).idle(20 * MS)
    story.step(1, MS, place=SOCKET).idle(3 * MS)
    assert outline(path_of(story, 2)) == [
        "3 GET /a: await (lock)",
        "1 GET /a: ran (lock)",
        "20 GET /a: await socket :33 (lock)",
        "1 own: ran",
    ]


def test_what_is_no_longer_kept_is_not_recorded():
    story = starts(begin(), 1).idle(20 * MS).step(1, place=SOCKET)
    model = fed(ends(story, 1).selects())
    model.lost(5, story.now_ns)
    request(story, 2).response(2, "GET /a").end(2).idle(MS).feed(model)
    (info,) = (r for r in model.snapshot(story.now_ns, 60_000 * MS).requests if r.task == 1)
    path = model.critical_path(info)
    assert {part.kind for part in path.parts} == {"unknown"}
    assert path.total_ns == info.end_ns - info.start_ns


@st.composite
def stories(draw):
    """Some requests and their children, which run, wait and wake each other at random."""
    story, alive = begin(), []
    for task in range(1, draw(st.integers(2, 6))):
        if alive and draw(st.booleans()):
            story.task(task, SPAWNED, parent=draw(st.sampled_from(alive)))
        else:
            request(story, task)
        alive.append(task)
    places = st.sampled_from([SOCKET, SLEEP, GATHER, FUTURE, ""])
    for _ in range(draw(st.integers(1, 25))):
        act = draw(st.integers(0, 5))
        task = draw(st.sampled_from(alive))
        if act == 0:
            story.idle(draw(st.integers(1, 5)) * MS)
        elif act == 1:
            story.callback("f\t/x\t1\t", draw(st.integers(0, 3)) * MS)
        else:
            waker = draw(st.sampled_from([0, *alive]))
            waited = draw(st.integers(0, 4)) * MS
            story.step(task, MS, waited=waited, place=draw(places), woken_by=waker)
            if act == 2:
                story.waits_for(task, draw(st.sampled_from([LOCK, EVENT])), place=WAITS)
            elif act == 3:
                story.acquires(task, LOCK)
            elif act == 4:
                story.job(len(alive) + act, THREADS, "f\t/x\t1\t", by=task)
    return story.idle(MS)


@settings(max_examples=300, deadline=None)
@given(stories())
def test_the_parts_of_any_path_sum_to_the_latency(story):
    model = fed(story.selects())
    now = story.now_ns
    for moment in (now, now - 7 * MS):
        snapshot = model.snapshot(now, 60_000 * MS)
        shown = snapshot if moment == now else model.past(snapshot, now - 1000 * MS, moment)
        for info in shown.requests:
            path = model.critical_path(info)
            assert path.total_ns == info.end_ns - info.start_ns
            assert all(part.total_ns > 0 for part in path.parts)
            ran = [part.total_ns for part in path.parts if part.own and part.kind == "ran"]
            assert sum(ran) == info.busy_ns  # nobody else stands for its own steps
