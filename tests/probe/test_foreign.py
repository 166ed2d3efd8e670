"""Loops whose iteration is not asyncio's: subclasses, and tools that patch it."""

import asyncio
import time

import pytest

from loopviz.clock import MS
from loopviz.probe import install
from loopviz.testing import VirtualLoop
from loopviz.wire.events import NUMBER, TASK_RETURNED, Kind
from tests.support.recording import Recording, coroutine_name


async def child():
    await asyncio.sleep(0.25)


def test_a_loop_with_an_iteration_of_its_own_is_seen_at_the_lesser_level(tmp_path, monkeypatch):
    """As some tools make it, by patching asyncio's class or a subclass."""

    class Loop(VirtualLoop):
        def _run_once(self):
            super()._run_once()

    def replaced(self):
        original(self)

    levels = {}
    for kind in (Loop, VirtualLoop):
        with kind() as loop:
            options = {"clock": loop.clock, "watchdog": False, "heartbeat_s": None}
            with install(loop, path=tmp_path / kind.__name__, **options) as probe:
                levels[kind.__name__] = probe.coverage
                loop.run(child())
    original = asyncio.BaseEventLoop._run_once
    monkeypatch.setattr(asyncio.BaseEventLoop, "_run_once", replaced)
    with VirtualLoop() as loop:
        options = {"clock": loop.clock, "watchdog": False, "heartbeat_s": None}
        with install(loop, path=tmp_path / "replaced", **options) as probe:
            levels["replaced"] = probe.coverage
            loop.run(child())
    assert levels == {"Loop": "steps", "VirtualLoop": "full", "replaced": "steps"}
    for name in ("Loop", "replaced"):
        seen = Recording(tmp_path / name)
        child_ = seen.start_of("child")
        assert [lasted for s, lasted in seen.durations() if s.task_id == child_.task_id] == [0, 0]


class Foreign(VirtualLoop):
    """A loop that runs its callbacks in a way of its own."""

    def _run_once(self):
        super()._run_once()


def test_a_foreign_loop_is_seen_at_a_lesser_level_and_says_so(tmp_path, here):
    lines = {}

    async def sleeps():
        lines["sleep"] = here() + 1
        await asyncio.sleep(0.25)
        time.sleep(0.03)
        return "slept"

    async def main():
        loop = asyncio.get_running_loop()
        options = {"clock": loop.clock, "watchdog": False, "heartbeat_s": 0.02}
        with install(path=tmp_path / "probe", **options) as probe:
            assert probe.coverage == "steps"
            assert await asyncio.create_task(sleeps(), name="sleeper") == "slept"
            await asyncio.sleep(0.1)
        assert loop.get_task_factory() is None
        return await asyncio.create_task(sleeps())

    with Foreign() as loop:
        assert loop.run(main()) == "slept"
    seen = Recording(tmp_path / "probe")
    assert [e.text for e in seen.aux if e.kind is Kind.COVERAGE] == ["steps"]
    start = seen.start_of("sleeps")
    assert seen.strings[start.a & NUMBER] == "sleeper"
    assert seen.outcomes()["sleeps"] == TASK_RETURNED
    (_, lasted), (second, ran) = [
        (switch, ns) for switch, ns in seen.durations() if switch.task_id == start.task_id
    ]
    assert (lasted, ran) == (0, 30 * MS)
    assert seen.strings[second.b].split("\t")[:3] == ["sleep", __file__, str(lines["sleep"])]
    assert len([e for e in seen.of(Kind.TIMER) if not e.b]) >= 3


def test_a_factory_that_the_app_sets_meanwhile_does_not_take_the_probes_place(tmp_path):
    """As aiomonitor does; to the app its own is what is there, also after the probe has left."""
    made = []

    def factory(loop, coro, **options):
        async def traced():
            return await coro

        made.append(coro.__name__)
        return asyncio.Task(traced(), loop=loop, **options)

    async def main():
        loop = asyncio.get_running_loop()
        with install(path=tmp_path / "probe", clock=loop.clock) as probe:
            assert probe.coverage == "steps"
            assert loop.get_task_factory() is None
            loop.set_task_factory(factory)
            assert loop.get_task_factory() is factory
            await asyncio.create_task(child())
            loop.set_task_factory(None)
            await asyncio.create_task(child())
            loop.set_task_factory(factory)
            with pytest.raises(TypeError):
                loop.set_task_factory(5)
        assert loop.get_task_factory() is factory
        assert "get_task_factory" not in vars(loop)

    loop = Foreign()
    loop.run(main())
    loop.close()
    assert made == ["child"]
    seen = Recording(tmp_path / "probe")
    assert [coroutine_name(e) for e in seen.of(Kind.TASK_START)].count("child") == 2
    assert seen.outcomes()["child"] == TASK_RETURNED
    assert len(seen.of(Kind.TASK_END)) == 2
    children = [e.task_id for e in seen.of(Kind.TASK_START) if coroutine_name(e) == "child"]
    steps = [switch.task_id for switch, _ in seen.durations()]
    assert [steps.count(number) for number in children] == [2, 2]
    assert [e.text for e in seen.aux if e.kind is Kind.HOOK_FAILED] == []


def test_what_a_class_of_tasks_does_with_callbacks_is_left_to_the_app(tmp_path):
    """Of a task that is older than the probe the end is seen by a callback: the app's class has
    none of the probe's."""

    class Counting(asyncio.Task):
        calls = 0

        def add_done_callback(self, *args, **options):
            self.calls += 1
            return super().add_done_callback(*args, **options)

    with Foreign() as loop:
        task = Counting(child(), loop=loop)
        options = {"clock": loop.clock, "watchdog": False, "heartbeat_s": None}
        with install(loop, path=tmp_path / "probe", **options):
            loop.run(task)
    assert task.calls == 1
    assert Recording(tmp_path / "probe").outcomes() == {"child": TASK_RETURNED}
