"""The upstream server: what it answers, when it refuses, and that it ends."""

import asyncio
import os
import signal
import subprocess
import sys

import httpx
import pytest

from loopviz.errors import TargetError
from loopviz.parts.upstream import upstream
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real

NO_LIMIT = httpx.Limits(max_connections=None)
STARTER = """
import asyncio
from loopviz.parts.upstream import upstream
async def main():
    async with upstream() as url:
        print(url, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


def asking(*paths, **options):
    """The status of each path, asked for at once; and the URL, after the server's end."""

    async def main():
        async with (
            upstream(**options) as url,
            httpx.AsyncClient(base_url=url, limits=NO_LIMIT, timeout=30) as client,
        ):
            responses = await asyncio.gather(*(client.get(path) for path in paths))
        return [response.status_code for response in responses], url

    return asyncio.run(main())


def is_up(url):
    try:
        httpx.get(url, verify=False)
    except (httpx.NetworkError, httpx.RemoteProtocolError):
        return False
    return True


def test_it_answers_and_is_gone_afterwards():
    statuses, url = asking("/", "/price/3?currency=eur", delay_s=0.01)
    assert statuses == [200, 200]
    assert not is_up(url)


def test_a_request_may_say_what_it_wants():
    assert asking("/?status=500&delay_ms=0", "/?status=404", delay_s=0.01)[0] == [500, 404]


def test_it_takes_its_time():
    async def main():
        async with upstream(delay_s=60) as url, httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/?delay_ms=1")).status_code == 200
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/", timeout=0.2)

    asyncio.run(main())


def test_it_serves_some_queues_some_and_refuses_the_rest():
    statuses, _ = asking(*["/"] * 10, delay_s=0.3, at_once=2, queue=3)
    assert sorted(statuses) == [200] * 5 + [503] * 5


def test_those_that_left_still_keep_it_busy():
    async def main():
        async with (
            upstream(delay_s=60, at_once=1, queue=0) as url,
            httpx.AsyncClient(base_url=url) as client,
        ):
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/", timeout=0.2)
            return (await client.get("/")).status_code

    assert asyncio.run(main()) == 503


def test_what_did_not_start_is_told(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")

    async def main():
        async with upstream():
            pass

    with pytest.raises(TargetError, match="ended before it was up"):
        asyncio.run(main())


def test_it_ends_with_whoever_started_it():
    parent = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True)
    with parent:
        url = parent.stdout.readline().strip()
        assert is_up(url)
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not is_up(url), what="the end of the upstream server")
