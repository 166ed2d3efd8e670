"""The load on a program, in the words of the command line: `GET /items/{n} @ 50`."""

import re
from collections.abc import Iterable

from loopviz.errors import UsageError
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.catalogue.checks import wrong
from loopviz.scenario import Load

__all__ = ["read_load"]

NONE = "none"
_BETWEEN = re.compile(r"(?<=\d)\s+(?=[A-Z]+\s+/)")
"""After a rate, before the next route."""
EXAMPLE = '--load "GET /items/{n} @ 50"'


def read_load(words: Iterable[str]) -> tuple[LoadInfo, ...]:
    """A route for each; `none`: no load. Raises UsageError.

    From an environment variable they come split at every space.
    """
    given = " ".join(words)
    if given in ("", NONE):
        return ()
    return tuple(map(_route, _BETWEEN.split(given)))


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
