"""Routes from what an app says of itself."""

import asyncio
import json

import pytest

from loopviz.errors import UsageError
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.address import address_of
from loopviz.lab.load.openapi import found, routes_in

NUMBER = {"schema": {"type": "integer"}}
TEXT = {"schema": {"type": "string"}}


def operation(*parameters, **more):
    return {"parameters": list(parameters), **more}


def path(name, **what):
    return {"name": name, "in": "path", "required": True, **what}


def query(name, required=True, **what):
    return {"name": name, "in": "query", "required": required, **what}


def document(method, operation, at="/a/{x}", **more):
    return {"paths": {at: {method: operation}}, **more}


@pytest.mark.parametrize(
    ("what", "route"),
    [
        (path("x", **NUMBER), "GET /a/1"),
        (path("x", schema={"type": "integer", "minimum": 7}), "GET /a/7"),
        (path("x", schema={"type": "string", "format": "date"}), "GET /a/2024-01-01"),
        (path("x", schema={"enum": ["big", "small"]}), "GET /a/big"),
        (path("x", example="me", **TEXT), "GET /a/me"),
        (path("x", examples={"one": {"value": "you"}}, **TEXT), "GET /a/you"),
        (path("x", schema={"type": "string", "examples": ["them"]}), "GET /a/them"),
        (path("x", schema={"anyOf": [{"type": "null"}, {"type": "integer"}]}), "GET /a/1"),
        (path("x", schema={"$ref": "#/components/schemas/Id"}), "GET /a/5"),
    ],
)
def test_a_parameter_has_an_example_or_a_value_of_its_type(what, route):
    parts = {"components": {"schemas": {"Id": {"type": "integer", "default": 5}}}}
    made, left_out = routes_in(document("get", operation(what), **parts), unsafe=False)
    assert ([one.route for one in made], left_out) == ([route], [])


def test_a_query_has_what_is_required():
    of = operation(query("a", **NUMBER), query("b", False, **TEXT), query("c", example="z", **TEXT))
    made, _ = routes_in(document("head", of, "/a"), unsafe=False)
    assert [one.route for one in made] == ["HEAD /a?a=1&c=z"]


@pytest.mark.parametrize(
    ("method", "of", "why"),
    [
        ("get", operation(path("x", **TEXT)), "there is no example of the path x"),
        ("get", operation(), "it does not describe its path"),
        ("get", operation(path("x", **NUMBER), query("q", **TEXT)), "no example of the query q"),
        (
            "get",
            operation(path("x", **NUMBER), {"name": "t", "in": "header", "required": True}),
            "it needs the header t",
        ),
        ("get", operation(path("x", example="a b")), "its path would be"),
        ("post", operation(path("x", **NUMBER)), "it may change something"),
        ("delete", operation(path("x", **NUMBER)), "it may change something"),
    ],
)
def test_what_cannot_be_sent_is_told(method, of, why):
    made, left_out = routes_in(document(method, of), unsafe=False)
    assert made == []
    assert [why in one for one in left_out] == [True]
    assert left_out[0].startswith(f"{method.upper()} /a/{{x}}: ")


def test_all_methods_on_request_with_a_body_that_fits():
    order = {
        "type": "object",
        "required": ["item", "many", "tags", "gift"],
        "properties": {
            "item": {"type": "string", "example": "tea"},
            "many": {"type": "integer"},
            "tags": {"type": "array", "items": TEXT["schema"]},
            "gift": {"type": "boolean"},
            "note": {"type": "string"},
        },
    }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}
    of = document(
        "post", operation(requestBody=body), "/orders", components={"schemas": {"Order": order}}
    )
    (made,), left_out = routes_in(of, unsafe=True)
    assert made.route == "POST /orders"
    assert json.loads(made.text) == {"item": "tea", "many": 1, "tags": [], "gift": True}
    assert left_out == []
    loop = {"$ref": "#/components/schemas/Order"}
    order["properties"]["item"] = {"type": "object", "required": ["up"], "properties": {"up": loop}}
    assert "refers to itself" in routes_in(of, unsafe=True)[1][0]
    form = {"content": {"multipart/form-data": {}}}
    of = document("post", operation(requestBody=form), "/files")
    assert routes_in(of, unsafe=True)[1] == ["POST /files: its body is no JSON"]


def test_events_are_listened_to():
    of = operation(responses={"200": {"content": {"text/event-stream": {}}}})
    made, _ = routes_in(document("get", of, "/events"), unsafe=False)
    assert [one.route for one in made] == ["SSE /events"]


@pytest.mark.parametrize("nonsense", [None, [], {"paths": 3}, {"paths": {"/": {"get": 3}}}])
def test_a_document_may_be_anything(nonsense):
    routes_in(nonsense, unsafe=True)


def asked(answer, *routes):
    async def main():
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await found(routes, address_of(f"http://127.0.0.1:{port}"))

    return asyncio.run(main())


ASK = LoadInfo("openapi /openapi.json", 20, headers=("a: b",))


def ok(text):
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(text), text)


def test_the_rate_is_for_all_routes_together():
    paths = {"/a": {"get": {}}, "/b": {"get": {}, "post": {}}}
    answer = asked(ok(json.dumps({"paths": paths}).encode()), LoadInfo("GET /own", 3), ASK)
    assert [(one.route, one.rps, one.headers) for one in answer.routes] == [
        ("GET /own", 3, ()),
        ("GET /a", 10, ("a: b",)),
        ("GET /b", 10, ("a: b",)),
    ]
    assert answer.left_out == ("POST /b: it may change something",)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "answered 404 to GET /openapi.json",
        ),
        (ok(b"<html>"), "is no JSON"),
        (b"nonsense", "was asked for /openapi.json"),
        (ok(b"{}"), "it has no paths"),
        (ok(b'{"paths": {"/a": {"post": {}}}}'), "POST /a: it may change something"),
    ],
)
def test_an_app_that_does_not_say(answer, why):
    with pytest.raises(UsageError, match=why):
        asked(answer, ASK)
