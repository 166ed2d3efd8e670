"""Who waits for whom: what stands below what, what is folded, and where circles are cut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot.build_wait_tree import MOST_NODES, MOST_TASKS
from loopviz.testing import Story
from loopviz.wire.awaiting import Awaiting
from loopviz.wire.events import WAIT_GET
from tests.model.findings.stories import HOLDS, WAITS, fed, request

LOCK, OTHER, POOL, EVENT, QUEUE, THREADS = 1, 2, 3, 4, 5, 6
SPAWNED = "fetch\t/app/api.py\t30\torder"
SOCKET = "socket\t/app/db.py\t33\tquery"
GATHER = "task\t/app/api.py\t40\torder"


def begin():
    story = Story().idle(MS)
    story.resource(LOCK, "asyncio.Lock", 1, name="lock")
    story.resource(OTHER, "asyncio.Lock", 1, name="other")
    story.resource(POOL, "asyncio.Semaphore", 2, name="pool")
    story.resource(EVENT, "asyncio.Event", name="done", made_at="/app/api.py\t3\t")
    story.resource(QUEUE, "asyncio.Queue", 1, name="jobs")
    return story.resource(THREADS, "ThreadPoolExecutor", 1, name="threads")


def child(story, task, parent=0):
    """A task that has run once."""
    return story.task(task, SPAWNED, parent=parent).step(task, MS)


def tree(story, *awaits):
    """Of the story's end; what tasks await was read then."""
    model = fed(story.selects())
    model.rules.add_awaits(awaits, story.now_ns)
    return model.wait_tree(story.now_ns)


def outline(found):
    """Each node as `  role label ×count: how what`, indented by its depth."""

    def line(node):
        count = f" ×{node.count}" if node.count > 1 else ""
        of = f" of {node.of}" if node.of else ""
        cut = f" ({node.cut})" if node.cut else ""
        label = node.label or "?"
        what = f"{node.how} {node.what}".strip()
        return f"{'  ' * node.depth}{node.role} {label}{count}: {what}{of}{cut}".replace(
            " : ", ": "
        )

    return [line(node) for node in found.nodes]


def awaits(task, *tasks, through="gather", place=GATHER, any_of=False):
    return Awaiting(task, place, tasks, any_of, through if tasks else "")


def at_socket(task):
    return awaits(task, place=SOCKET)


def test_a_task_stands_above_what_it_gathers_and_what_these_await():
    story = request(begin(), 1)
    for task in (2, 3):
        child(story, task, 1)
    child(story, 4, 3)
    found = tree(
        story,
        awaits(1, 2, 3),
        awaits(2, place="sleep\t/app/api.py\t31\tfetch"),
        awaits(3, 4, through="TaskGroup"),
        at_socket(4),
    )
    assert outline(found) == [
        " GET /a: gather of 2",
        "  awaited fetch: await sleep",
        "  awaited fetch: TaskGroup of 1",
        "    awaited fetch: await socket",
    ]
    assert [node.location.line for node in found.nodes] == [40, 31, 40, 33]
    assert found.rest == 0


def test_a_lock_stands_above_its_holder_and_what_that_awaits():
    story = request(begin(), 1).acquires(1, LOCK, place=HOLDS).idle(MS)
    for task in range(2, 60):
        request(story, task).waits_for(task, LOCK, place=WAITS).idle(MS)
    found = tree(story, at_socket(1))
    assert outline(found) == [
        " GET /a ×58: resource lock",
        "  holder GET /a: await socket",
    ]
    convoy, holder = found.nodes
    assert (convoy.in_use, convoy.capacity, convoy.task, holder.task) == (1, 1, 2, 1)
    assert convoy.since_ns == story.now_ns - 58 * MS  # of the oldest
    assert (convoy.key[0], holder.key) == ("fold", ("task", 1))


def test_two_locks_in_opposite_order_are_a_circle_which_is_cut():
    story = request(begin(), 1).acquires(1, LOCK).waits_for(1, OTHER, place=WAITS).idle(MS)
    request(story, 2).acquires(2, OTHER)
    story.waits_for(2, LOCK, place=WAITS).idle(2 * SECOND)
    found = tree(story)
    assert outline(found) == [
        " GET /a: resource other",
        "  holder GET /a: resource lock",
        "    holder GET /a: resource other (circle)",
    ]
    assert all(node.deadlock for node in found.nodes)
    assert [node.task for node in found.nodes] == [1, 2, 1]


def test_a_circle_is_no_deadlock_before_it_has_stood_a_second():
    story = request(begin(), 1).acquires(1, LOCK).waits_for(1, LOCK, place=WAITS).idle(MS)
    found = tree(story)
    assert outline(found) == [
        " GET /a: resource lock",
        "  holder GET /a: resource lock (circle)",
    ]
    assert not any(node.deadlock for node in found.nodes)


