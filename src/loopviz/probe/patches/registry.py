"""The resource of each primitive, kept on the primitive itself, so that it lives as long."""

import weakref
from asyncio import _get_running_loop
from collections.abc import Callable
from typing import Any

from loopviz.errors import LoopvizError
from loopviz.probe.recorder import ResourceDescription, current, recorders

__all__ = ["attach", "describable", "describes", "hide", "known", "make", "resource_of", "reveal"]

Describe = Callable[[Any, bool], ResourceDescription]
"""`describe(primitive, seen)`: its resource; `seen` if the primitive has just been made."""

_describe: dict[type, Describe] = {}
_elsewhere: "weakref.WeakKeyDictionary[Any, ResourceDescription | None]" = (
    weakref.WeakKeyDictionary()
)
"""The resources of primitives that have only slots."""


def describes(cls: type, describe: Describe) -> None:
    """Register how primitives of a class, and of its subclasses, are described."""
    _describe[cls] = describe


def attach(primitive: Any, resource: ResourceDescription | None) -> None:
    """Set a primitive's resource."""
    try:
        primitive._loopviz = resource
    except AttributeError:
        _elsewhere[primitive] = resource


def hide(primitive: Any) -> None:
    """Exclude a primitive from recording: it is part of a resource recorded as a whole."""
    attach(primitive, None)


def known(primitive: Any) -> bool:
    """True if the primitive has been described or hidden."""
    return hasattr(primitive, "_loopviz") or primitive in _elsewhere


def resource_of(primitive: Any) -> ResourceDescription | None:
    """A primitive's resource, described on first use; None if it is hidden.

    Raises LoopvizError for an object that is not a known primitive.
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


def make(primitive: Any, describe: Describe | None = None) -> None:
    """Describe a primitive just made, if on a recorded loop or where none runs (in a module).

    `describe`: by default that of its class. Does not raise.
    """
    try:  # like `fail_safe`, but faster: some apps make a lock for each request
        loop = _get_running_loop()
        if (loop is None or loop in recorders) and (describe or not known(primitive)):
            attach(primitive, (describe or _find(primitive))(primitive, True))
    except Exception as error:  # noqa: BLE001 - the app must go on
        recorder = current()
        if recorder is not None:
            recorder.fail("resource", error)


def reveal(primitive: Any) -> ResourceDescription:
    """Describe a hidden primitive after all."""
    resource = _find(primitive)(primitive, False)
    attach(primitive, resource)
    return resource


def describable(primitive: Any) -> bool:
    """True if the object's class, or a base class, is registered."""
    return any(cls in _describe for cls in type(primitive).__mro__)


def _find(primitive: Any) -> Describe:
    for cls in type(primitive).__mro__:
        if cls in _describe:
            return _describe[cls]
    what = f"{type(primitive).__module__}.{type(primitive).__qualname__}"
    raise LoopvizError(f"a {what} is not a resource: name a lock, a queue, a pool or an executor.")
