"""ASGI servers that run when loopviz attaches: their apps are wrapped, and afterwards put back."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from types import CellType, FrameType, FunctionType
from typing import Any

from loopviz.probe.install import Probe
from loopviz.probe.loops import tasks_of
from loopviz.probe.own_code import add_own
from loopviz.probe.recorder import fail_safe
from loopviz.probe.servers import Serves, url_of_uvicorn
from loopviz.probe.watched_app import WRAPPED, AppOfItsLoop, WatchedApp, watched

__all__ = ["adopt_servers", "release_apps"]

_put_back: list[tuple[Any, Callable[[], None]]] = []
"""What undoes each wrapping of an app that its server has held since before, by its loop."""


def adopt_servers(loop: asyncio.AbstractEventLoop, serves: Serves) -> None:
    """Wrap the apps of the servers that run in the loop, on its thread.

    hypercorn's need not be found: the class that calls its apps is patched.
    """
    for server in _uvicorn_servers(loop):
        with fail_safe("uvicorn"):
            add_own(server.config.app)
            app = server.config.loaded_app = watched(server.config.loaded_app)
            for connection in server.server_state.connections:
                connection.app = app  # else those that are open would go on unseen
            serves(loop, url_of_uvicorn(server))
    for frame in _frames():
        with fail_safe("server"):
            if _is_of(frame, "granian.server", "_spawn_asgi"):
                for cell in _apps_of_granian(frame.f_locals["wcallback"]):
                    _replace(loop, cell, "cell_contents")
            elif _is_of(frame, "daphne.server", "run"):
                server = frame.f_locals["self"]
                _replace(loop, server, "application")
                for host, port in server.listening_addresses[:1]:
                    serves(loop, f"http://{host}:{port}")


def release_apps(probe: Probe) -> None:
    """Let the apps be called directly again; whoever holds a wrapped one does not notice."""
    for wrapped in tuple(WRAPPED):
        if wrapped.probe is probe:
            wrapped.release()
    loop = asyncio.get_running_loop()
    for server in _uvicorn_servers(loop):
        with fail_safe("uvicorn"):
            for holder, name in [
                (server.config, "loaded_app"),
                *((connection, "app") for connection in server.server_state.connections),
            ]:
                app = getattr(holder, name)
                if isinstance(app, WatchedApp) and app.probe is probe:
                    setattr(holder, name, app.app)
    for one in [one for one in _put_back if one[0] is loop]:
        _put_back.remove(one)
        one[1]()


def _replace(loop: asyncio.AbstractEventLoop, holder: Any, name: str) -> None:
    """Wrap the app that the holder has under that name, until it is put back."""
    app = getattr(holder, name)
    if isinstance(app, AppOfItsLoop):  # found twice: granian's functions share it
        return
    add_own(app)
    ours = AppOfItsLoop(app)
    setattr(holder, name, ours)

    def put_back() -> None:
        if getattr(holder, name) is ours:
            setattr(holder, name, app)

    _put_back.append((loop, put_back))


def _frames() -> Iterator[FrameType]:
    """Those of this thread, the innermost first: the server runs the loop."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_of(frame: FrameType, module: str, function: str) -> bool:
    name = frame.f_globals.get("__name__", "")
    return name.startswith(module) and frame.f_code.co_name.startswith(function)


def _apps_of_granian(function: Any) -> Iterator[CellType]:
    """The cells in which its functions, each of which calls the next ones, hold the app."""
    if not isinstance(function, FunctionType):
        return
    is_last = function.__globals__["__name__"] == "granian.asgi"
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name != "callback":
            yield from _apps_of_granian(cell.cell_contents)
        elif is_last:
            yield cell


def _uvicorn_servers(loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    """Those whose `serve` is a task of the loop, or awaited by one."""
    module = sys.modules.get("uvicorn.server")
    if module is None:
        return
    seen = set()
    for task in tasks_of(loop):
        coroutine: Any = task.get_coro()
        while (frame := getattr(coroutine, "cr_frame", None)) is not None:
            server = frame.f_locals.get("self")
            if isinstance(server, module.Server) and id(server) not in seen and server.started:
                seen.add(id(server))
                yield server
            coroutine = coroutine.cr_await
