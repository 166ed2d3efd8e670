"""ASGI apps whose requests are recorded in the loop that serves them."""

import asyncio
import weakref
from typing import Any

from loopviz.probe.asgi import watch_requests
from loopviz.probe.install import Probe
from loopviz.probe.recorder import fail_safe

__all__ = ["WRAPPED", "AppOfItsLoop", "WatchedApp", "watched"]


class AppOfItsLoop:
    """An ASGI app that a server starts before its loop runs: it is watched in whichever calls it.

    A server may run it in no task of asyncio (granian's `--task-impl rust`): then it is not.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._watched: WatchedApp | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        app = self._app
        with fail_safe("app"):
            probe = Probe.of(asyncio.get_running_loop())
            if probe is not None and probe.hooks.task():
                if self._watched is None or self._watched.probe is not probe:
                    self._watched = WatchedApp(app, probe)
                app = self._watched
        return await app(scope, receive, send)


class WatchedApp:
    """An ASGI app whose requests are recorded in the loop that serves it."""

    def __init__(self, app: Any, probe: Probe) -> None:
        self.app, self.probe = app, probe
        self._watched = watch_requests(app, probe.hooks)
        WRAPPED.add(self)

    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        return self._watched(scope, receive, send)

    def release(self) -> None:
        """Be the app from now on."""
        self._watched = self.app


WRAPPED: "weakref.WeakSet[WatchedApp]" = weakref.WeakSet()


def watched(app: Any) -> Any:
    """The app with its requests recorded by the running loop's probe, if there is one."""
    probe = Probe.of(asyncio.get_running_loop())
    if isinstance(app, WatchedApp):
        if app.probe is probe:
            return app
        app = app.app  # it was served before, in another loop
    return app if probe is None else WatchedApp(app, probe)
