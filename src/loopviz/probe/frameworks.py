"""Patches of uvicorn, Starlette and FastAPI that record requests' phases and lost clients.

They are patched once per process, if and when the app imports them, however many loops are
recorded; the last `unwatch` restores exactly what was there. FastAPI's own telemetry is left
alone: the phases begin where its spans do, without a tracer.
"""

import inspect
import sys
from asyncio import _get_running_loop
from collections.abc import Callable
from typing import Any

from loopviz.probe.core import twin
from loopviz.probe.nesting import NESTING, patches_of_nesting
from loopviz.probe.patches.patch import Patch
from loopviz.probe.patches.watchers import SharedPatches
from loopviz.probe.recorder import current, recorders
from loopviz.probe.route_names import ROUTE
from loopviz.wire.events import Kind

__all__ = ["patched", "reporting_cycles", "unwatch", "watch"]

reporting_cycles: set[type] = set()
"""uvicorn's classes of request-response cycles. While one is served, its attribute `_loopviz_task`
is the task's number, for the record if the connection is lost."""

_Function = Callable[..., Any]
_mark: Any = getattr(inspect, "markcoroutinefunction", None)  # from 3.12 on
_background_calls: set[Any] = set()
"""Code objects of the `__call__` of background tasks."""


def watch() -> None:
    """Add a watcher. The first one patches what is imported, now or later."""
    _patches.watch()


def unwatch() -> None:
    """Release one watcher. The last one removes the patches."""
    if _patches.unwatch():
        reporting_cycles.clear()


def _enter(phase: str) -> None:
    recorder = current()
    if recorder is not None:
        recorder.phase(phase)


def _with_hook(original: _Function, hook: Callable[..., None]) -> _Function:
    """The same coroutine function; each call first calls `hook` with the same arguments.

    From Python 3.12 on a plain function can pass for a coroutine function, which saves a frame.
    """
    if _mark is None:

        async def hooked_coroutine(*args: Any, **options: Any) -> Any:
            hook(*args, **options)
            return await original(*args, **options)

        return hooked_coroutine

    def hooked(*args: Any, **options: Any) -> Any:
        hook(*args, **options)
        return original(*args, **options)

    return _mark(hooked)  # type: ignore[no-any-return]


# ---- FastAPI


def _fastapi_routing(module: Any) -> list[Patch]:
    begins_span = getattr(module, "_operation", None)
    if begins_span is None or [*inspect.signature(begins_span).parameters] != ["name", "function"]:
        return [  # an older FastAPI, or an unknown newer one
            Patch(module, "solve_dependencies", _dependencies),
            Patch(module, "run_endpoint_function", _phase("endpoint")),
            Patch(module, "serialize_response", _phase("serialization")),
        ]
    endpoint_in_thread = getattr(module, "_run_sync_endpoint", None)

    def threadpool(run_in_threadpool: _Function) -> _Function:
        def hook(function: Any, /, *_: Any, **__: Any) -> None:
            if function is endpoint_in_thread:
                _enter("endpoint")

        return _with_hook(run_in_threadpool, hook)

    return [
        Patch(module, "_operation", _operation),
        Patch(module, "run_in_threadpool", threadpool),
    ]


def _operation_of(
    original: _Function, phases_of: Callable[[dict[str, Any]], frozenset[str]], recorders: Any
) -> _Function:
    """Wrap the function that begins FastAPI's spans: the cheapest place to see its phases."""
    by_endpoint: dict[Any, frozenset[str]] = {}

    def operation(*, name: str, function: Any = None) -> Any:
        try:
            phases = by_endpoint.get(function)
            if phases is None:
                phases = by_endpoint[function] = phases_of(sys._getframe(1).f_locals)
            if name in phases:
                recorder = recorders.get(_get_running_loop())  # `current`, inlined
                if recorder is not None:
                    recorder.phase(name)
        except Exception:  # noqa: BLE001, S110 - an unhashable endpoint: it has no phases
            pass
        return original(name=name, function=function)

    return operation


_operation_in_core = twin("phases", "operation_of", _operation_of)


def _operation(original: _Function) -> _Function:
    return _operation_in_core(original, _phases_of, recorders)  # type: ignore[no-any-return]


