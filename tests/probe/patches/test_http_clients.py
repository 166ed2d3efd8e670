"""httpx and httpx2 against a real server, with two connections for six requests."""

import asyncio
import importlib
import subprocess
import sys
from types import ModuleType

import anyio
import httpcore._synchronization
import pytest
from httpx2.websockets._api import AsyncWebSocketSession

from loopviz import name
from loopviz.probe.patches import _MODULES
from loopviz.probe.patches.patch import apply, undo
from loopviz.probe.recorder import current
from loopviz.wire.events import NUMBER, WAIT_PUT, Kind
from tests.probe.patches.recorded import (
    TOLD,
    assert_each_handler_made_one,
    assert_restores,
    failures,
    most_in_use,
    resources,
    story,
    whos,
)
from tests.probe.patches.servers import serving

KIND = "httpcore.pool"
CORES = {"httpx": "httpcore", "httpx2": "httpcore2"}
pytestmark = pytest.mark.real


@pytest.fixture(params=CORES)
def http(request):
    """httpx, then httpx2."""
    return importlib.import_module(request.param)


@pytest.fixture
def core(http):
    """The package of its connection pools."""
    return importlib.import_module(CORES[http.__name__])


async def fetch(client, url):
    assert (await client.get(url)).text == "ok"


def test_six_requests_and_two_connections(http, really_watched, here):
    lines = []

    async def main():
        async with serving() as url:
            limits = http.Limits(max_connections=2)
            client, line = http.AsyncClient(limits=limits), here()
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
        own = [
            e.kind.name for e in recording.of(*TOLD) if (e.task_id, e.a & NUMBER) == (task, number)
        ]
        assert own in (["ACQUIRED", "RELEASED"], ["WAIT", "ACQUIRED", "RELEASED"])
    line = fetch.__code__.co_firstlineno + 1
    assert {e.text for e in recording.of(Kind.WAIT) if e.a == number} == {
        f"\t{__file__}\t{line}\tfetch"
    }
    got = {
        recording.strings[e.a >> 32] for e in recording.of(Kind.ACQUIRED) if e.a & NUMBER == number
    }
    assert got == {f"\t{__file__}\t{line}\tfetch", ""}  # at once, or where its wait says
    calls = recording.of(Kind.HTTP_CALL)
    assert [(e.a & NUMBER, e.text) for e in calls] == [(201, "127.0.0.1")] * 6
    assert {recording.strings[e.a >> 32] for e in calls} == {f"\t{__file__}\t{line}\tfetch"}
    assert not failures(recording)


def test_nobody_waits_in_a_pool_that_has_room_for_all(http, really_watched):
    """All calls claim the one idle connection (httpcore); those that lose it make their own."""

    async def main():
        async with serving(0.02) as url, http.AsyncClient() as client:
            await fetch(client, url)
            await asyncio.gather(*(asyncio.create_task(fetch(client, url)) for _ in range(9)))

    recording = really_watched(main)
    (number,) = (n for n, row in resources(recording).items() if row[0] == KIND)
    told = [e for e in recording.of(*TOLD) if e.a & NUMBER == number]
    assert sorted(e.kind.name for e in told) == ["ACQUIRED"] * 10 + ["RELEASED"] * 10
    taken = [e.task_id for e in told if e.kind is Kind.ACQUIRED]
    assert len(set(taken)) == 10, "each in the task of its own call"
    assert most_in_use(recording, KIND) == 9


def test_who_comes_late_may_be_first(http, really_watched):
    """A connection that is freed goes to the task that happens to run first (httpcore)."""

    async def main():
        limits = http.Limits(max_connections=5)
        async with serving(0.05) as url, http.AsyncClient(limits=limits) as client:

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
    assert kinds == {KIND}, "no locks and events of httpcore's connections"


def test_a_stream_keeps_its_connection_until_it_is_closed(http, really_watched):
    async def main():
        async with (
            serving() as url,
            http.AsyncClient() as client,
            client.stream("GET", url) as response,
        ):
            assert response.status_code == 201

    assert story(really_watched(main), KIND) == [("ACQUIRED", 1), ("RELEASED", 0)]


