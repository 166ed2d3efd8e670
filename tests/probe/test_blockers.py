"""What a start or a shutdown waits for, read while the loop stands still in a callback."""

import asyncio
import threading

import pytest
import uvicorn

from loopviz.probe import blockers as module
from loopviz.probe.places import PLACES
from loopviz.wire.blocker import CONNECTION, LIFESPAN, REQUEST, RUNS, TASK, THREAD


def found(loop):
    return [
        (one.kind, one.name, one.place.rpartition("\t")[2].rpartition("<locals>.")[2], one.depth)
        for one in module.blockers(loop, threading.get_ident(), PLACES)
    ]


def look_while(waits, *, after_ms=5):
    """What is found while `waits()` runs as a program does, after some iterations."""
    seen = []

    async def main():
        loop = asyncio.get_running_loop()
        program = asyncio.ensure_future(waits())
        loop.call_later(after_ms / 1000, lambda: (seen.append(found(loop)), program.cancel()))
        await program

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    return seen[0]


async def consume():
    await asyncio.Event().wait()


def test_a_task_and_what_it_awaits():
    async def waits():
        await asyncio.create_task(consume())

    (_, *chain) = look_while(waits)
    assert chain == [(TASK, "waits", "waits", 1), (TASK, "consume", "consume", 2)]


def app_whose(startup):
    async def app(scope, receive, send):
        await receive()
        await startup()

    return app


def test_a_server_whose_app_does_not_start_waits_for_the_lifespan_s_line():
    config = uvicorn.Config(app_whose(consume), lifespan="on", log_config=None)
    config.load()
    (_, lifespan) = look_while(lambda: config.lifespan_class(config).startup())
    assert lifespan == (LIFESPAN, "", "consume", 1)


def server_with(*connections):
    server = uvicorn.Server(uvicorn.Config("app", log_config=None))
    server.servers = []
    server.server_state.connections.update(connections)
    return server


def test_a_server_that_ends_waits_for_its_requests_else_for_connections():
    server = server_with("kept open")

    async def waits():
        server.server_state.tasks.add(asyncio.create_task(consume()))
        await server._wait_tasks_to_complete()

    assert look_while(waits)[1:] == [(REQUEST, "consume", "consume", 1)]
    server = server_with("kept open")
    assert look_while(server._wait_tasks_to_complete)[1:] == [(CONNECTION, "", "", 1)]


def test_the_end_of_the_loop_waits_for_tasks_that_go_on_when_they_are_cancelled():
    seen = []

    async def stubborn():
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            loop.call_later(0.005, lambda: (seen.append(found(loop)), done.set()))
            await done.wait()

    async def main():
        asyncio.get_running_loop().create_task(stubborn()).add_done_callback(ended.append)
        await asyncio.sleep(0)

    done, ended = asyncio.Event(), []
    asyncio.run(main())
    assert seen == [[(TASK, "stubborn", "stubborn", 0)]]


def test_and_for_what_its_worker_threads_run():
    seen, go_on = [], threading.Event()

    def job():
        go_on.wait(20)

    async def main():
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, job)
        loop.call_later(0.02, lambda: (seen.append(found(loop)), go_on.set()))

    asyncio.run(main())
    ((kind, name, place, depth),) = seen[0]
    assert (kind, place, depth) == (THREAD, "job", 0)
    assert name.startswith("asyncio_")


def test_a_loop_that_is_blocked_waits_for_the_line_that_runs(monkeypatch, loop, probe_of):
    monkeypatch.setattr(module, "_BLOCKED_NS", -1)
    probe_of(loop)
    own = threading.get_ident()

    async def blocks():
        return module.blockers(loop, own, PLACES)

    ((kind, _, place, _),) = loop.run_until_complete(blocks())
    assert kind == RUNS
    assert place.endswith(
        "\ttest_a_loop_that_is_blocked_waits_for_the_line_that_runs.<locals>.blocks"
    )
