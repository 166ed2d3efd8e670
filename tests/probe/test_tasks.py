"""Tasks as the probe sees them: where they come from, and what they are called."""

import asyncio
import sys

import pytest

from loopviz.probe import install
from loopviz.testing import VirtualLoop
from loopviz.wire.events import TASK_RETURNED, Kind
from tests.support.recording import Recording, coroutine_name


async def child():
    await asyncio.sleep(0)


def place(start):
    _, file, line, function = start.text.split("\t")
    return file, int(line), function


class Spawners:
    """Each spawns `child` on the line after `here()`, and returns that line."""

    @staticmethod
    async def create_task(here):
        line = here() + 1
        task = asyncio.create_task(child())
        await task
        return line

    @staticmethod
    async def loop_create_task(here):
        line = here() + 1
        task = asyncio.get_running_loop().create_task(child())
        await task
        return line

    @staticmethod
    async def ensure_future(here):
        line = here() + 1
        task = asyncio.ensure_future(child())
        await task
        return line

    @staticmethod
    async def gather(here):
        line = here() + 1
        await asyncio.gather(child())
        return line

    @staticmethod
    async def task_group(here):
        async with asyncio.TaskGroup() as group:
            line = here() + 1
            group.create_task(child())
        return line


SPAWNERS = [getattr(Spawners, name) for name in vars(Spawners) if not name.startswith("_")]


@pytest.mark.parametrize("spawner", SPAWNERS, ids=lambda spawner: spawner.__name__)
def test_where_a_task_was_spawned(watched, spawner, here):
    lines = []

    async def main():
        lines.append(await spawner(here))

    seen = watched(main())
    start = seen.start_of("child")
    assert start.a >> 32 == seen.start_of("main").task_id
    assert place(start) == (__file__, lines[0], spawner.__qualname__)


def test_wait_for_and_shield(watched, here):
    async def main():
        await asyncio.shield(child())
        await asyncio.wait_for(child(), 1)

    seen = watched(main())
    main_task = seen.start_of("main").task_id
    children = [e for e in seen.of(Kind.TASK_START) if e.text.startswith("child")]
    assert len(children) == (2 if sys.version_info < (3, 12) else 1)  # wait_for needs none since
    for start in children:
        assert start.a >> 32 == main_task
        assert place(start)[0] == __file__


def test_parents_over_three_generations(watched):
    async def grandchild():
        await child()

    async def parent():
        await asyncio.create_task(grandchild())

    async def main():
        await asyncio.gather(parent())

    seen = watched(main())
    chain = [seen.start_of(name) for name in ("main", "parent", "grandchild")]
    assert [start.a >> 32 for start in chain] == [0, chain[0].task_id, chain[1].task_id]


def test_what_is_made_between_two_runs_of_the_loop_has_no_parent(tmp_path):
    """As `asyncio.run` makes its own tasks after the main one."""
    others = []

    async def other():
        while True:
            await asyncio.sleep(0)

    async def main():
        loop.call_later(0, lambda: others.append(loop.create_task(other())))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    with VirtualLoop() as loop:
        probe = install(loop, path=tmp_path, clock=loop.clock, watchdog=False, heartbeat_s=None)
        loop.run_until_complete(main())  # its end stops the loop, and `other` runs once more
        loop.run_until_complete(child())
        probe.uninstall()
        others[0].cancel()
        loop.run_until_complete(asyncio.wait(others))
    parents = {
        coroutine_name(start): start.a >> 32 for start in Recording(tmp_path).of(Kind.TASK_START)
    }
    assert parents["child"] == 0


def library_function(source, name):
    """A function that counts as the standard library's."""
    space = {}
    exec(compile(source, asyncio.tasks.__file__, "exec"), space)
    return space[name]


def test_a_task_that_a_library_spawns_from_a_callback_has_no_user_line(watched, loop):
    """Its site is the coroutine's own: whoever called `asyncio.run` did not spawn it."""
    spawn = library_function("def spawn(loop, coro): loop.create_task(coro)", "spawn")

    async def main():
        loop.call_soon(spawn, loop, child())
        await asyncio.sleep(0.25)

    seen = watched(main())
    start = seen.start_of("child")
    assert place(start) == (__file__, child.__code__.co_firstlineno, "child")
    assert start.a >> 32 == 0


@pytest.mark.parametrize("spawn", [asyncio.create_task, None], ids=["create_task", "TaskGroup"])
def test_names(watched, loop, spawn):
    """A name that the user gave is kept, by whichever way; the default one is not."""

    async def main():
        if spawn:
            await asyncio.gather(spawn(child(), name="Käse"), spawn(child()))
        else:
            async with asyncio.TaskGroup() as group:
                group.create_task(child(), name="Käse")
                group.create_task(child())

    seen = watched(main())
    names = [e.a & 0xFFFFFFFF for e in seen.of(Kind.TASK_START) if "child" in e.text]
    assert [seen.strings[name] for name in names] == ["Käse", ""]


def test_loop_create_task_keeps_a_name(watched, loop):
    async def main():
        await loop.create_task(child(), name="fetch")

    seen = watched(main())
    assert seen.strings[seen.start_of("child").a & 0xFFFFFFFF] == "fetch"


def test_tasks_that_were_there_before(loop, probe_of, recording):
    """They are picked up at their next step, with the coroutine's line."""

    async def early():
        for _ in range(3):
            await asyncio.sleep(0.25)

    async def main():
        task = asyncio.create_task(early())
        await asyncio.sleep(0.125)
        probe = probe_of(loop)
        await task
        probe.uninstall()
        return probe

    seen = recording(loop.run(main()))
    start = seen.start_of("early")
    assert place(start) == (__file__, early.__code__.co_firstlineno, early.__qualname__)
    assert len(seen.steps(start.task_id)) == 3
    assert seen.outcomes()["early"] == TASK_RETURNED
    assert [e.task_id for e in seen.of(Kind.TASK_START)].count(start.task_id) == 1


