"""Patches that make the primitives that tasks wait for record their use (`probe.recorder`).

`watch` patches the classes once per process, however many loops are recorded; the last `unwatch`
restores exactly what was there. A third-party library is patched only if and when the app
imports it. A library's file is found by its `ADAPTER`.
"""

import pkgutil
import sys
from importlib import import_module
from typing import Any

from loopviz.errors import LoopvizError
from loopviz.probe.patches import asyncio_primitives, coroutines, executors
from loopviz.probe.patches.patch import Adapter
from loopviz.probe.patches.registry import describable, resource_of, reveal
from loopviz.probe.patches.watchers import SharedPatches
from loopviz.probe.recorder import ResourceDescription, current

__all__ = ["rename", "unwatch", "watch"]


def _adapters() -> list[Adapter]:
    """The adapters of the files of this folder."""
    files = [import_module(f"{__name__}.{file.name}") for file in pkgutil.iter_modules(__path__)]
    return [file.ADAPTER for file in files if hasattr(file, "ADAPTER")]


_ADAPTERS = _adapters()
_MODULES = {name: patches for adapter in _ADAPTERS for name, patches in adapter.modules.items()}
_PARTS = tuple(part for adapter in _ADAPTERS for part in adapter.parts)
_PATHS = tuple(path for adapter in _ADAPTERS for path in adapter.paths)

_patches = SharedPatches(
    _MODULES,
    (*asyncio_primitives.patches(_PARTS), *executors.PATCHES, *coroutines.PATCHES),
)
watch, unwatch = _patches.watch, _patches.unwatch


def rename(primitive: Any, name: str) -> None:
    """Give a lock, queue, pool or executor a name on the screen and in reports.

    For an engine of SQLAlchemy, or a client of httpx, httpx2, aiohttp or redis, its pool gets the
    name. Raises LoopvizError for an object that loopviz does not know as a resource.
    """
    for module, patches in _MODULES.items():
        if module in sys.modules:
            patches(sys.modules[module])  # registers how its primitives are described
    resource = _resource_of(primitive)
    resource.change(name=name)
    recorder = current()
    if recorder is not None:
        recorder.introduce(resource)


def _resource_of(primitive: Any) -> ResourceDescription:
    """Its resource, even if it is a library's own: the app has named it."""
    try:
        return resource_of(primitive) or reveal(primitive)
    except LoopvizError:
        for path in _PATHS:
            inside = primitive
            for attribute in path:
                inside = getattr(inside, attribute, None)
            if isinstance(inside, ResourceDescription):
                return inside
            if inside is not None and describable(inside):
                return resource_of(inside) or reveal(inside)
        raise
