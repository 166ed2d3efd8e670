"""FastAPI, Starlette and uvicorn as they are patched, and put back."""

import asyncio
import inspect
import json
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import fastapi.background
import fastapi.routing
import pytest
import starlette.background
from uvicorn.protocols.http import h11_impl, httptools_impl

from loopviz.probe import frameworks
from loopviz.probe.patches.patch import apply, undo
from loopviz.wire.events import Kind

FASTAPI = (
    ["_operation", "run_in_threadpool"]
    if hasattr(fastapi.routing, "_operation")
    else ["solve_dependencies", "run_endpoint_function", "serialize_response"]
)


BACKGROUND = (
    fastapi.background.BackgroundTasks,
    starlette.background.BackgroundTask,
    starlette.background.BackgroundTasks,
)


PATCHED = [
    *((fastapi.routing, name) for name in FASTAPI),
    *((kind, "__call__") for kind in BACKGROUND if "__call__" in vars(kind)),
    (httptools_impl.HttpToolsProtocol, "connection_lost"),
    (h11_impl.H11Protocol, "connection_lost"),
]


def test_everything_is_undone_exactly_by_the_last(patched):
    frameworks.unwatch()
    before = [vars(owner)[name] for owner, name in PATCHED]
    frameworks.watch()
    ours = [vars(owner)[name] for owner, name in PATCHED]
    frameworks.watch()
    frameworks.unwatch()
    assert [vars(owner)[name] for owner, name in PATCHED] == ours
    frameworks.unwatch()
    assert [vars(owner)[name] for owner, name in PATCHED] == before
    assert not set(before) & set(ours)
    assert not frameworks.patched
    assert not frameworks.reporting_cycles
    frameworks.watch()  # for the fixture


@pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction':DeprecationWarning")
def test_what_is_patched_looks_the_same(patched):
    for owner, name in PATCHED:
        ours = vars(owner)[name]
        original = ours.__wrapped__
        assert inspect.signature(ours) == inspect.signature(original)
        assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(original)
        assert asyncio.iscoroutinefunction(ours) == asyncio.iscoroutinefunction(original)
        assert (ours.__name__, ours.__module__) == (original.__name__, original.__module__)


@pytest.mark.real
def test_nothing_is_imported_by_us_and_patched_when_the_app_imports_it():
    code = """if True:
        import json, sys
        from loopviz.probe import frameworks
        frameworks.watch()
        early = [name for name in sys.modules if name.partition(".")[0] in
                ("fastapi", "starlette", "uvicorn")]
        import uvicorn.protocols.http.h11_impl, fastapi
        found = sorted(frameworks.patched)
        import starlette.background
        ours = starlette.background.BackgroundTasks.__call__
        frameworks.unwatch()
        put_back = starlette.background.BackgroundTasks.__call__ is ours.__wrapped__
        print(json.dumps([early, found, put_back]))
    """
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(said.stdout) == [
        [],
        [
            "fastapi.background",
            "fastapi.routing",
            "starlette.background",
            "uvicorn.protocols.http.h11_impl",
        ],
        True,
    ]


def _old_fastapi():
    """Its routing module before it had spans of its own: the functions, and who calls them."""
    module = ModuleType("fastapi.routing")

    async def solve_dependencies(*, request, dependant, **more):
        return more

    async def run_endpoint_function(*, dependant, values, is_coroutine):
        return values

    async def serialize_response(*, response_content):
        return response_content

    for function in (solve_dependencies, run_endpoint_function, serialize_response):
        setattr(module, function.__name__, function)
    return module


def test_an_older_fastapi_tells_by_its_functions(loop, probe_of, recording):
    module = _old_fastapi()
    applied = apply(frameworks._fastapi_routing(module))
    assert len(applied) == 3
    assert all(inspect.iscoroutinefunction(entry.ours) for entry in applied)
    probe = probe_of(loop)
    plain, depends = (SimpleNamespace(dependencies=d, body_params=[]) for d in ([], [1]))
    http, socket = (SimpleNamespace(scope={"type": kind}) for kind in ("http", "websocket"))

    async def handles():
        await module.solve_dependencies(request=http, dependant=plain)
        await module.solve_dependencies(request=socket, dependant=depends)
        assert await module.solve_dependencies(request=http, dependant=depends, x=1) == {"x": 1}
        values = {"y": 2}
        options = {"dependant": plain, "values": values, "is_coroutine": True}
        assert await module.run_endpoint_function(**options) is values
        assert await module.serialize_response(response_content=5) == 5

    loop.run(handles())
    probe.uninstall()
    phases = [event.text for event in recording(probe).of(Kind.PHASE)]
    assert phases == ["dependencies", "endpoint", "serialization"]


def test_django_leaves_its_route_in_the_scope():
    """Of a request under WSGI, which has no scope, nothing."""

    class BaseHandler:
        def resolve_request(self, request):
            return SimpleNamespace(route="^items/<int:id>/")

    applied = apply(frameworks._django_handler(SimpleNamespace(BaseHandler=BaseHandler)))
    request = SimpleNamespace(scope={"type": "http"})
    assert BaseHandler().resolve_request(request).route == "^items/<int:id>/"
    assert BaseHandler().resolve_request(SimpleNamespace()).route == "^items/<int:id>/"
    undo(applied)
    BaseHandler().resolve_request(request)
    assert request.scope == {"type": "http", "_loopviz_route": "/items/<int:id>/"}


def test_quart_leaves_its_route_in_the_scope():
    class Context:
        def __init__(self, rule):
            self.request_websocket = SimpleNamespace(scope={}, url_rule=rule)

        def match_request(self):
            return 5

    applied = apply(
        frameworks._quart_context(SimpleNamespace(_BaseRequestWebsocketContext=Context))
    )
    found, missed = Context(SimpleNamespace(rule="/items/<int:id>")), Context(None)
    assert found.match_request() == missed.match_request() == 5
    undo(applied)
    assert found.request_websocket.scope == {"_loopviz_route": "/items/<int:id>"}
    assert missed.request_websocket.scope == {}
