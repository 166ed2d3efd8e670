"""A broker for Celery in an SQLite file, with acknowledgements.

kombu's own filesystem and SQLAlchemy transports delete a message once it is *taken*: those of a
killed worker are lost, `acks_late` or not. Here a message stays until it is acknowledged, and
`give_back` requeues those that a dead worker had taken.
"""

import sqlite3
from contextlib import closing
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.utils.json import dumps, loads

__all__ = ["SCHEME", "Channel", "Transport", "give_back"]

SCHEME = "loopviz-sqlite"
"""The scheme of broker URLs: `loopviz-sqlite:////path/of/the/file`."""
TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"

_BUSY_S = 5.0
_TABLE = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, queue TEXT, tag TEXT UNIQUE, body TEXT, taken INTEGER DEFAULT 0
)"""
_TAKE = """
UPDATE messages SET taken = 1
WHERE id = (SELECT min(id) FROM messages WHERE queue = ? AND NOT taken) RETURNING body"""


def run(path: str, statement: str, *values: object) -> list[Any]:
    """Run one statement in its own transaction, on any thread. Returns its rows."""
    with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # survives kill -9 of a process
        return connection.execute(statement, values).fetchall()


def give_back(path: str) -> None:
    """Requeue unacknowledged messages. To be called before a queue's only worker starts."""
    run(path, _TABLE)
    run(path, "UPDATE messages SET taken = 0 WHERE taken")


class Channel(virtual.Channel):
    """A kombu channel on the SQLite file."""

    def __init__(self, connection: Any, **options: Any) -> None:
        super().__init__(connection, **options)
        self._path = "/" + connection.client.virtual_host.lstrip("/")
        run(self._path, "PRAGMA journal_mode = WAL")
        run(self._path, _TABLE)

    def _put(self, queue: str, message: dict[str, Any], **_options: object) -> None:
        tag = message["properties"]["delivery_tag"]
        insert = "INSERT INTO messages (queue, tag, body) VALUES (?, ?, ?)"
        run(self._path, insert, queue, tag, dumps(message))

    def _get(self, queue: str, timeout: float | None = None) -> Any:  # noqa: ARG002
        taken = run(self._path, _TAKE, queue)
        if not taken:
            raise Empty
        return loads(taken[0][0])

    def _size(self, queue: str) -> int:
        counted = run(
            self._path, "SELECT count(*) FROM messages WHERE queue = ? AND NOT taken", queue
        )
        return int(counted[0][0])

    def _purge(self, queue: str) -> int:
        return len(run(self._path, "DELETE FROM messages WHERE queue = ? RETURNING id", queue))

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        super().basic_ack(delivery_tag, multiple)
        run(self._path, "DELETE FROM messages WHERE tag = ?", delivery_tag)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        super().basic_reject(delivery_tag, requeue)
        if not requeue:
            run(self._path, "DELETE FROM messages WHERE tag = ?", delivery_tag)

    def _restore(self, message: Any) -> None:
        """Requeue a message, which never left the table."""
        run(self._path, "UPDATE messages SET taken = 0 WHERE tag = ?", message.delivery_tag)


class Transport(virtual.Transport):
    """A kombu transport with such channels."""

    Channel = Channel
    polling_interval = 0.05
    driver_type = driver_name = "sqlite"

    def driver_version(self) -> str:
        return sqlite3.sqlite_version
