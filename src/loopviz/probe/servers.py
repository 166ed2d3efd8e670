"""ASGI servers: their app is wrapped once they start, and they say at which address it is.

`adopt_servers` does both for those that run already, `release_apps` undoes it. aiohttp.web has no
ASGI app: see `aiohttp_server`. Other servers go on unseen, as do their requests; the tasks that
serve these are seen like any.
"""

import asyncio
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from loopviz.probe.aiohttp_server import (
    patches_of_protocol,
    patches_of_response,
    patches_of_site,
    patches_of_websocket,
)
from loopviz.probe.asgi import watch_requests
from loopviz.probe.install import Probe
from loopviz.probe.own_code import add_own
from loopviz.probe.patches.patch import Patch
from loopviz.probe.recorder import fail_safe

__all__ = ["adopt_servers", "release_apps", "servers"]

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


def adopt_servers(loop: asyncio.AbstractEventLoop, serves: Serves) -> None:
    """Wrap the apps of the uvicorn servers that run in the loop, on its thread."""
    for server in _uvicorn_servers(loop):
        with fail_safe("uvicorn"):
            add_own(server.config.app)
            app = server.config.loaded_app = _watched(server.config.loaded_app)
            for connection in server.server_state.connections:
                connection.app = app  # else those that are open would go on unseen
            serves(loop, _url(server))


def release_apps(probe: Probe) -> None:
    """Let the apps be called directly again; whoever holds a wrapped one does not notice."""
    for wrapped in tuple(_wrapped):
        if wrapped.probe is probe:
            wrapped.release()
    for server in _uvicorn_servers(asyncio.get_running_loop()):
        with fail_safe("uvicorn"):
            for holder, name in [
                (server.config, "loaded_app"),
                *((connection, "app") for connection in server.server_state.connections),
            ]:
                app = getattr(holder, name)
                if isinstance(app, _WatchedApp) and app.probe is probe:
                    setattr(holder, name, app.app)


def _uvicorn_servers(loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    """Those whose `serve` is a task of the loop, or awaited by one."""
    module = sys.modules.get("uvicorn.server")
    if module is None:
        return
    seen = set()
    for task in asyncio.all_tasks(loop):
        coroutine: Any = task.get_coro()
        while (frame := getattr(coroutine, "cr_frame", None)) is not None:
            server = frame.f_locals.get("self")
            if isinstance(server, module.Server) and id(server) not in seen and server.started:
                seen.add(id(server))
                yield server
            coroutine = coroutine.cr_await


def _uvicorn(module: Any, serves: Serves) -> Iterable[Patch]:
    def make(original: Any) -> Any:
        async def startup(self: Any, *args: Any, **options: Any) -> Any:
            with fail_safe("uvicorn"):
                add_own(self.config.app)
                self.config.loaded_app = _watched(self.config.loaded_app)
            await original(self, *args, **options)
            with fail_safe("uvicorn"):
                serves(asyncio.get_running_loop(), _url(self))

        return startup

    return [Patch(module.Server, "startup", make)]


def _hypercorn(module: Any) -> Iterable[Patch]:
    def make(original: Any) -> Any:
        async def call(self: Any, *args: Any, **options: Any) -> Any:
            with fail_safe("hypercorn"):
                add_own(self.app)
                self.app = _watched(self.app)
            return await original(self, *args, **options)

        return call

    return [Patch(module.ASGIWrapper, "__call__", make)]


def _granian(module: Any) -> Iterable[Patch]:
    """Its workers wrap the app before their loop runs."""

    def make(original: Any) -> Any:
        def wrap(callback: Any, *args: Any, **options: Any) -> Any:
            add_own(callback)
            return original(_AppOfItsLoop(callback), *args, **options)

        return wrap

    return [Patch(module, "_asgi_call_wrap", make)]


def _daphne(module: Any, serves: Serves) -> Iterable[Patch]:
    def run(original: Any) -> Any:
        def run_server(self: Any) -> Any:
            with fail_safe("daphne"):
                add_own(self.application)
                self.application = _AppOfItsLoop(self.application)
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


class _AppOfItsLoop:
    """An ASGI app that a server starts before its loop runs: it is watched in whichever calls it.

    A server may run it in no task of asyncio (granian's `--task-impl rust`): then it is not.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._watched: _WatchedApp | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        app = self._app
        with fail_safe("app"):
            probe = Probe.of(asyncio.get_running_loop())
            if probe is not None and probe.hooks.task():
                if self._watched is None or self._watched.probe is not probe:
                    self._watched = _WatchedApp(app, probe)
                app = self._watched
        return await app(scope, receive, send)


class _WatchedApp:
    """An ASGI app whose requests are recorded in the loop that serves it."""

    def __init__(self, app: Any, probe: Probe) -> None:
        self.app, self.probe = app, probe
        self._watched = watch_requests(app, probe.hooks)
        _wrapped.add(self)

    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        return self._watched(scope, receive, send)

    def release(self) -> None:
        """Be the app from now on."""
        self._watched = self.app


_wrapped: "weakref.WeakSet[_WatchedApp]" = weakref.WeakSet()


def _watched(app: Any) -> Any:
    """The app with its requests recorded by the running loop's probe, if there is one."""
    probe = Probe.of(asyncio.get_running_loop())
    if isinstance(app, _WatchedApp):
        if app.probe is probe:
            return app
        app = app.app  # it was served before, in another loop
    return app if probe is None else _WatchedApp(app, probe)


def _url(server: Any) -> str:
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
