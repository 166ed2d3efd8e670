"""The load on a program, in the words of the command line: `GET /items/{n} @ 50`."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from loopviz.errors import UsageError
from loopviz.lab.catalogue import STREAM_ROWS, LoadInfo
from loopviz.lab.catalogue.checks import wrong
from loopviz.lab.load.config import ASK, is_question, split_route
from loopviz.lab.load.request import BODIES
from loopviz.program.load_file import read_load_file
from loopviz.program.load_parts import CLIENTS_MAX, checked_header, checked_route
from loopviz.scenario import Load

__all__ = ["read_load"]

NONE = "none"
DOCUMENT = "/openapi.json"
EXAMPLE = '--load "GET /items/{n} @ 50", or "GET / clients=20"'
ASKED_RPS = 20.0
"""Requests a second to all routes of an app together, where nothing is said."""
_HOW_OFTEN = re.compile(
    r"(?P<what>.+?)(?:[\s,]*@\s*(?P<rps>\S+)|[\s,]+clients\s*=\s*(?P<clients>\S+))"
)


def read_load(
    words: Iterable[str], headers: Iterable[str] = (), body: str | None = None
) -> tuple[LoadInfo, ...]:
    """A route for each; those of a `FILE.toml`; `none`: no load. Raises UsageError.

    From an environment variable they come split at every space. All requests get the `headers`, and
    those with a body, and messages of WebSockets, get what is in the file `body`.
    """
    own = tuple(checked_header(header, "--header") for header in headers)
    given = list(words)
    files = [word for word in given if word.endswith(".toml")]
    spoken = [part for word in given if word not in files for part in word.split()]
    routes = [route for file in files for route in read_load_file(Path(file))]
    routes += map(_route, _parts([] if spoken == [NONE] else spoken))
    if (own or body) and not routes:
        raise UsageError(f"--header and --body are for a load: give one, as in {EXAMPLE}.")
    made = tuple(replace(route, headers=(*own, *route.headers)) for route in routes)
    return made if body is None else _with_body(made, body)


def _parts(words: Sequence[str]) -> list[str]:
    """Cut where a route begins: `METHOD /path`, or `openapi`."""
    parts: list[list[str]] = []
    for word, following in zip(words, [*words[1:], ""], strict=False):
        begins = word.isalpha() and (following.startswith("/") or word == ASK)
        if (begins and not (word == "all" and parts and parts[-1] == [ASK])) or not parts:
            parts.append([])
        parts[-1].append(word)
    return [" ".join(part) for part in parts]


def _route(text: str) -> LoadInfo:
    if text.split(maxsplit=1)[0] == ASK:
        return _question(text)
    match = _HOW_OFTEN.fullmatch(text)
    rps = _number(match["rps"]) if match and match["rps"] else 0.0
    clients = _number(match["clients"]) if match and match["clients"] else 0.0
    if match is None or (match["rps"] and not rps > 0):
        raise UsageError(
            f"--load {text!r} does not say how often: a method, a path, and either @ and requests "
            f"per second, or clients= and their number, as in {EXAMPLE}; or none."
        )
    if match["clients"] and not (clients.is_integer() and 1 <= clients <= CLIENTS_MAX):
        raise UsageError(
            f"--load {text!r}: clients must be a whole number from 1 to {CLIENTS_MAX:,}, "
            f"not {match['clients']}, as in {EXAMPLE}."
        )
    route, what = checked_route(match["what"])
    if what := what or wrong(Load, "rps", rps):
        raise UsageError(f"--load {text!r}: the {what}, as in {EXAMPLE}.")
    return LoadInfo(route, rps, clients=int(clients))


def _question(text: str) -> LoadInfo:
    """`openapi [all] [/path] [@ RPS]`."""
    match = re.fullmatch(rf"{ASK}( all)?( /\S*)?(?: ?@ ?(\S+))?", text)
    rps = _number(match[3]) if match and match[3] else ASKED_RPS
    if match is None or not rps > 0 or wrong(Load, "rps", rps):
        raise UsageError(
            f"--load {text!r} is not understood: {ASK}, all (also for methods that may change "
            f"something), the path of the document ({DOCUMENT}), and a rate for all routes "
            f'together may follow each other, as in --load "{ASK} all @ 20".'
        )
    return LoadInfo(f"{ASK}{match[1] or ''} {(match[2] or DOCUMENT).strip()}", rps)


def _number(text: str) -> float:
    try:
        return float(text.removesuffix("/s"))
    except ValueError:
        return 0.0


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
    """Whether it has room for one."""
    if is_question(route) or route.body or route.text:
        return False
    return split_route(route.route)[0] in (*BODIES, next(iter(STREAM_ROWS)))
