"""What must hold of the values that a scenario gives, whether they are read or run.

By the dataclasses of `loopviz.scenario`: a field's type there is what its value is checked against.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from loopviz.scenario import Fix, Load, Scenario

__all__ = ["METHODS", "parameters", "required", "wrong"]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "True or False"}


def parameters(kind: type[Any]) -> dict[str, Field[Any]]:
    """What `Fix(…)`, `Load(…)`, … take, in this order."""
    return {field.name: field for field in fields(kind)}


def required(kind: type[Any]) -> list[str]:
    """Those of them that have no default."""
    return [
        field.name
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    ]


def wrong(kind: type[Any], name: str, value: Any) -> str:
    """What is wrong with that argument's value: `rps must be a number, not 'x'`; empty: nothing."""
    hint = parameters(kind)[name].type
    if not _fits(value, hint):
        return f"{name} must be {_words(hint)}, not {_shown(value)}"
    if not _is_unicode(value):
        return f"{name} must be Unicode text, not {_shown(value)} with a lone surrogate"
    must = _MUST.get((kind, name))
    if must is None or must[1](value):
        return ""
    return f"{name} must be {must[0]}, not {_shown(value)}"


def _is_unicode(value: Any) -> bool:
    """False for text with a lone surrogate, which no UTF-8 can have, and for a list with such."""
    if isinstance(value, list | tuple):
        return all(map(_is_unicode, value))
    return not isinstance(value, str) or not any("\ud800" <= c <= "\udfff" for c in value)


def _is_route(value: str) -> bool:
    method, _, path = value.partition(" ")
    unfit = any(c.isascii() and not c.isprintable() for c in path)
    return method in METHODS and path.startswith("/") and " " not in path and not unfit


_MUST: dict[tuple[type[Any], str], tuple[str, Callable[[Any], bool]]] = {
    (Scenario, "title"): ("a few words", bool),
    (Fix, "key"): ("a word such as to_thread", str.isidentifier),
    (Fix, "workers"): ("1 or more", lambda value: value >= 1),
    (Load, "route"): ("a method and a path such as 'GET /report'", _is_route),
    (Load, "rps"): ("0 or more", lambda value: 0 <= value < math.inf),
    (Load, "timeout_s"): ("more than 0", lambda value: value > 0),
    (Load, "copies"): ("1 or more", lambda value: value >= 1),
    (Load, "leaves"): ("between 0 and 1", lambda value: 0 <= value <= 1),
    (Load, "leaves_within_s"): ("more than 0", lambda value: value > 0),
}
"""Beyond the type."""


def _fits(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    if isinstance(hint, UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return value in inner
    if origin is Sequence:
        return isinstance(value, list | tuple) and all(_fits(one, inner[0]) for one in value)
    if origin is Callable:
        return callable(value)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float if hint is float else hint)


def _words(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if isinstance(hint, UnionType):
        return " or ".join(_words(one) for one in inner)
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if origin is Sequence:
        return f"a list of {'texts' if inner[0] is str else inner[0].__name__}"
    if origin is Callable:
        return "a function"
    return "None" if hint is type(None) else _WORDS.get(hint, getattr(hint, "__name__", "a value"))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
