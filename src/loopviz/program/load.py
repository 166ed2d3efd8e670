"""The load on a program, in the words of the command line: `GET /items/{n} @ 50`."""

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from loopviz.errors import UsageError
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.catalogue.checks import wrong
from loopviz.lab.load.client import BODIES
from loopviz.lab.load.config import split_route
from loopviz.scenario import Load

__all__ = ["read_load"]

NONE = "none"
_BETWEEN = re.compile(r"(?<=\d)\s+(?=[A-Z]+\s+/)")
"""After a rate, before the next route."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SET = ("host", "connection", "content-length", "transfer-encoding", "x-loopviz-sent")
EXAMPLE = '--load "GET /items/{n} @ 50"'


def read_load(
    words: Iterable[str], headers: Iterable[str] = (), body: str | None = None
) -> tuple[LoadInfo, ...]:
    """A route for each; `none`: no load. Raises UsageError.

    From an environment variable they come split at every space. All requests get the `headers`, and
    those with a body get what is in the file `body`.
    """
    given, own = " ".join(words), tuple(map(_header, headers))
    routes = () if given in ("", NONE) else tuple(map(_route, _BETWEEN.split(given)))
    if (own or body) and not routes:
        raise UsageError(f"--header and --body are for a load: give one, as in {EXAMPLE}.")
    routes = tuple(replace(route, headers=own) for route in routes)
    return routes if body is None else _with_body(routes, body)


def _header(text: str) -> str:
    """`Name: value`. Raises UsageError."""
    name, colon, value = text.partition(":")
    if not colon or not _TOKEN.fullmatch(name) or not value.isprintable() or not value.isascii():
        raise UsageError(f'--header {text!r} is no header, as in --header "Accept: text/html".')
    if name.lower() in _SET:
        raise UsageError(f"--header {name}: loopviz sets that one itself.")
    return f"{name}: {value.strip()}"


def _with_body(routes: tuple[LoadInfo, ...], body: str) -> tuple[LoadInfo, ...]:
    file = Path(body).absolute()
    if not os.access(file, os.R_OK) or not file.is_file():
        raise UsageError(f"--body {body} is no file that can be read.")
    if not any(_takes_body(route) for route in routes):
        raise UsageError(f"--body {body}: none of these requests has a body, as a POST has.")
    return tuple(
        replace(route, body=str(file)) if _takes_body(route) else route for route in routes
    )


def _takes_body(route: LoadInfo) -> bool:
    return split_route(route.route)[0] in BODIES


def _route(text: str) -> LoadInfo:
    route, _, rate = text.rpartition("@")
    route = " ".join(route.split())
    try:
        rps = float(rate)
    except ValueError:
        rps = 0.0
    if not rps > 0:
        raise UsageError(
            f"--load {text!r} does not say how often: "
            f"a method, a path, @ and requests per second, as in {EXAMPLE}; or none."
        )
    for name, value in (("route", route), ("rps", rps)):
        if what := wrong(Load, name, value):
            raise UsageError(f"--load {text!r}: the {what}, as in {EXAMPLE}.")
    return LoadInfo(route, rps)