def test_holders_that_all_wait_for_the_same_pool_are_one_circle():
    story = begin()
    for task in (1, 2):
        request(story, task).acquires(task, POOL, task).waits_for(task, POOL).idle(MS)
    found = tree(story.idle(2 * SECOND))
    assert outline(found) == [
        " GET /a ×2: resource pool",
        "  holder GET /a ×2: resource pool (circle)",
    ]


def test_equal_branches_are_folded_with_what_is_below_them():
    story, read = begin(), []
    for parent in (10, 20, 30):
        request(story, parent).idle(MS)
        for task in (parent + 1, parent + 2):
            child(story, task, parent)
            read.append(at_socket(task))
        read.append(awaits(parent, parent + 1, parent + 2))
    found = tree(story, *read)
    assert outline(found) == [
        " GET /a ×3: gather of 2",
        "  awaited fetch ×2: await socket",
    ]


def test_another_line_is_another_branch():
    story = child(child(begin(), 1), 2)
    found = tree(story, at_socket(1), awaits(2, place=SOCKET.replace("33", "34")))
    assert outline(found) == [" fetch: await socket", " fetch: await socket"]


def test_what_several_wait_for_stands_in_full_once():
    story = request(begin(), 1).acquires(1, LOCK)
    request(story, 2).waits_for(2, LOCK, place=WAITS).idle(MS)
    request(story, 3).waits_for(3, LOCK, place=HOLDS).idle(MS)
    found = tree(story, at_socket(1))
    assert outline(found) == [
        " GET /a: resource lock",
        "  holder GET /a: await socket",
        " GET /a: resource lock (above)",
    ]


def test_an_awaited_task_that_holds_a_lock_has_one_node_in_full():
    story = child(request(begin(), 1), 2, 1).acquires(2, LOCK)
    request(story, 3).waits_for(3, LOCK, place=WAITS).idle(MS)
    found = tree(story, awaits(1, 2, through="task"), at_socket(2))
    full = [node for node in found.nodes if node.task == 2 and not node.cut]
    assert len(full) == 1
    assert sorted(line.strip() for line in outline(found) if "fetch" in line) == [
        "awaited fetch: await socket",
        "holder fetch: await socket (above)",
    ]


def test_nobody_is_known_who_could_set_an_event():
    story = request(begin(), 1).waits_for(1, EVENT, place=WAITS).idle(MS)
    assert outline(tree(story)) == [" GET /a: resource done"]


def test_a_lock_whose_holder_has_ended_says_so():
    story = request(begin(), 1).acquires(1, LOCK).end(1).idle(MS)
    request(story, 2).waits_for(2, LOCK, place=WAITS).idle(MS)
    assert outline(tree(story)) == [
        " GET /a: resource lock",
        "  holder GET /a: ended",
    ]


def test_a_unit_of_an_unknown_holder():
    story = request(begin().acquires(0, LOCK), 1).waits_for(1, LOCK, place=WAITS).idle(MS)
    assert outline(tree(story)) == [" GET /a: resource lock", "  unknown ?: unknown"]


def test_a_full_queue_stands_above_the_task_that_took_last():
    story = child(begin(), 1).queue_size(QUEUE, 1).queue_size(QUEUE, 0, by=1)
    story.queue_size(QUEUE, 1).idle(MS)
    request(story, 2).waits_for(2, QUEUE, place=WAITS).idle(MS)
    assert outline(tree(story, at_socket(1))) == [
        " GET /a: resource jobs",
        "  taker fetch: await socket",
    ]


def test_an_idle_consumer_waits_for_nobody():
    story = child(begin(), 1).waits_for(1, QUEUE, place=WAITS, direction=WAIT_GET).idle(MS)
    assert outline(tree(story)) == [" fetch: take jobs"]


def test_a_queued_job_stands_above_the_jobs_that_run():
    story = request(begin(), 1).job(1, THREADS, "resize\t/app/i.py\t3\t", by=1)
    story.job_starts(1, THREADS).idle(MS)
    request(story, 2).job(2, THREADS, "resize\t/app/i.py\t3\t", by=2).idle(MS)
    assert outline(tree(story)) == [
        " GET /a: queued threads of 1",
        "  worker GET /a: job resize of 1",
    ]


def test_what_a_task_awaited_before_its_last_step_is_not_said():
    model = fed(story := child(begin(), 1).idle(MS))
    model.rules.add_awaits([at_socket(1)], story.now_ns)
    assert outline(model.wait_tree(story.now_ns)) == [" fetch: await socket"]
    story.step(1, MS).idle(MS).feed(model)
    assert outline(model.wait_tree(story.now_ns)) == [" fetch: unread"]


