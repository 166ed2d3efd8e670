"""The routes of an app, from what it says of itself in its OpenAPI document."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import httptools

from loopviz.errors import UsageError
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.address import HOST, Address
from loopviz.lab.load.config import LoadFound, is_question

__all__ = ["found", "routes_in"]

SAFE = ("get", "head")
"""Methods by which a request changes nothing, as HTTP has it."""
OTHERS = ("post", "put", "patch", "delete", "options")
LONGEST_S = 10.0
_DEEPEST = 8
"""How deep a schema may refer to others."""
_BY_FORMAT = {
    "uuid": "00000000-0000-4000-8000-000000000001",
    "date": "2024-01-01",
    "date-time": "2024-01-01T00:00:00Z",
    "email": "someone@example.org",
}


class _UnknownError(Exception):
    """No value is known for a parameter or a body."""


async def found(routes: Sequence[LoadInfo], address: Address) -> LoadFound:
    """The routes, with those that the app has in the place of the question. Raises UsageError."""
    known: list[LoadInfo] = []
    left_out: list[str] = []
    for route in routes:
        if not is_question(route):
            known.append(route)
            continue
        *words, path = route.route.split()
        document = await _asked(address, path, route.headers)
        more, missing = routes_in(document, unsafe="all" in words)
        if not more:
            why = "; ".join(missing) or "it has no paths"
            raise UsageError(f"{path} has no route that the load can be sent to: {why}.")
        share = route.rps / len(more)
        known += [replace(each, rps=share, headers=route.headers) for each in more]
        left_out += missing
    return LoadFound(routes=tuple(known), left_out=tuple(left_out))


def routes_in(document: Any, *, unsafe: bool) -> tuple[list[LoadInfo], list[str]]:
    """The routes that can be sent, and of each other one why it is left out.

    Parameters have the document's example, default or first permitted value; else numbers, dates
    and UUIDs have one of their type. `unsafe`: also methods that may change something.
    """
    made, left_out = [], []
    for path, item in _table(_table(document).get("paths")).items():
        for method, operation in _table(item).items():
            if method not in SAFE + OTHERS:
                continue
            name = f"{method.upper()} {path}"
            if method not in SAFE and not unsafe:
                left_out.append(f"{name}: it may change something")
                continue
            try:
                made.append(_route(method, path, _table(item), _table(operation), document))
            except _UnknownError as why:
                left_out.append(f"{name}: {why}")
    return made, left_out


def _route(method: str, path: str, item: Any, operation: Any, document: Any) -> LoadInfo:
    """Raises _UnknownError."""
    query, target = [], path
    for raw in (*_list(item.get("parameters")), *_list(operation.get("parameters"))):
        parameter = _resolved(raw, document)
        name, where = parameter.get("name"), parameter.get("in")
        if where != "path" and not parameter.get("required"):
            continue
        if where not in ("path", "query"):
            raise _UnknownError(f"it needs the {where} {name}")
        value = _text(_value(parameter, parameter.get("schema"), document, f"{where} {name}"))
        if where == "path":
            target = target.replace(f"{{{name}}}", value)
        else:
            query.append(f"{name}={value}")
    if "{" in target:
        raise _UnknownError("it does not describe its path")
    text = _body(operation, document) if method in ("post", "put", "patch") else ""
    target = "?".join((target, *(["&".join(query)] if query else [])))
    if " " in target or not target.isprintable():
        raise _UnknownError(f"its path would be {target!r}")
    kind = "SSE" if method == "get" and _streams(operation, document) else method.upper()
    return LoadInfo(f"{kind} {target}", 1.0, text=text)


def _streams(operation: Any, document: Any) -> bool:
    """Whether it is answered with server-sent events."""
    answers = _table(operation.get("responses")).values()
    return any(
        "text/event-stream" in _table(_resolved(a, document).get("content")) for a in answers
    )


def _body(operation: Any, document: Any) -> str:
    """A body of JSON. Raises _UnknownError."""
    body = _resolved(operation.get("requestBody"), document)
    if not body:
        return ""
    media = _table(_table(body.get("content")).get("application/json"))
    if not media:
        raise _UnknownError("its body is no JSON")
    return json.dumps(_value(media, media.get("schema"), document, "body"))


def _value(holder: Any, schema: Any, document: Any, what: str, depth: int = 0) -> Any:
    """The example that the holder has, else one that fits the schema. Raises _UnknownError."""
    schema = _resolved(schema, document)
    for place in (holder, schema):
        for example in _examples(place):
            return example
    for known in ("const", "default"):
        if known in schema:
            return schema[known]
    if _list(schema.get("enum")):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        for one in _list(schema.get(choice)):
            if _resolved(one, document).get("type") != "null":
                return _value({}, one, document, what, depth + 1)
    if depth > _DEEPEST:
        raise _UnknownError(f"its {what} refers to itself")
    return _of_type(schema, document, what, depth)


def _of_type(schema: Any, document: Any, what: str, depth: int) -> Any:
    """Raises _UnknownError."""
    match schema.get("type"):
        case "integer" | "number":
            low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            return max(low, 1) if schema.get("maximum", 1) >= 1 else low
        case "boolean":
            return True
        case "array":
            many = range(min(schema.get("minItems", 0), 100))
            return [_value({}, schema.get("items"), document, what, depth + 1) for _ in many]
        case "object":
            fields = _table(schema.get("properties"))
            return {
                name: _value({}, fields.get(name), document, f"{what}'s {name}", depth + 1)
                for name in _list(schema.get("required"))
            }
        case "string" if schema.get("format") in _BY_FORMAT:
            return _BY_FORMAT[schema["format"]]
    raise _UnknownError(f"there is no example of the {what}")


def _examples(place: Any) -> Iterator[Any]:
    if "example" in place:
        yield place["example"]
    examples = place.get("examples")
    if isinstance(examples, list):
        yield from examples
    elif isinstance(examples, dict):
        yield from (one["value"] for one in map(_table, examples.values()) if "value" in one)


def _resolved(part: Any, document: Any) -> dict[str, Any]:
    """What the part refers to, or itself."""
    for _ in range(_DEEPEST):
        part = _table(part)
        reference = part.get("$ref")
        if not isinstance(reference, str):
            return dict(part)
        part = document
        for step in reference.removeprefix("#/").split("/"):
            part = _table(part).get(step.replace("~1", "/").replace("~0", "~"))
    return {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class _Answer:
    """Takes in one response."""

    def __init__(self) -> None:
        self.body = b""
        self.over = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.over = True


async def _asked(address: Address, path: str, headers: Sequence[str]) -> Any:
    """The document. Raises UsageError."""
    try:
        async with asyncio.timeout(LONGEST_S):
            status, body = await _got(address, path, headers)
    except (OSError, httptools.HttpParserError) as error:  # a timeout is one of these, too
        why = str(error) or f"no answer within {LONGEST_S:.0f} s"
        raise UsageError(f"The app was asked for {path}: {why}. {_ELSE}") from error
    if status != 200:
        raise UsageError(f"The app answered {status} to GET {path}. {_ELSE}")
    try:
        return json.loads(body)
    except ValueError as error:
        raise UsageError(f"What the app answers to GET {path} is no JSON. {_ELSE}") from error


_ELSE = (
    'If its OpenAPI document is elsewhere, name it, as in --load "openapi /api/openapi.json"; '
    'else name the routes, as in --load "GET / @ 20".'
)


async def _got(address: Address, path: str, headers: Sequence[str]) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection(HOST, address.port)
    try:
        more = "".join(f"{header}\r\n" for header in headers)
        head = f"GET {path} HTTP/1.1\r\nhost: {address.netloc.decode()}\r\n{more}"
        writer.write(f"{head}accept: application/json\r\nconnection: close\r\n\r\n".encode())
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        while not answer.over and (data := await reader.read(1 << 16)):
            parser.feed_data(data)
        return parser.get_status_code(), answer.body
    finally:
        writer.close()
