"""`loopviz serve`: the screen in a browser, spoken to as the page does, and in a real Chromium."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import aiohttp
import pytest

from loopviz.cli import serve
from loopviz.errors import UsageError
from loopviz.options import RunOptions
from loopviz.program.target import TargetWords
from tests.e2e.browser import browser_here, chromium, tab
from tests.support.waiting import wait_until

real = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

in_browser = [*real, pytest.mark.skipif(browser_here() is None, reason="no Chromium is here")]


@contextmanager
def served(*words):
    """The server and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loopviz", "serve", *words],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name != "NO_COLOR"},
    )
    try:
        line = process.stdout.readline()
        address = next((word for word in line.split() if word.startswith("http://")), None)
        assert address, line
        assert address.startswith("http://127.0.0.1:")
        yield process, address
    finally:
        process.terminate()
        process.wait(15)
        process.stdout.close()


@pytest.fixture
def server(runtime_folder):
    with served("block") as (process, address):
        yield process, address


def only_the_server(ours):
    return all(" serve " in f"{words} " for words in ours().values())


class TestByWebsocket:
    pytestmark = real

    def test_each_tab_has_a_run_of_its_own_until_q_or_its_end(self, server, ours):
        _, address = server

        def runs():
            return sum(" run " in words for words in ours().values())

        async def visit():
            async with tab(address) as one, tab(address, 100, 30) as two:
                await one.until("LIVE", " block ", "GET /ping", "LOOP", "now")
                await two.until("LIVE")
                await two.press("a")
                await two.until("[a to_thread]")
                assert "[a" not in await one.until("LIVE")
                assert runs() == 2
                await one.press("q")
                async with asyncio.timeout(8):
                    while not one.socket.closed:
                        await one.socket.receive()
                    while runs() > 1:
                        await asyncio.sleep(0.02)
                await two.press("a")
                await two.until_gone("[a")

        asyncio.run(visit())
        wait_until(lambda: only_the_server(ours), 8, "the end of the closed tab's run")

    def test_the_page_names_no_other_host_and_pages_of_others_are_turned_away(self, server, ours):
        _, address = server

        async def visit():
            async with aiohttp.ClientSession() as client:
                async with client.get(address) as response:
                    page = await response.text()
                hosts = set(re.findall(r"(?:\w+:)?//([\w.-]+)", page))
                assert hosts == {"127.0.0.1"}
                assert "loopviz block" in page
                own = {"Origin": "http://evil.example"}
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await client.ws_connect(f"{address}/ws", headers=own)
                assert refused.value.status == 403

        asyncio.run(visit())
        assert only_the_server(ours)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_nothing_outlives_the_server(self, server, ours, number):
        process, address = server

        async def visit():
            async with tab(address) as page:
                await page.until("LIVE")
                process.send_signal(number)
                async with asyncio.timeout(10):
                    while not page.socket.closed:
                        await page.socket.receive()

        asyncio.run(visit())
        wait_until(lambda: not ours(), 8, "the end of all processes")
        if number != signal.SIGKILL:
            assert process.wait(1) == 0


class TestInChromium:
    pytestmark = in_browser

    def test_the_live_timeline_shows_and_a_key_works(self, server, tmp_path):
        _, address = server

        async def visit():
            async with chromium(tmp_path / "profile") as page:
                await page.open(address)
                text = await page.until("LIVE", "block: frozen loop", "SLOW CALLBACK", "now")
                lane = next(line for line in text.split("\n") if line[1:5] == "LOOP")
                assert "!" in lane[5:]
                assert len(text.split("\n")[0]) >= 80
                await page.press("a")  # the page has given its terminal the focus
                await page.until("[a to_thread]")
                picture = await page.picture()
                assert picture.startswith(b"\x89PNG")
                await page.press("2")
                await page.until("[2 Tasks]")
                (tmp_path / "page.png").write_bytes(picture)
                own = (address, address.replace("http", "ws"), "data:")
                assert [url for url in page.asked if not url.startswith(own)] == []
                assert any("RobotoMono" in url for url in page.asked)

        asyncio.run(visit())


def test_the_extra_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    with pytest.raises(UsageError, match=r"pip install 'loopviz\[serve\]'"):
        serve.serve(TargetWords(target="block"), [])


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"Cannot bind port {port}"):
            serve.serve(TargetWords(target="block"), [], port=port)


def test_what_a_tab_could_only_fail_with_is_said_at_once():
    with pytest.raises(UsageError, match="no fix 'nonsense'"):
        serve.serve(TargetWords(target="block"), [], RunOptions(fixes=("nonsense",)))