def test_the_pool_s_timeout_ends_the_wait(http, really_watched):
    async def main():
        timeout = http.Timeout(5, pool=0.02)
        limits = http.Limits(max_connections=1)
        async with (
            serving() as url,
            http.AsyncClient(limits=limits, timeout=timeout) as client,
            client.stream("GET", url),
        ):
            with pytest.raises(http.PoolTimeout):
                await client.get(url)

    recording = really_watched(main)
    assert story(recording, KIND) == [
        ("ACQUIRED", 1),
        ("WAIT", WAIT_PUT),
        ("WAIT_OVER", WAIT_PUT),
        ("RELEASED", 0),
    ]
    assert [e.a & NUMBER for e in recording.of(Kind.HTTP_CALL)] == [201, 0]


def test_a_client_per_request_is_made_by_its_task(http, really_watched):
    async def handler(url):
        async with http.AsyncClient() as client:
            await client.get(url)

    async def main():
        async with serving() as url:
            for _ in range(2):
                await asyncio.create_task(handler(url))

    recording = really_watched(main)
    assert_each_handler_made_one(recording, KIND)


def test_nothing_is_left_in_the_classes(http, core, loop, probe_of):
    owners = [core.AsyncConnectionPool, http.AsyncClient]
    assert_restores(owners, lambda: probe_of(loop))


def test_a_client_may_be_named(http, really_watched):
    async def main():
        async with serving() as url, http.AsyncClient() as client:
            name(client, "prices")
            await fetch(client, url)

    rows = resources(really_watched(main)).values()
    assert [row[:2] for row in rows if row[0] == KIND] == [(KIND, "prices")]


def test_without_a_queue_a_call_waits_for_its_socket_only(http, really_watched):
    """To connect, to write, and to read."""

    async def main():
        async with serving() as url, http.AsyncClient() as client:
            await fetch(client, url)

    recording = really_watched(main)
    place = f"\t{__file__}\t{fetch.__code__.co_firstlineno + 1}\tfetch\t{http.__name__}"
    texts = [e.text for e in recording.of(Kind.STEP) if e.text.endswith(place)]
    assert len(texts) >= 2
    assert {text.removesuffix(place) for text in texts} == {"socket"}


@pytest.mark.parametrize("used", ["AsyncLock", "AsyncSemaphore"])
def test_the_locks_of_a_connection_are_not_the_app_s(core, really_watched, used):
    """HTTP/2 has a semaphore for its streams, too."""
    inside = importlib.import_module(f"{core.__name__}._synchronization")

    async def main():
        if used == "AsyncLock":
            async with inside.AsyncLock():
                await asyncio.sleep(0)
        else:
            semaphore = inside.AsyncSemaphore(1)
            await semaphore.acquire()
            await semaphore.release()
        async with anyio.Lock():  # the app's own
            pass

    recording = really_watched(main)
    assert [row[0] for row in resources(recording).values()] == ["anyio.Lock"]


class Frames:
    """A connection that says "ok" after a while, and then nothing."""

    def __init__(self):
        self.frames = [b"\x81\x02ok"]

    async def read(self, max_bytes, timeout=None):
        await asyncio.sleep(0.01 if self.frames else 60)
        return self.frames.pop()

    async def write(self, data, timeout=None):
        pass

    async def aclose(self):
        pass


def test_the_parts_of_a_web_socket_are_not_the_app_s(really_watched):
    """It reads in a task of its own, which hands over what has come through a stream."""

    async def receive(session):
        return await session.receive_text()

    async def main():
        async with AsyncWebSocketSession(Frames()) as session:
            assert await receive(session) == "ok"
            await session.send_text("to you, too")

    recording = really_watched(main)
    assert not resources(recording)
    place = f"\t{__file__}\t{receive.__code__.co_firstlineno + 1}\t{receive.__qualname__}\thttpx2"
    assert {e.text for e in recording.of(Kind.STEP) if e.text.endswith(place)} == {f"socket{place}"}
    assert not failures(recording)


def test_both_in_one_app(really_watched):
    both = [importlib.import_module(name) for name in CORES]

    async def main():
        async with serving() as url:
            for http in both:
                async with http.AsyncClient(limits=http.Limits(max_connections=1)) as client:
                    await asyncio.gather(fetch(client, url), fetch(client, url))

    recording = really_watched(main)
    pools = [number for number, row in resources(recording).items() if row[0] == KIND]
    stories = [
        [e.kind.name for e in recording.of(*TOLD) if e.a & NUMBER == number] for number in pools
    ]
    assert stories == [["ACQUIRED", "WAIT", "RELEASED", "ACQUIRED", "RELEASED"]] * 2
    assert len(recording.of(Kind.HTTP_CALL)) == 4
    assert not failures(recording)


