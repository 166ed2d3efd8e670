"""`--load FILE.toml`: several loads, with headers, bodies and rates.

headers = { authorization = "Bearer …" }

[[load]]
route = "POST /orders"
rps = 20
body = "order.json"
"""

import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from loopviz.errors import UsageError
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.catalogue.checks import parameters, wrong
from loopviz.lab.load.config import STREAMS, split_route
from loopviz.lab.load.request import BODIES
from loopviz.program.load_parts import CLIENTS_MAX, checked_header, checked_route
from loopviz.scenario import Load
from loopviz.validation import fits, shown, words

__all__ = ["read_load_file"]

_KEYS = [field.name for field in fields(LoadInfo) if field.name != "warm_up"]
_ONE = 'one [[load]] with route = "GET /" and rps = 20, for example'


def read_load_file(file: Path) -> list[LoadInfo]:
    """The loads in the file. Raises UsageError."""
    try:
        with file.open("rb") as opened:
            table = tomllib.load(opened)
    except OSError as error:
        raise UsageError(f"--load {file} cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"--load {file} is no TOML: {error}.") from error
    _known(table, ("headers", "load"), str(file))
    loads = table.get("load")
    if not isinstance(loads, list) or not loads or not all(isinstance(x, dict) for x in loads):
        raise UsageError(f"{file} has no load: it needs {_ONE}.")
    common = _headers(table.get("headers", {}), str(file))
    found = [_load(one, f"{file}, load {n}", file.parent) for n, one in enumerate(loads, 1)]
    return [replace(route, headers=(*common, *route.headers)) for route in found]


def _load(table: Mapping[str, Any], where: str, folder: Path) -> LoadInfo:
    _known(table, _KEYS, where)
    given = dict(table)
    if not isinstance(given.get("route"), str):
        raise UsageError(f'{where} has no route, such as route = "GET /items/{{n}}".')
    given["route"], what = checked_route(given["route"])
    where = f"{where} ({given['route']})"
    if what:
        raise UsageError(f"{where}: the {what}.")
    if ("rps" in given) == ("clients" in given):
        raise UsageError(f"{where} needs either rps or clients: how often, or how many clients.")
    given["headers"] = _headers(given.get("headers", {}), where)
    for name, value in given.items():
        if name in parameters(Load) and name != "route" and (what := wrong(Load, name, value)):
            raise UsageError(f"{where}: {what}.")
    for name, least in (("clients", 1), ("messages", 1)):
        value = given.get(name, least)
        if not fits(value, int) or not least <= value <= CLIENTS_MAX:
            raise UsageError(
                f"{where}: {name} must be a whole number from {least} to {CLIENTS_MAX:,}, "
                f"not {shown(value)}."
            )
    for name in ("body", "text"):
        if not fits(given.get(name, ""), str):
            raise UsageError(f"{where}: {name} must be {words(str)}, not {shown(given[name])}.")
    return LoadInfo(**{"rps": 0.0} | _with_content(given, where, folder))


def _with_content(given: dict[str, Any], where: str, folder: Path) -> dict[str, Any]:
    """With the body's file named from the root."""
    method = split_route(given["route"])[0]
    content = [name for name in ("body", "text") if name in given]
    if len(content) > 1:
        raise UsageError(f"{where} has both a body, which is a file, and a text: leave one out.")
    if content and method not in (*BODIES, STREAMS[0]):
        raise UsageError(f"{where} has a {content[0]}, but a {method} sends none: leave it out.")
    if "messages" in given and method not in STREAMS:
        raise UsageError(f"{where}: messages are for {' and '.join(STREAMS)}: leave it out.")
    if "body" in given:
        file = (folder / given["body"]).absolute()
        if not file.is_file():
            raise UsageError(f"{where}: there is no file {file} for the body.")
        given["body"] = str(file)
    return given


def _headers(table: Any, where: str) -> tuple[str, ...]:
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise UsageError(
            f'{where}: headers must be texts by name, as in {{ accept = "text/html" }}.'
        )
    return tuple(
        checked_header(f"{name}: {value}", f"{where}: the header") for name, value in table.items()
    )


def _known(table: Mapping[str, Any], keys: tuple[str, ...] | list[str], where: str) -> None:
    for key in table:
        if key not in keys:
            raise UsageError(f"{where} has no {key!r}; there are: {', '.join(keys)}.")
