"""httpx against a real server, with two connections for six requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpcore
import httpx
import pytest
from recording import coroutine_name
from resource_tools import TOLD, failures, most_in_use, resources, story, whos

from loopviz.wire.events import NUMBER, SIDE_IN, Kind

KIND = "httpcore.pool"
pytestmark = pytest.mark.real


@asynccontextmanager
async def serving(seconds: float = 0.02) -> AsyncIterator[str]:
    """A server that takes its time and says 201."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(seconds)
                writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.sleep(0.01)


async def fetch(client, url):
    assert (await client.get(url)).text == "ok"


def test_six_requests_and_two_connections(really_watched, here):
    lines = []

    async def main():
        async with serving() as url:
            limits = httpx.Limits(max_connections=2)
            client, line = httpx.AsyncClient(limits=limits), here()
            lines.append(line)
            async with client:
                await asyncio.gather(*(fetch(client, url) for _ in range(6)))

    recording = really_watched(main)
    pools = {n: row for n, row in resources(recording).items() if row[0] == KIND}
    assert list(pools.values()) == [(KIND, "", 2, lines[0])]
    names = [name for name, _ in story(recording, KIND)]
    assert sorted(names) == ["ACQUIRED"] * 6 + ["RELEASED"] * 6 + ["WAIT"] * 4
    assert most_in_use(recording, KIND) == 2
    assert story(recording, KIND)[-1] == ("RELEASED", 0)
    for task in set(whos(recording, KIND, *TOLD)):
        (number,) = pools
        own = [e.kind.name for e in recording.of(*TOLD) if (e.who, e.a & NUMBER) == (task, number)]
        assert own in (["ACQUIRED", "RELEASED"], ["WAIT", "ACQUIRED", "RELEASED"])
    line = fetch.__code__.co_firstlineno + 1
    assert {e.text for e in recording.of(Kind.WAIT) if e.a == number} == {
        f"\t{__file__}\t{line}\tfetch"
    }
    calls = recording.of(Kind.CALL)
    assert [(e.a & NUMBER, e.text) for e in calls] == [(201, "127.0.0.1")] * 6
    assert {recording.strings[e.a >> 32] for e in calls} == {f"\t{__file__}\t{line}\tfetch"}
    assert not failures(recording)


def test_who_comes_late_may_be_first(really_watched):
    """A connection that is freed goes to whom httpcore's tasks happen to run first."""

    async def main():
        limits = httpx.Limits(max_connections=5)
        async with serving(0.05) as url, httpx.AsyncClient(limits=limits) as client:

            async def later(i):
                await asyncio.sleep(i / 200)
                await fetch(client, url)

            await asyncio.gather(*(later(i) for i in range(60)))

    recording = really_watched(main)
    (number,) = (n for n, row in resources(recording).items() if row[0] == KIND)
    taken = [e for e in recording.of(Kind.ACQUIRED) if e.a & NUMBER == number]
    assert len(taken) < 80, "hardly one is told that it had a connection, and lost it again"
    assert most_in_use(recording, KIND) == 5
    waited_for = {e.a & NUMBER for e in recording.of(Kind.WAIT)}
    kinds = {resources(recording)[n][0] for n in waited_for}
    assert kinds == {KIND, "asyncio.Event"}, "no locks of httpcore's connections"


def test_a_stream_keeps_its_connection_until_it_is_closed(really_watched):
    async def main():
        async with (
            serving() as url,
            httpx.AsyncClient() as client,
            client.stream("GET", url) as response,
        ):
            assert response.status_code == 201

    assert story(really_watched(main), KIND) == [("ACQUIRED", 1), ("RELEASED", 0)]


def test_the_pool_s_timeout_ends_the_wait(really_watched):
    async def main():
        timeout = httpx.Timeout(5, pool=0.02)
        limits = httpx.Limits(max_connections=1)
        async with (
            serving() as url,
            httpx.AsyncClient(limits=limits, timeout=timeout) as client,
            client.stream("GET", url),
        ):
            with pytest.raises(httpx.PoolTimeout):
                await client.get(url)

    recording = really_watched(main)
    assert story(recording, KIND) == [
        ("ACQUIRED", 1),
        ("WAIT", SIDE_IN),
        ("WAIT_OVER", SIDE_IN),
        ("RELEASED", 0),
    ]
    assert [e.a & NUMBER for e in recording.of(Kind.CALL)] == [201, 0]


def test_a_client_per_request_is_made_by_its_task(really_watched):
    async def handler(url):
        async with httpx.AsyncClient() as client:
            await client.get(url)

    async def main():
        async with serving() as url:
            for _ in range(2):
                await asyncio.create_task(handler(url))

    recording = really_watched(main)
    pools = [e for e in recording.of(Kind.RESOURCE) if e.text.startswith(KIND)]
    handlers = [e for e in recording.of(Kind.TASK_START) if coroutine_name(e) == "handler"]
    assert [e.who for e in pools] == [e.who for e in handlers]


def test_nothing_is_left_in_the_classes(loop, probe_of):
    owners = [httpcore.AsyncConnectionPool, httpx.AsyncClient]
    before = [dict(vars(owner)) for owner in owners]
    probe = probe_of(loop)
    assert [dict(vars(owner)) for owner in owners] != before
    probe.uninstall()
    assert [dict(vars(owner)) for owner in owners] == before
