"""Checks of the parts of a program's load, wherever they come from."""

import re

from loopviz.errors import UsageError
from loopviz.lab.catalogue.checks import wrong
from loopviz.lab.load.config import STREAMS
from loopviz.scenario import Load

__all__ = ["CLIENTS_MAX", "checked_header", "checked_route"]

CLIENTS_MAX = 2_000
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SET = ("host", "connection", "content-length", "transfer-encoding", "x-loopviz-sent")


def checked_header(text: str, given: str) -> str:
    """`Name: value`, which was `given` so. Raises UsageError."""
    name, colon, value = text.partition(":")
    if not colon or not _TOKEN.fullmatch(name) or not value.isprintable() or not value.isascii():
        raise UsageError(f'{given} {text!r} is no header, as in {given} "Accept: text/html".')
    if name.lower() in _SET:
        raise UsageError(f"{given} {name}: loopviz sets that one itself.")
    return f"{name}: {value.strip()}"


def checked_route(text: str) -> tuple[str, str]:
    """The route as the load has it, and what is wrong with it; empty: nothing is."""
    method, _, path = " ".join(text.split()).partition(" ")
    method = method.upper()
    what = wrong(Load, "route", f"{'GET' if method in STREAMS else method} {path}")
    if what:
        what = wrong(Load, "route", text) or what
    return f"{method} {path}", what
