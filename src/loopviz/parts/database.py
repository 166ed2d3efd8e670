"""A real database for a scenario: SQLite by default, or PostgreSQL by `LOOPVIZ_DATABASE_URL`.

The scenario makes the engine, with the settings of its pool: that is the lesson.
"""

import asyncio
import os
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from loopviz.errors import TargetError

__all__ = ["VARIABLE", "database"]

VARIABLE = "LOOPVIZ_DATABASE_URL"
_SQLITE = "sqlite+aiosqlite"
_POSTGRES = "postgresql+asyncpg"
_CONNECT_S = 3.0
_TURN_S = 2.0
"""Seconds to wait for another loopviz on the same tables: the last run may still be ending."""


@asynccontextmanager
async def database(*tables: str) -> AsyncIterator[URL]:
    """The URL of a database with these tables, which are created empty and dropped at the end.

    A table is what follows `CREATE TABLE`: `"loopviz_votes (count INTEGER)"`. Name it `loopviz_…`:
    on PostgreSQL a table of that name is dropped first. Raises TargetError if the requested server
    cannot be used.
    """
    asked = os.environ.get(VARIABLE)
    place = _on_server(_checked(asked), tables) if asked else _in_a_file(tables)
    async with place as url:
        yield url


@asynccontextmanager
async def _in_a_file(tables: Sequence[str]) -> AsyncIterator[URL]:
    """A temporary SQLite file, with a write-ahead log: readers do not wait for the writer."""
    with tempfile.TemporaryDirectory(prefix="loopviz-db-") as folder:
        url = URL.create(_SQLITE, database=str(Path(folder) / "scenario.db"))
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.begin() as connection:
            await connection.execute(text("PRAGMA journal_mode=WAL"))
            await _create(connection, tables)
        yield url


@asynccontextmanager
async def _on_server(url: URL, tables: Sequence[str]) -> AsyncIterator[URL]:
    """A PostgreSQL server, with tables that no other loopviz uses until the end."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with asyncio.timeout(_CONNECT_S):
            keeper = await engine.connect()
    except Exception as error:  # the driver's own, SQLAlchemy's and the system's
        why = str(error).partition("\n")[0] or type(error).__name__
        raise TargetError(
            f"{VARIABLE} is {_shown(url)}, which cannot be used ({why}): start that server, "
            "fix the URL, or unset the variable to use SQLite."
        ) from error
    try:
        await _take_turn(keeper, url, tables)
        await _drop(keeper, tables)  # left by a killed run
        await _create(keeper, tables)
        await keeper.commit()
        try:
            yield url
        finally:
            await _drop(keeper, tables)
            await keeper.commit()
    finally:
        await keeper.close()


async def _create(connection: AsyncConnection, tables: Sequence[str]) -> None:
    for table in tables:
        await connection.execute(text(f"CREATE TABLE {table}"))


async def _drop(connection: AsyncConnection, tables: Sequence[str]) -> None:
    for name in _names(tables):
        await connection.execute(text(f"DROP TABLE IF EXISTS {name}"))


async def _take_turn(keeper: AsyncConnection, url: URL, tables: Sequence[str]) -> None:
    """Take a lock that the server keeps as long as this connection lasts. Raises TargetError."""
    names = ", ".join(_names(tables))
    key = zlib.crc32(names.encode())
    deadline = time.monotonic() + _TURN_S
    while not await keeper.scalar(text(f"SELECT pg_try_advisory_lock({key})")):
        if time.monotonic() > deadline:
            raise TargetError(
                f"Another loopviz uses {names} at {_shown(url)}: end it, "
                f"or give this one another database in {VARIABLE}."
            )
        await asyncio.sleep(0.05)


def _checked(asked: str) -> URL:
    """The parsed URL. Raises TargetError unless its driver is a known and installed one."""
    try:
        url = make_url(asked)
    except ArgumentError as error:
        raise TargetError(
            f"{VARIABLE} is not a database URL: write {_POSTGRES}://user:password@host/database."
        ) from error
    if url.drivername != _POSTGRES:
        raise TargetError(
            f"{VARIABLE} starts with {url.drivername}://, but scenarios need an async PostgreSQL "
            f"driver: write {_POSTGRES}://…, or unset the variable to use SQLite."
        )
    if find_spec("asyncpg") is None:
        raise TargetError(
            f'{VARIABLE} needs asyncpg: run `pip install "loopviz[postgres]"`, '
            "or unset the variable to use SQLite."
        )
    return url


def _names(tables: Sequence[str]) -> list[str]:
    return [table.split()[0] for table in tables]


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)
