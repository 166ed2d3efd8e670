"""aiohttp's client against a real server."""

import asyncio

import aiohttp
import pytest

from loopviz import name
from loopviz.wire.events import NUMBER, Kind
from tests.probe.patches.recorded import (
    TOLD,
    assert_each_handler_made_one,
    assert_restores,
    failures,
    resources,
    story,
)
from tests.probe.patches.servers import serving

KIND = "aiohttp.connector"
pytestmark = pytest.mark.real


async def fetch(session, url):
    async with session.get(url) as response:
        assert await response.text() == "ok"


def by_name(recording):
    """The stories of the connectors, and of their hosts."""
    return {
        row[1]: [e.kind.name for e in recording.of(*TOLD) if e.a & NUMBER == number]
        for number, row in resources(recording).items()
        if row[0] == KIND
    }


def test_six_requests_and_two_connections(really_watched, here):
    lines = []

    async def main():
        async with serving() as url:
            connector, line = aiohttp.TCPConnector(limit=2), here()
            lines.append(line)
            async with aiohttp.ClientSession(connector=connector) as session:
                await asyncio.gather(*(fetch(session, url) for _ in range(6)))

    recording = really_watched(main)
    assert list(resources(recording).values()) == [(KIND, "", 2, lines[0])]
    told = story(recording, KIND)
    assert sorted(name for name, _ in told) == ["ACQUIRED"] * 6 + ["RELEASED"] * 6 + ["WAIT"] * 4
    assert max(units for name, units in told if name == "ACQUIRED") == 2
    assert told[-1] == ("RELEASED", 0)
    for task in {e.task_id for e in recording.of(*TOLD)}:
        own = [e.kind.name for e in recording.of(*TOLD) if e.task_id == task]
        assert own in (["ACQUIRED", "RELEASED"], ["WAIT", "ACQUIRED", "RELEASED"])
    place = f"\t{__file__}\t{fetch.__code__.co_firstlineno + 1}\tfetch"
    assert {e.text for e in recording.of(Kind.WAIT)} == {place}
    free = [e for e in recording.of(Kind.ACQUIRED) if e.a >> 32]
    assert [recording.strings[e.a >> 32] for e in free] == [place] * 2
    calls = recording.of(Kind.HTTP_CALL)
    assert [(e.a & NUMBER, e.text, recording.strings[e.a >> 32]) for e in calls] == [
        (201, "127.0.0.1", place)
    ] * 6
    assert not failures(recording)


def test_the_bound_for_each_host_is_a_resource_of_its_own(really_watched):
    async def main():
        connector = aiohttp.TCPConnector(limit=5, limit_per_host=1)
        async with (
            serving() as url,
            serving() as other,
            aiohttp.ClientSession(connector=connector) as session,
        ):
            name(session, "prices")
            await asyncio.gather(*(fetch(session, at) for at in (url, url, other)))

    recording = really_watched(main)
    total, *hosts = by_name(recording).items()
    assert (total[0], sorted(total[1])) == ("prices", ["ACQUIRED"] * 3 + ["RELEASED"] * 3)
    assert sorted(told for _, told in hosts) == [
        ["ACQUIRED", "RELEASED"],
        ["ACQUIRED", "WAIT", "RELEASED", "ACQUIRED", "RELEASED"],
    ]
    assert {of.partition(":")[0] for of, _ in hosts} == {"prices 127.0.0.1"}
    assert not failures(recording)


def test_a_connection_that_cannot_be_opened_and_a_wait_that_is_given_up(really_watched):
    async def main():
        connector = aiohttp.TCPConnector(limit=1)
        async with serving() as url, aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await fetch(session, "http://127.0.0.1:1")
            first = asyncio.create_task(fetch(session, url))
            await asyncio.sleep(0)
            with pytest.raises(aiohttp.ConnectionTimeoutError):
                await session.get(url, timeout=aiohttp.ClientTimeout(connect=0.005))
            await first

    recording = really_watched(main)
    assert [name for name, _ in story(recording, KIND)] == [
        "ACQUIRED",
        "RELEASED",
        "ACQUIRED",
        "WAIT",
        "WAIT_OVER",
        "RELEASED",
    ]
    assert sorted(e.a & NUMBER for e in recording.of(Kind.HTTP_CALL)) == [0, 0, 201]
    assert not failures(recording)


def test_a_closed_session_has_no_connections(really_watched):
    async def main():
        async with serving() as url:
            session = aiohttp.ClientSession()
            response = await session.get(url)
            await session.close()
            response.close()

    assert story(really_watched(main), KIND) == [("ACQUIRED", 1), ("RELEASED", 0)]


def test_a_session_for_each_request_is_made_by_its_task(really_watched):
    async def handler(url):
        async with aiohttp.ClientSession() as session:
            await fetch(session, url)

    async def main():
        async with serving() as url:
            for _ in range(2):
                await asyncio.create_task(handler(url))

    recording = really_watched(main)
    assert_each_handler_made_one(recording, KIND)


def test_nothing_is_left_in_the_classes(loop, probe_of):
    owners = [aiohttp.BaseConnector, aiohttp.ClientSession]
    assert_restores(owners, lambda: probe_of(loop))
