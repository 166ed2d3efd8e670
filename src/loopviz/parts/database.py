"""A real database for a scenario: SQLite by default, or PostgreSQL by `LOOPVIZ_DATABASE_URL`.

The engine, with the settings of its pool, is made in the scenario: that is the lesson.
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
"""How long to wait for another loopviz on the same tables: the last run may be ending still."""


@asynccontextmanager
async def database(*tables: str) -> AsyncIterator[URL]:
    """The URL of a database in which these tables are new; they are gone at the end.

    A table is what follows `CREATE TABLE`: `"loopviz_votes (count INTEGER)"`. Name it `loopviz_…`:
    on PostgreSQL a table of that name is dropped first. Raises TargetError, in a sentence, if the
    server that was asked for cannot be used.
    """
    asked = os.environ.get(VARIABLE)
    place = _on_server(_checked(asked), tables) if asked else _in_a_file(tables)
    async with place as url:
        yield url


@asynccontextmanager
async def _in_a_file(tables: Sequence[str]) -> AsyncIterator[URL]:
    """Of its own; with a write-ahead log, so that readers do not wait for the writer."""
    with tempfile.TemporaryDirectory(prefix="loopviz-db-") as folder:
        url = URL.create(_SQLITE, database=str(Path(folder) / "scenario.db"))
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.begin() as connection:
            await connection.execute(text("PRAGMA journal_mode=WAL"))
            await _create(connection, tables)
        yield url


@asynccontextmanager
async def _on_server(url: URL, tables: Sequence[str]) -> AsyncIterator[URL]:
    """On tables that nobody else uses meanwhile."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with asyncio.timeout(_CONNECT_S):
            keeper = await engine.connect()
    except Exception as error:  # the driver's own, SQLAlchemy's and the system's
        why = str(error).partition("\n")[0] or type(error).__name__
        raise TargetError(
            f"{VARIABLE} says {_shown(url)}, which cannot be used ({why}): start that server, "
            "mend the URL, or unset the variable to use SQLite."
        ) from error
    try:
        await _take_turn(keeper, url, tables)
        await _drop(keeper, tables)  # of a run that was killed
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
    """A lock that the server holds for as long as this connection lasts."""
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
    """Raises TargetError unless it is for a driver that we know, and have."""
    try:
        url = make_url(asked)
    except ArgumentError as error:
        raise TargetError(
            f"{VARIABLE} is no URL of a database: write {_POSTGRES}://user:password@host/database."
        ) from error
    if url.drivername != _POSTGRES:
        raise TargetError(
            f"{VARIABLE} begins with {url.drivername}://, and the scenarios know PostgreSQL by its "
            f"async driver: write {_POSTGRES}://…, or unset the variable to use SQLite."
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