def test_a_second_probe_says_again_who_the_tasks_are(loop, probe_of, recording):
    async def long_lived():
        for _ in range(8):
            await asyncio.sleep(0.25)

    async def main():
        task = asyncio.create_task(long_lived())
        probes = []
        for _ in range(2):
            probes.append(probe_of(loop))
            await asyncio.sleep(1)
            probes[-1].uninstall()
        await task
        return probes

    for probe in loop.run(main()):
        seen = recording(probe)
        assert seen.steps(seen.start_of("long_lived").task_id)


def test_task_factories_are_respected(watched, loop):
    made = []

    def factory(loop, coro, **options):
        task = asyncio.Task(coro, loop=loop, **options)
        made.append(task)
        return task

    loop.set_task_factory(factory)

    async def main():
        await asyncio.gather(child(), child())

    seen = watched(main())
    assert len(made) == 3
    assert sum("child" in e.text for e in seen.of(Kind.TASK_START)) == 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="since 3.12")
def test_eager_tasks(watched, loop):
    """One that never waits has no step of its own; one that does is seen from then on."""
    loop.set_task_factory(asyncio.eager_task_factory)

    async def at_once():
        return 1

    async def main():
        await asyncio.gather(at_once(), child())

    seen = watched(main())
    assert seen.outcomes() == dict.fromkeys(("main", "at_once", "child"), TASK_RETURNED)
    assert seen.steps(seen.start_of("at_once").task_id) == []
    assert seen.start_of("child").a >> 32 == seen.start_of("main").task_id


def test_context_variables_are_where_they_were(watched):
    from contextvars import ContextVar

    variable = ContextVar("variable", default=0)

    async def sets(value):
        variable.set(value)
        await asyncio.sleep(0)
        return variable.get()

    async def main():
        variable.set(7)
        seen = await asyncio.gather(sets(1), sets(2), asyncio.sleep(0, "x"))
        assert seen == [1, 2, "x"]
        assert variable.get() == 7
        asyncio.get_running_loop().call_soon(variable.set, 9)
        await asyncio.sleep(0)
        assert variable.get() == 7

    watched(main())


def test_generators_and_foreign_awaitables_as_tasks(watched):
    import collections.abc

    class Awaitable(collections.abc.Coroutine):
        def __await__(self):
            return iter(())

        def send(self, value):
            raise StopIteration("done")

        def throw(self, *args):
            raise args[0]

        def close(self):
            pass

    async def main():
        assert await asyncio.create_task(Awaitable()) == "done"

    seen = watched(main())
    assert seen.outcomes()["Awaitable"] == TASK_RETURNED


def test_two_loops_in_two_threads(tmp_path, recording):
    import threading

    from loopviz.probe import install
    from loopviz.testing import VirtualLoop

    probes = {}
    together = threading.Barrier(2)

    async def work(name):
        for _ in range(50):
            await asyncio.create_task(child(), name=name)

    def run(name):
        loop = VirtualLoop()
        probe = probes[name] = install(
            loop, path=tmp_path / name, clock=loop.clock, watchdog=False, heartbeat_s=None
        )
        together.wait()
        loop.run_until_complete(work(name))
        probe.uninstall()
        loop.close()

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    a, b = (recording(probes[name]) for name in "ab")
    for seen in (a, b):
        assert sum("child" in e.text for e in seen.of(Kind.TASK_START)) == 50
        assert len(seen.of(Kind.TASK_END)) == 51
    numbers = [{e.task_id for e in seen.of(Kind.TASK_START)} for seen in (a, b)]
    assert not numbers[0] & numbers[1]


@pytest.mark.parametrize("kind", ["asyncio", "anyio"])
def test_a_task_of_a_group_has_the_groups_owner_as_its_parent(watched, kind):
    """Whoever spawned it there does not wait for it; the owner does."""
    import anyio

    async def spawns(group):
        if kind == "asyncio":
            group.create_task(child())
        else:
            group.start_soon(child)

    async def main():
        make = asyncio.TaskGroup if kind == "asyncio" else anyio.create_task_group
        async with make() as group:
            await asyncio.create_task(spawns(group))

    seen = watched(main())
    owner = seen.start_of("main").task_id
    spawner, in_group = (e for e in seen.of(Kind.TASK_START) if e.task_id > owner)
    assert coroutine_name(spawner) == "spawns"
    assert spawner.a >> 32 == in_group.a >> 32 == owner


def test_what_ends_a_generator_is_asyncios_own(watched):
    async def numbers():
        yield 1

    async def main():
        async for _ in numbers():
            break
        await asyncio.sleep(0.1)

    seen = watched(main())
    (site,) = {e.text for e in seen.of(Kind.CALLBACK) if "create_task" in e.text}
    name, file, _, function = site.split("\t")
    assert name == function == "BaseEventLoop.create_task"
    assert file == asyncio.base_events.__file__


def test_the_class_of_tasks_may_be_replaced(watched, monkeypatch):
    """As nest_asyncio does: asyncio's own `create_task` looks it up each time."""

    class Own(asyncio.Task):
        pass

    async def main():
        monkeypatch.setattr(asyncio.tasks, "Task", Own)
        task = asyncio.create_task(child())
        monkeypatch.undo()
        await task
        kinds.append(type(task))

    kinds = []
    watched(main())
    assert kinds == [Own]
