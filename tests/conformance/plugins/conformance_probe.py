"""A pytest plugin: the probe goes into every event loop when it first runs, out when it closes.

Loops made in any way are met, since the classes' `run_forever` and `close` are wrapped. Each gets a
folder of its own, a watchdog, a heartbeat and a small ring. A loop on a clock of its own, such as
test.test_asyncio's `TestLoop`, gets neither watchdog nor heartbeat, as `install` advises. What
uvicorn and Starlette's test client serve goes through `watch_requests`. How many loops and requests
were watched, and which hooks failed, is said in lines of the outcomes.
"""

import asyncio
import functools
import itertools
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import conformance_outcomes as outcomes
import pytest

from loopviz.errors import LoopvizError
from loopviz.probe import Probe, install
from loopviz.probe.asgi import watch_requests

_folder = Path(tempfile.mkdtemp(prefix="loopviz-conformance-"))
_numbers = itertools.count()
_probes: WeakKeyDictionary[asyncio.AbstractEventLoop, Probe] = WeakKeyDictionary()
_counts: Counter[str] = Counter()


def _watch(loop: asyncio.AbstractEventLoop) -> None:
    if loop in _probes or loop.is_closed() or loop.is_running():
        return
    clock = getattr(loop.time, "__func__", None)
    quiet = {"heartbeat_s": None, "watchdog": False} if clock not in _CLOCKS else {}
    folder = _folder / f"{os.getpid()}-{next(_numbers)}"  # a fork counts on from the same number
    kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
    try:
        _probes[loop] = install(loop, path=folder, capacity=1 << 10, **quiet)
        _counts[f"watched {kind}"] += 1
    except LoopvizError as error:
        _counts[f"refused {kind}: {error}"] += 1
        shutil.rmtree(folder, ignore_errors=True)


def _unwatch(loop: asyncio.AbstractEventLoop) -> None:
    probe = _probes.pop(loop, None)
    if probe is not None:
        probe.uninstall()
        shutil.rmtree(probe.folder, ignore_errors=True)


def _wrap(owner: Any) -> None:
    run_forever, close = owner.run_forever, owner.close

    @functools.wraps(run_forever)
    def watched_run_forever(self: Any) -> None:
        _watch(self)
        return run_forever(self)

    @functools.wraps(close)
    def watched_close(self: Any) -> None:
        if not self.is_running():
            _unwatch(self)
        return close(self)

    owner.run_forever, owner.close = watched_run_forever, watched_close


def _count_failures() -> None:
    fail = Probe._fail

    def counted(self: Probe, hook: str, error: BaseException) -> None:
        _counts[f"hook failed: {hook}: {type(error).__name__}: {error}"] += 1
        fail(self, hook, error)

    Probe._fail = counted  # type: ignore[method-assign]


def _watched(app: Any) -> Any:
    """The app, its requests recorded by the probe of whatever loop serves them."""

    async def serve(scope: Any, receive: Any, send: Any) -> Any:
        probe = _probes.get(asyncio.get_running_loop())
        if probe is None:
            return await app(scope, receive, send)
        if scope["type"] == "http":
            _counts["requests"] += 1
        return await watch_requests(app, probe.hooks)(scope, receive, send)

    return serve


def _wrap_servers() -> None:
    """Between the server and the app, whichever way it was given: uvicorn, Starlette's client."""
    for name in ("httptools_impl", "h11_impl"):
        module: Any = sys.modules.get(f"uvicorn.protocols.http.{name}")
        if module is not None:
            run_asgi = module.RequestResponseCycle.run_asgi
            module.RequestResponseCycle.run_asgi = functools.wraps(run_asgi)(
                lambda self, app, run_asgi=run_asgi: run_asgi(self, _watched(app))
            )
    module = sys.modules.get("starlette.testclient")
    if module is not None:
        init = module._TestClientTransport.__init__
        module._TestClientTransport.__init__ = functools.wraps(init)(
            lambda self, app, *args, **options: init(self, _watched(app), *args, **options)
        )


_wrap(asyncio.BaseEventLoop)
_CLOCKS: tuple[Any, ...] = (asyncio.BaseEventLoop.time,)
try:
    import uvloop
except ImportError:
    pass
else:
    _wrap(uvloop.Loop)
    _CLOCKS += (None,)  # its method is no Python function
_count_failures()


def pytest_collection_finish() -> None:
    _wrap_servers()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    for what, count in sorted(_counts.items()):
        outcomes.say("", f"probe: {what}", str(count))
    for probe in list(_probes.values()):
        probe.uninstall()
    shutil.rmtree(_folder, ignore_errors=True)