PATCHED = """
import importlib, sys
from loopviz.probe.patches import unwatch, watch

def patched(function):
    depth = 0
    while "loopviz" in function.__code__.co_filename:
        function, depth = function.__wrapped__, depth + 1
    return depth
"""
ALONE = f"""{PATCHED}
there, absent = sys.argv[1:3], sys.argv[3:5]
sys.modules |= dict.fromkeys(absent)  # as if they were not installed
watch()
assert not set(there) & set(sys.modules), "the probe imported it"
http, core = map(importlib.import_module, there)
ours = [http.AsyncClient.send, core.AsyncConnectionPool.__init__]
assert [patched(function) for function in ours] == [1, 1]
unwatch()
assert not patched(http.AsyncClient.send)
"""
ALIAS = f"""{PATCHED}
import httpx2
httpx2.alias_httpx()
if sys.argv[1] == "before":
    import httpx._client, httpcore._async.connection_pool
watch()
import httpx._client, httpcore._async.connection_pool
assert httpx._client.AsyncClient is httpx2.AsyncClient
pool = httpcore.AsyncConnectionPool
ours = [httpx2.AsyncClient.send, pool._assign_requests_to_connections]
assert [patched(function) for function in ours] == [1, 1]
unwatch()
assert not patched(httpx2.AsyncClient.send)
"""


@pytest.mark.parametrize(("there", "absent"), [("httpx", "httpx2"), ("httpx2", "httpx")])
def test_one_without_the_other(there, absent):
    words = [there, CORES[there], absent, CORES[absent]]
    subprocess.run([sys.executable, "-c", ALONE, *words], check=True, timeout=60)


@pytest.mark.parametrize("imported", ["before", "after"])
def test_one_under_the_other_s_name_is_patched_once(imported):
    """httpx2 can make `import httpx` mean itself: then its modules have two names."""
    subprocess.run([sys.executable, "-c", ALIAS, imported], check=True, timeout=60)


class OtherPool:
    """Of a version that keeps its requests elsewhere."""

    _max_connections, _http2 = 2, False

    def _assign_requests_to_connections(self):
        return ["closing"]


class OtherClient:
    """Of a version whose requests and responses have other attributes."""

    async def send(self, request):
        return f"answer to {request}"


class OtherSession:
    """Of a version that needs no lock."""

    async def __aenter__(self):
        return "entered"

    async def __aexit__(self, *_):
        pass


@pytest.mark.parametrize("name", [name for name in _MODULES if name.startswith("http")])
def test_a_version_with_other_parts_blinds_nothing_else(name, really_watched):
    """The app gets what it asked for; the failure is reported once; the rest is seen as ever."""
    later = ModuleType(name)
    later.AsyncEvent = httpcore._synchronization.AsyncEvent
    others = {
        "AsyncConnectionPool": OtherPool,
        "AsyncClient": OtherClient,
        "AsyncWebSocketSession": OtherSession,
    }
    vars(later).update(others)
    OtherClient.send.__module__ = OtherPool._assign_requests_to_connections.__module__ = name
    patches = [p for p in _MODULES[name](later) if p.owner in others.values()]

    async def main():
        for pool in OtherPool(), OtherPool():
            for _ in range(2):
                assert pool._assign_requests_to_connections() == ["closing"]
                assert await OtherClient().send("it") == "answer to it"
                async with OtherSession() as entered:
                    assert entered == "entered"
        async with asyncio.Lock():
            current().http_call(204, "elsewhere")

    applied = apply(patches)
    try:
        recording = really_watched(main)
    finally:
        undo(applied)
    (said,) = failures(recording)
    assert said.startswith(f"{name}: AttributeError: ")
    assert [e.kind.name for e in recording.of(*TOLD)] == ["ACQUIRED", "RELEASED"]
    assert [e.a & NUMBER for e in recording.of(Kind.HTTP_CALL)] == [204]
