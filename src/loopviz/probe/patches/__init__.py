"""The primitives that tasks wait for, each made to record what happens to it (`probe.recorder`).

`watch` patches the classes once in the process, however many loops are recorded; the last
`unwatch` puts back exactly what was there. Third-party libraries are patched only if the app
imports them, when it does.
"""

import sys
from typing import Any

from loopviz.errors import LoopvizError
from loopviz.probe.patches import (
    anyio_primitives,
    anyio_streams,
    asyncio_primitives,
    asyncpg_pool,
    executors,
    http_clients,
    sqlalchemy_pool,
)
from loopviz.probe.patches.registry import attach, resource_of
from loopviz.probe.patches.watchers import SharedPatches
from loopviz.probe.recorder import ResourceDescription, current

__all__ = ["rename", "unwatch", "watch"]

_LIBRARIES = {
    "anyio._core._synchronization": anyio_primitives.adapters,
    "anyio._backends._asyncio": anyio_primitives.primitives,
    "anyio.streams.memory": anyio_streams.streams,
    "asyncpg.pool": asyncpg_pool.pools,
    "httpcore._async.connection_pool": http_clients.pools,
    "httpcore2._async.connection_pool": http_clients.pools,
    "httpx._client": http_clients.clients,
    "httpx2._client": http_clients.clients,
    "httpx2.websockets._api": http_clients.web_sockets,
    "sqlalchemy.pool.impl": sqlalchemy_pool.pools,
}
"""By module: what is to be patched there."""

_patches = SharedPatches(_LIBRARIES, (*asyncio_primitives.PATCHES, *executors.PATCHES))
watch, unwatch = _patches.watch, _patches.unwatch


def rename(primitive: Any, name: str) -> None:
    """Call a lock, queue, pool or executor so, on the screen and in reports.

    It may be an engine of SQLAlchemy or a client of httpx or httpx2, too: their pool is meant.
    Raises LoopvizError for what loopviz does not know as a resource.
    """
    for module, patches in _LIBRARIES.items():
        if module in sys.modules:
            patches(sys.modules[module])  # teaches us to describe what is its
    resource = _resource_of(primitive)
    if resource is asyncio_primitives.ANY_EVENT:
        resource = ResourceDescription(resource.kind, seen=False)
        attach(primitive, resource)
    if resource is not None:
        resource.change(name=name)
        recorder = current()
        if recorder is not None:
            recorder.introduce(resource)


def _resource_of(primitive: Any) -> ResourceDescription | None:
    try:
        return resource_of(primitive)
    except LoopvizError:
        for names in _POOL_OF:
            inside = primitive
            for attribute in names:
                inside = getattr(inside, attribute, None)
            if inside is not None:
                return inside if isinstance(inside, ResourceDescription) else resource_of(inside)
        raise


_POOL_OF = (
    ("sync_engine", "pool"),
    ("_transport", "_pool"),
    ("_state",),
    ("_internal_limiter",),
    ("_queue", "_loopviz_pool"),
)
"""Where an engine, a client, a stream, an adapter and asyncpg's pool keep what is described."""
