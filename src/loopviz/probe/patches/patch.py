"""Attributes of classes and modules that are replaced, and put back exactly."""

import functools
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any, NamedTuple

__all__ = ["Adapter", "Applied", "Patch", "apply", "undo"]

_MISSING = object()


class Patch(NamedTuple):
    """`make(original)` stands in for the attribute `name` of `owner`.

    An original that is a classmethod is given, and wanted back, as a plain function.
    """

    owner: Any
    name: str
    make: Callable[[Any], Any]


class Adapter(NamedTuple):
    """A library's patches, and what belongs to them. Each file of a library has one."""

    modules: Mapping[str, Callable[[Any], Iterable[Patch]]]
    """By module: what to patch there, if and when the app imports it."""
    parts: tuple[str, ...] = ()
    """Prefixes of modules whose locks and queues are parts of a pool, which is recorded as a
    whole."""
    paths: tuple[tuple[str, ...], ...] = ()
    """Attributes that lead from what the app has (an engine, a client) to the resource."""


class Applied(NamedTuple):
    """An attribute that is replaced."""

    owner: Any
    name: str
    before: Any
    """The very object that was there; `_MISSING` if it was inherited."""
    ours: Any


def apply(patches: Iterable[Patch]) -> list[Applied]:
    """Replace what there is; an owner without such an attribute (another version's) stays.

    All or, if one raises, nothing.
    """
    applied: list[Applied] = []
    try:
        for patch in patches:
            _apply_one(*patch, applied)
    except Exception:
        undo(applied)
        raise
    return applied


def _apply_one(owner: Any, name: str, make: Callable[[Any], Any], applied: list[Applied]) -> None:
    before = vars(owner).get(name, _MISSING)
    original = getattr(owner, name, _MISSING) if before is _MISSING else before
    if original is _MISSING:
        return
    ours: Any
    if isinstance(original, classmethod):
        function = original.__func__
        ours = classmethod(_disguise(make(function), function))
    else:
        ours = _disguise(make(original), original)
    setattr(owner, name, ours)
    applied.append(Applied(owner, name, before, ours))


def undo(applied: list[Applied]) -> None:
    """Put everything back, the last first; but what somebody has replaced since stays his."""
    for owner, name, before, ours in reversed(applied):
        if vars(owner).get(name) is not ours:
            continue
        if before is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, before)
    applied.clear()


def _disguise(replacement: Any, original: Any) -> Any:
    """Let it look like the original, to `inspect` and in the names of coroutines, too."""
    if not isinstance(replacement, FunctionType):
        return replacement
    functools.update_wrapper(replacement, original)
    code = getattr(original, "__code__", None)
    if code is not None:
        replacement.__code__ = replacement.__code__.replace(
            co_name=code.co_name, co_qualname=code.co_qualname
        )
    return replacement
