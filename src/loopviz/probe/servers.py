"""ASGI servers: their app is wrapped once they start, and they say at which address it is.

Those that run already are found by `running_servers`. aiohttp.web has no ASGI app: see
`aiohttp_server`. Other servers go on unseen, as do their requests; the tasks that
serve these are seen like any.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from loopviz.probe.aiohttp_server import (
    patches_of_protocol,
    patches_of_response,
    patches_of_site,
    patches_of_websocket,
)
from loopviz.probe.own_code import add_own
from loopviz.probe.patches.patch import Patch
from loopviz.probe.recorder import fail_safe
from loopviz.probe.watched_app import AppOfItsLoop, watched

__all__ = ["Serves", "servers", "url_of_uvicorn"]

Serves = Callable[[Any, str], None]
"""`serves(loop, url)` is called once the app is up; the url is empty if a browser knows none."""


def servers(serves: Serves) -> Mapping[str, Callable[[Any], Iterable[Patch]]]:
    """The patches of each server's module."""
    return {
        "uvicorn.server": lambda module: _uvicorn(module, serves),
        "hypercorn.app_wrappers": _hypercorn,
        "granian.server.mp": _granian,
        "granian.server.mt": _granian,
        "daphne.server": lambda module: _daphne(module, serves),
        "aiohttp.web_protocol": patches_of_protocol,
        "aiohttp.web_response": patches_of_response,
        "aiohttp.web_ws": patches_of_websocket,
        "aiohttp.web_runner": lambda module: patches_of_site(module, serves),
    }


def _uvicorn(module: Any, serves: Serves) -> Iterable[Patch]:
    def make(original: Any) -> Any:
        async def startup(self: Any, *args: Any, **options: Any) -> Any:
            with fail_safe("uvicorn"):
                add_own(self.config.app)
                self.config.loaded_app = watched(self.config.loaded_app)
            await original(self, *args, **options)
            with fail_safe("uvicorn"):
                serves(asyncio.get_running_loop(), url_of_uvicorn(self))

        return startup

    return [Patch(module.Server, "startup", make)]


def _hypercorn(module: Any) -> Iterable[Patch]:
    def make(original: Any) -> Any:
        async def call(self: Any, *args: Any, **options: Any) -> Any:
            with fail_safe("hypercorn"):
                add_own(self.app)
                self.app = watched(self.app)
            return await original(self, *args, **options)

        return call

    return [Patch(module.ASGIWrapper, "__call__", make)]


def _granian(module: Any) -> Iterable[Patch]:
    """Its workers wrap the app before their loop runs."""

    def make(original: Any) -> Any:
        def wrap(callback: Any, *args: Any, **options: Any) -> Any:
            add_own(callback)
            return original(AppOfItsLoop(callback), *args, **options)

        return wrap

    return [Patch(module, "_asgi_call_wrap", make)]


def _daphne(module: Any, serves: Serves) -> Iterable[Patch]:
    def run(original: Any) -> Any:
        def run_server(self: Any) -> Any:
            with fail_safe("daphne"):
                add_own(self.application)
                self.application = AppOfItsLoop(self.application)
            return original(self)

        return run_server

    def listens(original: Any) -> Any:
        def listen_success(self: Any, port: Any) -> Any:
            with fail_safe("daphne"):
                at, loop = port.getHost(), module.reactor._asyncioEventloop
                loop.call_soon(serves, loop, f"http://{at.host}:{at.port}")
            return original(self, port)

        return listen_success

    return [Patch(module.Server, "run", run), Patch(module.Server, "listen_success", listens)]


def url_of_uvicorn(server: Any) -> str:
    """The address of a uvicorn server; empty if it has none that a browser would know."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}  # noqa: S104 - is read
    scheme = "https" if server.config.is_ssl else "http"
    for one in server.servers:
        for bound in one.sockets:
            name = bound.getsockname()
            if isinstance(name, tuple):
                host = everywhere.get(name[0], str(name[0]))
                host = f"[{host}]" if ":" in host else host
                return f"{scheme}://{host}:{name[1]}"
    return ""
