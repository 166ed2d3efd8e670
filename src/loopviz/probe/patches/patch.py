"""Replaces attributes of classes and modules, and restores them exactly."""

import functools
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any, NamedTuple

__all__ = ["Adapter", "Applied", "Patch", "apply", "undo"]

_MISSING = object()
_NATIVE_FUNCTION = "cython_function_or_method"
"""The type of functions of the native core."""


class Patch(NamedTuple):
    """A replacement: `make(original)` for the attribute `name` of `owner`.

    If the original is a classmethod, `make` takes and returns a plain function.
    """

    owner: Any
    name: str
    make: Callable[[Any], Any]


class Adapter(NamedTuple):
    """A library's patches, and what belongs to them. Each file of a library has one."""

    modules: Mapping[str, Callable[[Any], Iterable[Patch]]]
    """The patches of each module, applied if and when the app imports it."""
    parts: tuple[str, ...] = ()
    """Prefixes of modules whose locks and queues are parts of a pool, which is recorded as a
    whole."""
    paths: tuple[tuple[str, ...], ...] = ()
    """Attributes that lead from the app's object (an engine, a client) to the resource."""


class Applied(NamedTuple):
    """A replaced attribute."""

    owner: Any
    name: str
    before: Any
    """The object that was there; `_MISSING` if it was inherited."""
    ours: Any


def apply(patches: Iterable[Patch]) -> list[Applied]:
    """Apply the patches; an owner without the attribute (in another version) stays as it is.

    If one raises, all are undone.
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
    """Undo the patches, the last first, except those that something else has replaced since."""
    for owner, name, before, ours in reversed(applied):
        if vars(owner).get(name) is not ours:
            continue
        if before is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, before)
    applied.clear()


def _disguise(replacement: Any, original: Any) -> Any:
    """Make the replacement look like the original, also to `inspect` and in coroutines' names."""
    if type(replacement).__name__ == _NATIVE_FUNCTION:
        return functools.update_wrapper(replacement, original)
    if not isinstance(replacement, FunctionType):
        return replacement
    functools.update_wrapper(replacement, original)
    code = getattr(original, "__code__", None)
    if code is not None:
        replacement.__code__ = replacement.__code__.replace(
            co_name=code.co_name, co_qualname=code.co_qualname
        )
    return replacement