def test_the_step_that_runs_and_the_task_that_has_not_started():
    story = child(begin(), 1).idle(MS).task(2, SPAWNED).step(1)
    model = fed(story)
    assert outline(model.wait_tree(story.now_ns)) == [" fetch: runs", " fetch: ready"]


def test_keys_stay_while_others_come_and_go():
    def convoy(tasks):
        story = request(begin(), 1).acquires(1, LOCK)
        for task in tasks:
            request(story, task).waits_for(task, LOCK, place=WAITS).idle(MS)
        return tree(story).nodes[0].key

    assert convoy(range(2, 9)) == convoy(range(5, 12))


def test_a_tree_is_bounded():
    story, count = begin(), MOST_TASKS + 100
    for task in range(1, count + 1):
        story.task(task, f"f{task}\t/app/api.py\t{task}\torder")
    found = tree(story)
    assert len(found.nodes) == MOST_NODES
    assert (found.live, found.rest) == (count, count - MOST_NODES)


def test_a_deep_chain_is_continued_at_the_root():
    story, read = begin(), []
    for task in range(1, 101):
        child(story, task)
        read.append(awaits(task, task + 1, through="task"))
    found = tree(story, *read[:-1])
    assert {node.task for node in found.nodes} == set(range(1, 101))
    assert max(node.depth for node in found.nodes) < 40


LEAVES = st.sampled_from(["sleep", "socket", "future"])


@st.composite
def graphs(draw):
    """A story with random holders and waiters, and random awaits, circles included."""
    story, count = begin(), draw(st.integers(1, 12))
    held = {LOCK: 0, OTHER: 0, POOL: 0}
    for task in range(1, count + 1):
        (request if draw(st.booleans()) else child)(story, task)
        for resource in draw(st.sets(st.sampled_from(sorted(held)))):
            if held[resource] < (2 if resource == POOL else 1):
                held[resource] += 1
                story.acquires(task, resource, held[resource])
        if draw(st.booleans()):
            wanted = draw(st.sampled_from([LOCK, OTHER, POOL, EVENT]))
            story.waits_for(task, wanted, place=WAITS)
        if draw(st.integers(0, 9)) == 0:
            story.end(task)
        story.idle(MS)
    read = []
    for task in range(1, count + 1):
        others = draw(st.sets(st.integers(1, count), max_size=3))
        place = f"{draw(LEAVES)}\t/app/api.py\t{draw(st.integers(1, 2))}\tf"
        through = draw(st.sampled_from(["task", "gather", "wait"]))
        if draw(st.booleans()):
            read.append(awaits(task, *others, through=through, place=place))
    return story.idle(draw(st.sampled_from([MS, 2 * SECOND]))), read


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_every_task_has_a_node_or_is_counted_in_one(made):
    story, read = made
    model = fed(story.selects())
    model.rules.add_awaits(read, story.now_ns)
    found = model.wait_tree(story.now_ns)
    live = set(model.trace.tasks.live)
    full = [node for node in found.nodes if node.key[0] != "again" and node.how != "ended"]
    alone = {node.task for node in full if node.count == 1}
    assert len({node.key for node in found.nodes}) == len(found.nodes) <= MOST_NODES
    assert len(alone) == sum(node.count == 1 for node in full)  # none twice
    assert alone <= live
    assert found.rest == 0
    assert counted(found.nodes) >= len(live)
    for node, after in zip(found.nodes, found.nodes[1:], strict=False):
        assert after.depth <= node.depth + 1
        assert node.parent == (after.depth > node.depth)
        assert not (node.cut and node.parent)
    assert found == model.wait_tree(story.now_ns)


def counted(nodes):
    """How many tasks the nodes stand for; those below a fold are there for each of its tasks."""
    total, times = 0, []
    for node in nodes:
        del times[node.depth :]
        here = node.count * (times[-1] if times and node.role == "awaited" else 1)
        times.append(here)
        if node.key[0] != "again" and node.how != "ended":
            total += here
    return total


def threaded():
    """A request whose job waits in its thread for a unit that another request's job took."""
    story = begin()
    for task in (1, 2):
        request(story, task).job(task, THREADS, "resize\t/app/i.py\t3\t", by=task)
        story.job_starts(task, THREADS).idle(MS)
    return story.job_acquires(1, LOCK).job_waits_for(2, LOCK).idle(MS)


def test_a_job_waits_in_its_thread_for_the_job_of_another_task():
    found = tree(threaded())
    assert outline(found) == [
        " GET /a: resource lock of 1",
        "  holder GET /a: job resize of 1",
    ]


def test_a_job_whose_task_has_ended_still_holds_its_unit():
    story = threaded().step(1).end(1).idle(MS)
    assert outline(tree(story))[1] == "  holder GET /a: job resize of 1"
    assert outline(tree(threaded().step(1).end(1).job_ends(1, THREADS).idle(MS)))[1] == (
        "  holder GET /a: ended"
    )
