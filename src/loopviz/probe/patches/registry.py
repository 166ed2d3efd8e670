"""Which resource a primitive is: kept on the primitive itself, so that it lives as long."""

import weakref
from asyncio import _get_running_loop
from collections.abc import Callable
from typing import Any

from loopviz.errors import LoopvizError
from loopviz.probe.recorder import ResourceDescription, current, recorders

__all__ = ["attach", "describable", "describes", "hide", "known", "make", "resource_of"]

Describe = Callable[[Any, bool], ResourceDescription]
"""`describe(primitive, seen)`: its resource, made just now (`seen`) or met only now."""

_describe: dict[type, Describe] = {}
_elsewhere: "weakref.WeakKeyDictionary[Any, ResourceDescription | None]" = (
    weakref.WeakKeyDictionary()
)
"""Of those that have slots only."""


def describes(cls: type, describe: Describe) -> None:
    """From now on primitives of that class, and of its subclasses, are described so."""
    _describe[cls] = describe


def attach(primitive: Any, resource: ResourceDescription | None) -> None:
    """From now on it is that resource."""
    try:
        primitive._loopviz = resource
    except AttributeError:
        _elsewhere[primitive] = resource


def hide(primitive: Any) -> None:
    """It is part of something that is recorded as a whole: by itself it is not."""
    attach(primitive, None)


def known(primitive: Any) -> bool:
    """Whether it is known already: described, or hidden."""
    return hasattr(primitive, "_loopviz") or primitive in _elsewhere


def resource_of(primitive: Any) -> ResourceDescription | None:
    """Its resource, described if it is only met now; None if it is hidden.

    Raises LoopvizError for what is no primitive that we know.
    """
    try:
        return primitive._loopviz  # type: ignore[no-any-return]
    except AttributeError:
        describe = _find(primitive)
    if primitive in _elsewhere:
        return _elsewhere[primitive]
    resource = describe(primitive, False)
    attach(primitive, resource)
    return resource


def make(primitive: Any) -> None:
    """It has just been made: describe it, if on a recorded loop or where none runs (a module).

    Does not raise.
    """
    try:  # as `fail_safe`, and faster: some apps make a lock for each request
        loop = _get_running_loop()
        if (loop is None or loop in recorders) and not known(primitive):
            attach(primitive, _find(primitive)(primitive, True))
    except Exception as error:  # noqa: BLE001 - the app must go on
        recorder = current()
        if recorder is not None:
            recorder.fail("resource", error)


def describable(primitive: Any) -> bool:
    """Whether its class, or one that it inherits from, is described."""
    return any(cls in _describe for cls in type(primitive).__mro__)


def _find(primitive: Any) -> Describe:
    for cls in type(primitive).__mro__:
        if cls in _describe:
            return _describe[cls]
    what = f"{type(primitive).__module__}.{type(primitive).__qualname__}"
    raise LoopvizError(f"a {what} is no resource: name a lock, a queue, a pool or an executor.")
