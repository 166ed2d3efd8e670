"""`loopviz.parts.database`: new tables, on SQLite or a real PostgreSQL, and nothing left behind."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from loopviz.errors import TargetError
from loopviz.parts import database as part
from loopviz.parts.database import VARIABLE, database
from tests.support.postgres import installed, serving

TABLES = ("loopviz_a (n INTEGER UNIQUE)", "loopviz_b AS SELECT 1 AS n")


async def ask(url, question):
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        result = await connection.execute(text(question))
        rows = list(result.scalars()) if result.returns_rows else []
    await engine.dispose()
    return rows


async def used():
    """The rows of a new database, before and after one more; and its URL."""
    async with database(*TABLES) as url:
        before = await ask(url, "SELECT n FROM loopviz_a UNION ALL SELECT n FROM loopviz_b")
        await ask(url, "INSERT INTO loopviz_a VALUES (7) RETURNING n")
        return before, await ask(url, "SELECT n FROM loopviz_a"), url


def test_sqlite_is_a_file_of_its_own_with_a_write_ahead_log(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)

    async def main():
        async with database(*TABLES) as url:
            return url, await ask(url, "PRAGMA journal_mode"), Path(url.database).exists()

    (first, mode, there), (second, *_) = asyncio.run(main()), asyncio.run(main())
    assert mode == ["wal"]
    assert there
    assert first != second
    assert not Path(first.database).parent.exists()
    assert asyncio.run(used())[:2] == ([1], [7])


@pytest.mark.real
def test_postgres_has_new_tables_each_time_and_none_in_the_end(postgres, monkeypatch):
    monkeypatch.setenv(VARIABLE, postgres.url)
    asyncio.run(ask(postgres.url, "CREATE TABLE loopviz_a (left_by_a_run_that_was_killed TEXT)"))
    for _ in range(2):
        before, after, url = asyncio.run(used())
        assert (before, after) == ([1], [7])
    assert url == make_url(postgres.url)
    left = "SELECT tablename FROM pg_tables WHERE tablename LIKE 'loopviz%'"
    assert asyncio.run(ask(postgres.url, left)) == []


@pytest.mark.real
def test_two_do_not_share_tables(postgres, monkeypatch):
    """The second waits for a while: the first may be a run that is ending."""
    monkeypatch.setenv(VARIABLE, postgres.url)
    monkeypatch.setattr(part, "_TURN_S", 0.2)

    async def main():
        async with database(*TABLES):
            async with database("loopviz_c (n INTEGER)"):
                pass  # others are no matter
            with pytest.raises(TargetError, match="Another loopviz uses loopviz_a, loopviz_b at"):
                async with database(*TABLES):
                    pass
        async with database(*TABLES):
            pass

    asyncio.run(main())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "is not a database URL: write postgresql+asyncpg://"),
        ("postgresql://me:secret@host/x", "starts with postgresql://"),
        ("mysql+aiomysql://host/x", "starts with mysql+aiomysql://"),
        ("postgresql+asyncpg://me:secret@127.0.0.1:1/x", "me:***@127.0.0.1:1/x, which cannot be"),
        ("postgresql+asyncpg://me:secret@/x?host=/nowhere", "which cannot be used"),
    ],
)
def test_a_url_that_cannot_be_used_is_said_in_a_sentence(monkeypatch, url, says):
    monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(TargetError) as error:
        asyncio.run(used())
    said = str(error.value)
    assert said.startswith(VARIABLE)
    assert says in said
    assert "secret" not in said
    assert "unset the variable to use SQLite" in said or "write postgresql+asyncpg" in said
    assert "\n" not in said


@pytest.mark.real
def test_a_database_that_does_not_exist_is_said(postgres, monkeypatch):
    monkeypatch.setenv(VARIABLE, postgres.url.replace("/postgres?", "/nope?"))
    with pytest.raises(TargetError, match='database "nope" does not exist'):
        asyncio.run(used())


def test_asyncpg_is_an_extra(monkeypatch):
    monkeypatch.setenv(VARIABLE, "postgresql+asyncpg://host/x")
    monkeypatch.setattr(part, "find_spec", lambda _name: None)
    with pytest.raises(TargetError, match=r'pip install "loopviz\[postgres\]"'):
        asyncio.run(used())


@pytest.mark.real
@pytest.mark.parametrize("kind", ["system", "embedded"])
def test_both_kinds_of_server_start_answer_and_end(kind):
    binaries = installed().get(kind)
    if binaries is None:
        pytest.skip(f"no {kind} PostgreSQL here")
    with serving(binaries) as server:
        assert "PostgreSQL" in asyncio.run(ask(server.url, "SELECT version()"))[0]
        pid = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    assert not server.folder.exists()
    assert not Path(f"/proc/{pid}").exists()