def _phases_of(handler: dict[str, Any]) -> frozenset[str]:
    """The phases of an endpoint, by the variables of FastAPI's handler; none of a WebSocket's."""
    if "request" not in handler:
        return frozenset()
    phases = {"endpoint", "serialization"}
    if _has_dependencies(handler.get("dependant")):
        phases.add("dependencies")
    return frozenset(phases)


def _dependencies(solve: _Function) -> _Function:
    def hook(*_: Any, **options: Any) -> None:
        scope = getattr(options.get("request"), "scope", {})
        if scope.get("type") == "http" and _has_dependencies(options.get("dependant")):
            _enter("dependencies")

    return _with_hook(solve, hook)


def _has_dependencies(dependant: Any) -> bool:
    """True if there are dependencies to solve or a body to validate."""
    return bool(getattr(dependant, "dependencies", ()) or getattr(dependant, "body_params", ()))


def _phase(name: str) -> Callable[[_Function], _Function]:
    return lambda original: _with_hook(original, lambda *_, **__: _enter(name))


# ---- Starlette


def _background_module(module: Any) -> list[Patch]:
    return [
        Patch(kind, "__call__", _background)
        for name, kind in vars(module).items()
        if name in ("BackgroundTask", "BackgroundTasks")
        and kind.__module__ == module.__name__
        and "__call__" in vars(kind)
    ]


def _background(call: _Function) -> _Function:
    """Record the phase once, in the outermost call: not again for each task in a list of tasks."""
    _background_calls.add(call.__code__)

    def hook(_: Any) -> None:
        if sys._getframe(2).f_code not in _background_calls:
            _enter("background")

    return _with_hook(call, hook)


# ---- routes of frameworks that do not leave them in the scope


def _django_handler(module: Any) -> list[Patch]:
    def resolve(original: _Function) -> _Function:
        def resolve_request(self: Any, request: Any) -> Any:
            found = original(self, request)
            _leave_route(request, getattr(found, "route", None))
            return found

        return resolve_request

    return [Patch(module.BaseHandler, "resolve_request", resolve)]


def _quart_context(module: Any) -> list[Patch]:
    def match(original: _Function) -> _Function:
        def match_request(self: Any) -> Any:
            found = original(self)
            request = getattr(self, "request_websocket", None)
            _leave_route(request, getattr(getattr(request, "url_rule", None), "rule", None))
            return found

        return match_request

    return [Patch(module._BaseRequestWebsocketContext, "match_request", match)]


def _leave_route(request: Any, template: Any) -> None:
    """Leave the template in the request's scope. Under WSGI it has none."""
    scope = getattr(request, "scope", None)
    if isinstance(scope, dict) and isinstance(template, str):
        scope[ROUTE] = "/" + template.lstrip("^/")


# ---- uvicorn


def _uvicorn_protocol(protocol: str) -> Callable[[Any], list[Patch]]:
    def patches(module: Any) -> list[Patch]:
        reporting_cycles.add(module.RequestResponseCycle)
        return [Patch(getattr(module, protocol), "connection_lost", _gone)]

    return patches


def _gone(connection_lost: _Function) -> _Function:
    def report_and_lose(self: Any, exc: Any) -> Any:
        try:
            cycle, recorder = self.cycle, current()
            task = getattr(cycle, "_loopviz_task", 0)
            if task and recorder is not None and not cycle.response_complete:
                recorder.request_event(Kind.CLIENT_DISCONNECTED, task)
        except Exception:  # noqa: BLE001, S110 - another version's protocol
            pass
        return connection_lost(self, exc)

    return report_and_lose


_MODULES: dict[str, Callable[[Any], list[Patch]]] = {
    "fastapi.routing": _fastapi_routing,
    "fastapi.background": _background_module,
    "django.core.handlers.base": _django_handler,
    **dict.fromkeys(NESTING, patches_of_nesting),
    "quart.ctx": _quart_context,
    "starlette.background": _background_module,
    "uvicorn.protocols.http.httptools_impl": _uvicorn_protocol("HttpToolsProtocol"),
    "uvicorn.protocols.http.h11_impl": _uvicorn_protocol("H11Protocol"),
}

_patches = SharedPatches(_MODULES)
patched = _patches.modules
"""Names of the modules that are patched now."""
