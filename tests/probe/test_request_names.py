"""What a request is called once it is over, by its framework."""

import types

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from loopviz.probe.asgi import watch_requests
from loopviz.probe.requests import RequestTags
from loopviz.wire.events import Kind
from tests.probe.asgi_apps import answers, http


def test_the_end_names_the_route(serve):
    async def routed(scope, receive, send):
        scope["route"] = types.SimpleNamespace(path="/items/{id}")
        await answers(scope, receive, send)

    _, (start, end) = serve(routed, http("/items/7"))
    assert (start.text, end.text) == ("GET /items/7", "GET /items/{id}")


def test_what_is_not_found_is_one_row(serve):
    """But what the app's own route answers 404 is that route's."""

    async def missed(scope, receive, send):
        await send({"type": "http.response.start", "status": 404, "headers": []})

    async def routed(scope, receive, send):
        scope["route"] = types.SimpleNamespace(path="/items/{id}")
        await missed(scope, receive, send)

    assert serve(missed, http("/wp-login.php"))[1][1].text == "GET (not found)"
    assert serve(routed, http("/items/7"))[1][1].text == "GET /items/{id}"


def test_a_mounted_app_keeps_its_prefix(serve):
    async def mounted(scope, receive, send):
        scope["app_root_path"], scope["root_path"] = "", "/acme/admin"
        scope["path_params"] = {"tenant": "acme", "id": 7}
        scope["route"] = types.SimpleNamespace(path="/items/{id}")
        await answers(scope, receive, send)

    _, (_, end) = serve(mounted, http("/acme/admin/items/7", root_path=""))
    assert end.text == "GET /{tenant}/admin/items/{id}"


def test_starlette_s_mounts(serve):
    """A mount itself says nothing of what its app serves: the path does, bounded."""

    async def home(request):
        return PlainTextResponse("x")

    async def plain(scope, receive, send):
        await PlainTextResponse("x")(scope, receive, send)

    inner = Starlette(routes=[Route("/items/{id}", home)])
    app = Starlette(routes=[Mount("/api", inner), Mount("/files", plain)])
    served = {
        path: serve(app, http(path, root_path="", query_string=b""))[1][1].text
        for path in ("/api/items/7", "/files/17/a", "/api/nothing", "/nothing")
    }
    assert served == {
        "/api/items/7": "GET /api/items/{id}",
        "/files/17/a": "GET /files/{…}/a",
        "/api/nothing": "GET (not found)",
        "/nothing": "GET (not found)",
    }


@pytest.mark.parametrize(
    ("left", "named"),
    [
        ({"path_template": "/notes/{number:int}"}, "GET /notes/{number:int}"),
        ({"_loopviz_route": "/notes/<int:number>"}, "GET /notes/<int:number>"),
        ({"path_params": {"number": 7}}, "GET /notes/{number}"),
        ({}, "GET /notes/{…}"),
    ],
    ids=["Litestar", "Django and Quart", "an older Starlette", "nothing"],
)
def test_routes_of_other_frameworks(serve, left, named):
    async def app(scope, receive, send):
        scope.update(left)
        await answers(scope, receive, send)

    _, (_, end) = serve(app, http("/notes/7"))
    assert end.text == named


def test_a_template_has_a_name_even_after_very_many_paths(loop, probe_of, recording):
    """Paths are named up to a limit; a route that is first served later is still named."""
    probe = probe_of(loop)

    async def nothing(*args):
        pass

    async def serving():
        watched = watch_requests(nothing, probe.hooks)
        for i in range(1500):
            route = types.SimpleNamespace(path="/items/{id}")
            await watched(http(f"/items/{i}", route=route), None, None)
        await watched(http("/late/1", route=types.SimpleNamespace(path="/late/{id}")), None, None)

    loop.run(serving())
    probe.uninstall()
    ends = recording(probe).of(Kind.REQUEST_END)
    assert {end.text for end in ends[:-1]} == {"GET /items/{id}"}
    assert ends[-1].text == "GET /late/{id}"


@pytest.mark.parametrize(
    "left",
    [{"path_template": "/notes/{number:int}"}, {"_loopviz_route": "/notes/<int:number>"}],
    ids=["Litestar", "Django and Quart"],
)
def test_a_template_that_was_left_is_looked_up_once(loop, probe_of, monkeypatch, left):
    """It costs several times as much as the record."""
    asked = []
    of_end = RequestTags.of_end
    monkeypatch.setattr(RequestTags, "of_end", lambda *words: asked.append(words) or of_end(*words))
    probe = probe_of(loop)

    async def app(scope, receive, send):
        scope.update(left)

    async def serving():
        watched = watch_requests(app, probe.hooks)
        for number in range(5):
            await watched(http(f"/notes/{number}"), None, None)

    loop.run(serving())
    assert len(asked) == 1


@pytest.mark.parametrize("left", [7, ["/a"], b"/a", {}])
def test_a_template_that_is_no_text_is_none(serve, left):
    async def app(scope, receive, send):
        scope["path_template"] = left
        await answers(scope, receive, send)

    _, (_, end) = serve(app, http("/notes/7"))
    assert end.text == "GET /notes/{…}"
