"""A tab of `loopviz serve`, as its page's script speaks; and a real one, in a headless Chromium."""

import asyncio
import base64
import itertools
import json
import re
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pyte

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

CATCH = """
Object.defineProperty(Object.prototype, "fitAddon", {configurable: true, set(value) {
  window.loopviz_tab = this;
  Object.defineProperty(this, "fitAddon", {value, writable: true, configurable: true});
}});
"""
"""The page keeps its terminal to itself; this is run before it, and gets hold of it."""

TEXT = """(() => {
  const buffer = window.loopviz_tab?.terminal?.buffer?.active;
  if (!buffer) return "";
  const lines = [...Array(buffer.length).keys()];
  return lines.map(i => buffer.getLine(i).translateToString()).join("\\n");
})()"""


class Tab:
    """A session over the websocket, an emulator behind it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, columns: int, lines: int):
        self.socket = socket
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)

    async def until(self, *texts: str, timeout_s: float = 20) -> str:
        """The screen's text, once all of these are on it."""
        async with asyncio.timeout(timeout_s):
            while not all(text in (shown := self.text()) for text in texts):
                await self._receive()
        return shown

    async def until_gone(self, text: str) -> None:
        async with asyncio.timeout(20):
            while text in self.text():
                await self._receive()

    async def _receive(self) -> None:
        message = await self.socket.receive()
        assert message.type == aiohttp.WSMsgType.BINARY, message
        self._stream.feed(message.data)

    def text(self) -> str:
        return "\n".join(self.screen.display)

    async def press(self, keys: str) -> None:
        await self.socket.send_json(["stdin", keys])


@asynccontextmanager
async def tab(url: str, columns: int = 80, lines: int = 24):
    """Load the page, and open the session that it names."""
    async with aiohttp.ClientSession() as client:
        async with client.get(url) as response:
            page = await response.text()
        found = re.search(r'data-session-websocket-url="([^"]+)"', page)
        size = f"?width={columns}&height={lines}"
        async with client.ws_connect(found[1] + size, max_msg_size=0) as socket:
            yield Tab(socket, columns, lines)


class Chromium:
    """A page in a browser, by its DevTools."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse):
        self._socket, self._numbers = socket, itertools.count(1)
        self.asked: list[str] = []
        """Addresses that the page wanted to load."""

    async def call(self, method: str, **params):
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = json.loads((await self._socket.receive()).data)
            if message.get("method") == "Network.requestWillBeSent":
                self.asked.append(message["params"]["request"]["url"])
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    async def open(self, url: str) -> None:
        await self.call("Page.enable")
        await self.call("Network.enable")
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=CATCH)
        await self.call("Page.navigate", url=url)

    async def text(self) -> str:
        """What its terminal shows."""
        return (await self.call("Runtime.evaluate", expression=TEXT))["result"].get("value", "")

    async def until(self, *texts: str, timeout_s: float = 30) -> str:
        shown = ""
        async with asyncio.timeout(timeout_s):
            while not all(text in shown for text in texts):
                await asyncio.sleep(0.1)
                shown = await self.text()
        return shown

    async def press(self, key: str) -> None:
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=key, key=key)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def focus(self) -> None:
        script = "document.querySelector('.xterm-helper-textarea').focus()"
        await self.call("Runtime.evaluate", expression=script)

    async def picture(self) -> bytes:
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


def browser_here() -> str | None:
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@asynccontextmanager
async def chromium(folder: Path, width: int = 1280, height: int = 800):
    """A headless browser with its profile in the folder, and one page."""
    process = subprocess.Popen(
        [
            browser_here(),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            f"--window-size={width},{height}",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession() as client:
            told = folder / "DevToolsActivePort"
            while not (told.exists() and told.read_text().count("\n") >= 1):
                await asyncio.sleep(0.05)
            port = told.read_text().split("\n")[0]
            async with client.get(f"http://127.0.0.1:{port}/json/list") as response:
                pages = await response.json()
        page = next(page for page in pages if page["type"] == "page")
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket,
        ):
            yield Chromium(socket)
    finally:
        process.terminate()
        process.wait(10)
