"""Checks values against the types that fields declare, and words what a value must be."""

from collections.abc import Callable, Sequence
from types import UnionType
from typing import Any, Literal, NamedTuple, get_args, get_origin

__all__ = ["Bound", "fits", "shown", "words"]

_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_LONGEST = 40
"""Characters of a value in a message."""


class Bound(NamedTuple):
    """A condition on values that are of the right type."""

    words: str
    """As in `rps must be 0 or more`."""
    holds: Callable[[Any], bool]


def fits(value: Any, hint: Any) -> bool:
    """Whether the value is of that type. No bool is a number; an int is a float."""
    if hint is Any:
        return True
    if isinstance(hint, UnionType):
        return any(fits(value, one) for one in get_args(hint))
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return value in inner
    if origin is Sequence:
        return isinstance(value, list | tuple) and all(fits(one, inner[0]) for one in value)
    if origin is Callable:
        return callable(value)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float if hint is float else hint)


def words(hint: Any) -> str:
    """What a value of that type is: `a whole number`, `'poisson' or 'constant'`."""
    origin, inner = get_origin(hint), get_args(hint)
    if isinstance(hint, UnionType):
        return _either([words(one) for one in inner])
    if origin is Literal:
        return _either([repr(one) for one in inner])
    if origin is Sequence:
        return f"a list of {'texts' if inner[0] is str else inner[0].__name__}"
    if origin is Callable:
        return "a function"
    return "None" if hint is type(None) else _WORDS.get(hint, getattr(hint, "__name__", "a value"))


def shown(value: Any) -> str:
    """The value in a message: a Python literal, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _either(choices: Sequence[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last
