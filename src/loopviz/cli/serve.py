"""Serves the screen to browsers: textual-serve on 127.0.0.1, a `loopviz run` for each tab."""

import asyncio
import logging
import os
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from loopviz.cli import config
from loopviz.errors import UsageError
from loopviz.lab.catalogue import check_fixes, find
from loopviz.options import RunOptions
from loopviz.output import clean
from loopviz.program import Program
from loopviz.program.target import TargetWords, resolve

__all__ = ["display_words", "serve"]

HOST = "127.0.0.1"
PAGE = Path(__file__).with_name("page")
"""The page's template; unlike textual-serve's own it loads nothing from other hosts."""

ENDING_S = 5.0
"""How long the tabs' runs may take to end."""


def serve(
    target: TargetWords,
    words: Sequence[str],
    options: RunOptions = RunOptions(),
    *,
    port: int = 0,
) -> None:
    """Serve until Ctrl-C or SIGTERM; each tab gets a `loopviz run TARGET WORDS…` of its own.

    `options` are those that the words stand for. Raises UsageError for an unknown target or fix,
    a bad configuration file, a port that is taken, and if textual-serve is not installed.
    """
    found = resolve(target, options)
    if isinstance(found, str):
        check_fixes(find(found, options.folders), options.fixes)
    config.load()
    name = found if isinstance(found, str) else found.id
    _server(name, [*words, *_words(target, found)], _free(port)).serve()


def display_words(
    ascii_only: bool | None, theme: str | None, fps: int | None, present: bool | None
) -> list[str]:
    """How the screen looks, as `loopviz run` takes it."""
    words = [f"--theme={theme}"] if theme else []
    words += [f"--fps={fps}"] if fps else []
    words += [] if ascii_only is None else ["--ascii" if ascii_only else "--no-ascii"]
    return words + ([] if present is None else ["--present" if present else "--no-present"])


def _words(target: TargetWords, found: str | Program) -> list[str]:
    """The target as `loopviz run` takes it; an app of one's own gets a free port in each tab."""
    words = [f"--load={one}" for one in target.load or ()]
    words += [f"--header={one}" for one in target.headers]
    words += [f"--body={target.body}"] if target.body else []
    words += [f"--python={target.python}"] if target.python else []
    is_app = isinstance(found, Program) and found.serves and target.target is not None
    words += ["--port=0"] if is_app else []
    words += [target.target] if target.target is not None else []
    words += target.rest
    return words if target.command is None else [*words, "--", *target.command]


def _free(port: int) -> int:
    """The port, or any free one for 0."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise UsageError(f"Cannot bind port {port} ({why}): choose another --port.") from error
        return int(sock.getsockname()[1])


def _server(target: str, words: Sequence[str], port: int) -> Any:
    try:
        from aiohttp import web  # noqa: PLC0415 - an extra
        from textual_serve.server import Server  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            "loopviz serve needs textual-serve, which is not installed: "
            "`pip install 'loopviz[serve]'` brings it."
        ) from error

    class Tabs(Server):
        """Writes no log, serves this machine's pages only, and ends its tabs when it ends."""

        tabs: ClassVar[set[asyncio.Task[Any]]] = set()

        async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
            """As textual-serve's, but refuse other sites' pages: they may not start programs."""
            origin = request.headers.get("Origin", self.public_url)
            if urlsplit(origin).netloc not in (f"{HOST}:{port}", f"localhost:{port}"):
                raise web.HTTPForbidden
            task = asyncio.current_task()
            assert task is not None
            self.tabs.add(task)
            try:
                return await super().handle_websocket(request)
            finally:
                self.tabs.discard(task)

        async def on_shutdown(self, app: web.Application) -> None:  # noqa: ARG002
            for task in self.tabs:
                task.cancel()
            if self.tabs:
                await asyncio.wait(self.tabs, timeout=ENDING_S)

        async def on_startup(self, app: web.Application) -> None:  # noqa: ARG002
            self.announcement = asyncio.create_task(_announce(target, self.public_url, port))

        def initialize_logging(self) -> None:
            logging.basicConfig(level=logging.WARNING, format="%(message)s")

    # a shell gets it: with `exec` the program takes the shell's place, and so our signals
    words = [sys.executable, "-P", "-m", "loopviz", "run", *words]
    command = f"exec {shlex.join(words)}"
    title = f"loopviz {target}"
    return Tabs(command, host=HOST, port=port, title=title, templates_path=PAGE)


async def _announce(target: str, url: str, port: int) -> None:
    """Print the address as soon as it can be opened."""
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            break
    sys.stdout.write(f"loopviz {clean(target)}: {url} (Ctrl-C ends it)\n")
    sys.stdout.flush()
