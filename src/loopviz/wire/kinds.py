"""The kinds of resource: one row for each, read by the probe, the rules and the drawing.

A row is all that loopviz knows of a kind. A new pool needs an adapter in `probe/patches` and a row.
"""

from enum import Enum, auto
from typing import NamedTuple

__all__ = ["Family", "ResourceKind", "all_kinds", "kind_of"]


class Family(Enum):
    """The purpose of resources, which decides the rules that apply to them."""

    LOCK = auto()
    SEMAPHORE = auto()
    LIMITER = auto()
    """A semaphore whose capacity the app may change, often that of worker threads."""
    DATABASE_POOL = auto()
    CONNECTION_POOL = auto()
    """A pool of connections without transactions."""
    THREADS = auto()
    PROCESSES = auto()
    QUEUE = auto()
    EVENT = auto()
    CONDITION = auto()
    BARRIER = auto()
    OTHER = auto()


_POOLS = (Family.DATABASE_POOL, Family.CONNECTION_POOL, Family.PROCESSES)
_NEVER_HELD = (Family.QUEUE, Family.EVENT, Family.CONDITION, Family.BARRIER)


class ResourceKind(NamedTuple):
    """A kind of resource."""

    id: str
    """The name in recordings and reports: `asyncio.Semaphore`."""
    family: Family
    short_name: str = ""
    """The name on the screen, before the line that made it; empty: the class's name."""
    unit: str = "unit"
    """The noun for what a task takes one of: `permit`."""
    client: str = ""
    """The noun for the object that owns the resource, if all requests should share one."""

    @property
    def class_name(self) -> str:
        """The class's name without its module: `Semaphore`."""
        return self.id.rpartition(".")[2] or "resource"

    @property
    def units(self) -> str:
        """The plural of `unit`."""
        return f"{self.unit}es" if self.unit.endswith("s") else f"{self.unit}s"

    @property
    def holdable(self) -> bool:
        """True if a task can hold a unit; otherwise its wait simply ends."""
        return self.family not in _NEVER_HELD

    @property
    def pooled(self) -> bool:
        """True if its units are connections or processes, for which tasks should not have to wait.

        A semaphore or limiter, in contrast, exists to make tasks wait.
        """
        return self.family in _POOLS


LOCK = ResourceKind("asyncio.Lock", Family.LOCK)
SEMAPHORE = ResourceKind("asyncio.Semaphore", Family.SEMAPHORE, unit="permit")
BOUNDED_SEMAPHORE = ResourceKind("asyncio.BoundedSemaphore", Family.SEMAPHORE, unit="permit")
CONDITION = ResourceKind("asyncio.Condition", Family.CONDITION)
EVENT = ResourceKind("asyncio.Event", Family.EVENT)
BARRIER = ResourceKind("asyncio.Barrier", Family.BARRIER)
QUEUE = ResourceKind("asyncio.Queue", Family.QUEUE, unit="item")
ANYIO_EVENT = ResourceKind("anyio.Event", Family.EVENT)
ANYIO_LOCK = ResourceKind("anyio.Lock", Family.LOCK)
ANYIO_SEMAPHORE = ResourceKind("anyio.Semaphore", Family.SEMAPHORE, unit="permit")
ANYIO_LIMITER = ResourceKind("anyio.CapacityLimiter", Family.LIMITER, unit="token")
ANYIO_STREAM = ResourceKind("anyio.MemoryObjectStream", Family.QUEUE, unit="item")
THREAD_POOL = ResourceKind(
    "ThreadPoolExecutor", Family.THREADS, "threads", unit="thread", client="thread pool"
)
PROCESS_POOL = ResourceKind(
    "ProcessPoolExecutor",
    Family.PROCESSES,
    "processes",
    unit="worker process",
    client="process pool",
)
SQLALCHEMY_POOL = ResourceKind(
    "sqlalchemy.pool",
    Family.DATABASE_POOL,
    "db pool",
    unit="database connection",
    client="database engine",
)
ASYNCPG_POOL = ResourceKind(
    "asyncpg.pool",
    Family.DATABASE_POOL,
    "db pool",
    unit="database connection",
    client="database pool",
)
HTTPCORE_POOL = ResourceKind(
    "httpcore.pool",
    Family.CONNECTION_POOL,
    "http pool",
    unit="HTTP connection",
    client="HTTP client",
)
AIOHTTP_POOL = ResourceKind(
    "aiohttp.connector",
    Family.CONNECTION_POOL,
    "http pool",
    unit="HTTP connection",
    client="HTTP client",
)
REDIS_POOL = ResourceKind(
    "redis.pool",
    Family.CONNECTION_POOL,
    "redis pool",
    unit="Redis connection",
    client="Redis client",
)

_BY_ID = {row.id: row for row in tuple(globals().values()) if isinstance(row, ResourceKind)}


def all_kinds() -> tuple[ResourceKind, ...]:
    """All rows."""
    return tuple(_BY_ID.values())


def kind_of(kind_id: str) -> ResourceKind:
    """The row of a kind; a plain one for a kind that this version of loopviz does not know."""
    return _BY_ID.get(kind_id) or ResourceKind(kind_id, Family.OTHER)
