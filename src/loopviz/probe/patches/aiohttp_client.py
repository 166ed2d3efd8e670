"""The connectors of aiohttp's client, and its calls. Nothing here imports aiohttp.

A connector may have two bounds: on all of its connections, and on those to one host. The second is
a resource of its own for each host, since a task waits for one or for the other.
"""

import sys
from operator import attrgetter
from types import ModuleType
from typing import Any

from loopviz.probe.patches.patch import Adapter, Patch
from loopviz.probe.patches.registry import describes, resource_of
from loopviz.probe.patches.wrappers import calls, makes
from loopviz.probe.places import user_frame
from loopviz.probe.recorder import Recorder, ResourceDescription, current, fail_safe
from loopviz.wire import kinds

__all__ = ["ADAPTER"]

_HOOK = "aiohttp.connector"
_HOSTS = 100
"""Most hosts of a connector that have a resource of their own."""


def _connectors(module: ModuleType) -> list[Patch]:
    """Patches of `aiohttp.connector` (3.10.11 and later)."""
    connector = module.BaseConnector
    describes(connector, _describe)
    return [
        Patch(connector, "__init__", makes()),
        Patch(connector, "connect", _connect),
        Patch(connector, "_wait_for_available_connection", _wait),
        Patch(connector, "_release_acquired", _release),
        Patch(connector, "_close", _close),
    ]


def _clients(module: ModuleType) -> list[Patch]:
    """Patches of `aiohttp.client`."""
    return [Patch(module.ClientSession, "_request", calls(attrgetter("status"), _host))]


def _describe(connector: Any, seen: bool) -> ResourceDescription:
    return ResourceDescription(kinds.AIOHTTP_POOL, capacity=connector._limit, seen=seen)


class _Units:
    """Who has the connections of one connector."""

    __slots__ = ("connecting", "having", "hosts", "total")

    def __init__(self, total: ResourceDescription) -> None:
        self.total = total
        self.hosts: dict[Any, ResourceDescription] = {}
        """The resource of each host, if its connections are bounded."""
        self.connecting: dict[int, bool] = {}
        """The tasks in `connect`, and whether they have a unit already."""
        self.having: dict[Any, tuple[int, Any]] = {}
        """The task and the host of each connection that is in use."""

    def of(self, connector: Any, key: Any) -> list[tuple[ResourceDescription, int]]:
        """The resources that a connection to that host is a unit of, and their units in use."""
        found = [(self.total, len(connector._acquired))]
        host = self._host(connector, key)
        if host is not None:
            found.append((host, len(connector._acquired_per_host.get(key, ()))))
        return found

    def full(self, connector: Any, key: Any) -> ResourceDescription:
        """The resource that makes a task wait."""
        if connector._limit and len(connector._acquired) >= connector._limit:
            return self.total
        return self._host(connector, key) or self.total

    def _host(self, connector: Any, key: Any) -> ResourceDescription | None:
        host = self.hosts.get(key)
        if host is None and connector._limit_per_host and len(self.hosts) < _HOSTS:
            host = self.hosts[key] = ResourceDescription(
                kinds.AIOHTTP_POOL,
                f"{self.total.name or kinds.AIOHTTP_POOL.short_name} {key.host}:{key.port}",
                capacity=connector._limit_per_host,
                seen=False,
            )
            host.code, host.line, host.maker = self.total.code, self.total.line, self.total.maker
        return host


def _units(connector: Any) -> _Units | None:
    """None if the connector is hidden."""
    try:
        return connector._loopviz_units  # type: ignore[no-any-return]
    except AttributeError:
        total = resource_of(connector)
        connector._loopviz_units = units = None if total is None else _Units(total)
        return units


def _connect(original: Any) -> Any:
    async def connect(self: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = current()
        if recorder is None:
            return await original(self, req, *args, **kwargs)
        task_id, connection = recorder.task(), None
        with fail_safe(_HOOK, recorder):
            _begin(recorder, self, req.connection_key, task_id)
        try:
            connection = await original(self, req, *args, **kwargs)
            return connection
        finally:
            with fail_safe(_HOOK, recorder):
                _end(recorder, self, req.connection_key, task_id, connection)

    return connect


def _begin(recorder: Recorder, connector: Any, key: Any, task_id: int) -> None:
    """A task that need not wait has its unit at once: opening the connection may take a while."""
    units = _units(connector)
    if units is not None:
        free = key in connector._conns or connector._available_connections(key) > 0
        units.connecting[task_id] = free
        if free:
            place = recorder.lines.of(user_frame(sys._getframe(2)))
            for resource, in_use in units.of(connector, key):
                recorder.acquired(resource, in_use + 1, task_id, place)


def _end(recorder: Recorder, connector: Any, key: Any, task_id: int, connection: Any) -> None:
    units = _units(connector)
    if units is not None:
        has = units.connecting.pop(task_id, False)
        if connection is not None:
            units.having[connection.protocol] = task_id, key
        elif has:
            _released(recorder, connector, units, key, task_id)


def _released(recorder: Recorder, connector: Any, units: _Units, key: Any, task_id: int) -> None:
    if current() is recorder:
        for resource, in_use in units.of(connector, key):
            recorder.released(resource, in_use, task_id)


def _wait(original: Any) -> Any:
    async def _wait_for_available_connection(self: Any, key: Any, *args: Any) -> None:
        recorder, full = current(), None
        if recorder is not None:
            with fail_safe(_HOOK, recorder):
                full = _must_wait(recorder, self, key)
        if recorder is None or full is None:
            await original(self, key, *args)
            return
        task_id = recorder.task()
        try:
            await original(self, key, *args)
        except BaseException:
            if current() is recorder:
                recorder.wait_over(full, task_id=task_id)
            raise
        with fail_safe(_HOOK, recorder):
            units = _units(self)
            if units is not None and current() is recorder:
                units.connecting[task_id] = True
                for resource, in_use in units.of(self, key):
                    recorder.acquired(resource, in_use + 1, task_id)

    return _wait_for_available_connection


def _must_wait(recorder: Recorder, connector: Any, key: Any) -> ResourceDescription | None:
    units, task_id = _units(connector), recorder.task()
    if units is None or task_id not in units.connecting:
        return None  # `connect` was called before the probe came
    if units.connecting[task_id]:  # the idle connection that it was to have was dead
        units.connecting[task_id] = False
        _released(recorder, connector, units, key, task_id)
    full = units.full(connector, key)
    recorder.wait(full)
    return full


def _release(original: Any) -> Any:
    def _release_acquired(self: Any, key: Any, proto: Any) -> None:
        original(self, key, proto)
        units = getattr(self, "_loopviz_units", None)
        if units is not None and proto in units.having:
            task_id, key = units.having.pop(proto)
            recorder = current()
            if recorder is not None:
                with fail_safe(_HOOK, recorder):
                    _released(recorder, self, units, key, task_id)

    return _release_acquired


def _close(original: Any) -> Any:
    """Wrap the end of a connector, which gives up all of its connections at once."""

    def _close(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        units, recorder = getattr(self, "_loopviz_units", None), current()
        while units is not None and units.having:
            _, (task_id, key) = units.having.popitem()
            if recorder is not None:
                with fail_safe(_HOOK, recorder):
                    for resource, _ in units.of(self, key):
                        recorder.released(resource, 0, task_id)
        return result

    return _close


def _host(session: Any, _method: str, url: Any, *_: Any, **__: Any) -> str:
    return session._build_url(url).host or ""


ADAPTER = Adapter(
    modules={"aiohttp.connector": _connectors, "aiohttp.client": _clients},
    paths=(("_connector",),),
)
