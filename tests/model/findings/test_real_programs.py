"""Programs with real threads, pools and clients on a real loop."""

import asyncio
import importlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from loopviz.probe import install
from tests.model.findings.server import Server, findings_of
from tests.support.recording import FEW

pytestmark = pytest.mark.real


@pytest.fixture(params=["httpx", "httpx2"])
def http(request):
    """The package that the clients are of."""
    return importlib.import_module(request.param)


@pytest.fixture
def real_findings(tmp_path):
    """Run `main(server)` on a real loop: what is found."""

    def run(main):
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            loop = runner.get_loop()
            probe = install(
                loop,
                path=tmp_path / "real",
                watchdog=False,
                heartbeat_s=None,
                capacity=FEW,
            )
            try:
                runner.run(main(Server(probe)))
            finally:
                probe.uninstall()
        return findings_of(probe.folder)

    return run


def test_threads_that_are_all_taken(real_findings):
    async def main(server):
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool:

            async def handler(_):
                await loop.run_in_executor(pool, nap)

            await server.load(handler, 20, 0.01)

    def nap():
        time.sleep(0.1)

    (seen,) = [f for f in real_findings(main) if f.rule == "thread-limiter-exhausted"]
    assert seen.count >= 14
    assert (seen.location.function.rpartition(".")[2], seen.location.file) == (
        "nap",
        Path(__file__).name,
    )
    assert seen.sentence.startswith("Both threads of ")


@pytest.mark.parametrize("early", [False, True])
def test_a_database_pool(real_findings, tmp_path, early):
    async def main(server):
        url = f"sqlite+aiosqlite:///{tmp_path / 'test.db'}"
        engine = create_async_engine(url, pool_size=2, max_overflow=0)

        async def handler(_):
            async with engine.connect() as connection:
                await connection.execute(text("select 1"))
                if not early:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(0.1)

        await server.load(handler, 20, 0.05 if early else 0.01)
        await engine.dispose()

    found = {f.rule: f for f in real_findings(main)}
    if early:
        assert "pool-exhausted" not in found
        return
    seen = found["pool-exhausted"]
    assert seen.count >= 14
    assert seen.source == "await asyncio.sleep(0.1)"
    assert "Both database connections of " in seen.sentence


@pytest.mark.parametrize("shared", [False, True])
def test_a_client_for_each_request(http, real_findings, shared):
    async def answer(_reader, writer):
        writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async def main(server):
        upstream = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
        common = http.AsyncClient()

        async def handler(_):
            if shared:
                for _ in range(4):
                    await common.get(url)
            else:
                async with http.AsyncClient() as client:
                    await client.get(url)

        await server.load(handler, 5, 0.01)
        await common.aclose()
        upstream.close()

    found = {f.rule: f for f in real_findings(main)}
    assert ("client-per-request" in found) is not shared
    assert ("retry-storm" in found) is shared
    if shared:
        assert found["retry-storm"].count == 15
        assert found["retry-storm"].source == "await common.get(url)"
    else:
        assert found["client-per-request"].count == 5
        assert found["client-per-request"].source == "async with http.AsyncClient() as client:"


def test_calls_one_after_the_other(http, real_findings):
    """A call is one wait, though the client waits for the head and for each part of the body."""

    async def answer(reader, writer):
        while await reader.readline() != b"\r\n":
            pass
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
        for part in (head, b"o", b"k"):
            await asyncio.sleep(0.03)
            writer.write(part)
        writer.close()

    async def main(server):
        upstream = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
        async with http.AsyncClient() as client:
            await client.get(url)  # the first of a process imports much

            async def handler(_):
                for _ in range(4):
                    await client.get(url)

            await server.load(handler, 8, 0.01)
        upstream.close()

    (seen,) = [f for f in real_findings(main) if f.rule == "sequential-awaits"]
    assert seen.source == "await client.get(url)"
    assert " waited 4 times in a row, " in seen.sentence
