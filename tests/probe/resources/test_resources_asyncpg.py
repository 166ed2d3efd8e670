"""asyncpg's pool on a real PostgreSQL, if one can be started here."""

import asyncio
import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from resource_tools import TOLD, failures, most_in_use, resources, story, whos

from loopviz.wire.events import SIDE_IN

asyncpg = pytest.importorskip("asyncpg")
pytestmark = pytest.mark.real
KIND = "asyncpg.pool"
PLACES = ["/usr/lib/postgresql/15/bin", "/usr/local/bin"]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """A server on a socket in its own folder; started as another user if we are root."""
    initdb = shutil.which("initdb", path=":".join([*PLACES, os.environ.get("PATH", "")]))
    if initdb is None:
        pytest.skip("no PostgreSQL here")
    folder = Path(f"/tmp/loopviz-pg-{os.getpid()}")
    folder.mkdir()
    user = {}
    if os.getuid() == 0:
        try:
            nobody = pwd.getpwnam("postgres")
        except KeyError:
            nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    server = None
    try:
        data = folder / "data"
        made = subprocess.run(
            [initdb, "-D", data, "-U", "test", "-A", "trust", "-N"], check=False, **quiet, **user
        )
        if made.returncode:
            pytest.skip("PostgreSQL cannot be set up here")
        options = ["-k", str(folder), "-c", "listen_addresses=", "-F"]
        binary = Path(initdb).resolve().with_name("postgres")
        server = subprocess.Popen([binary, "-D", data, *options], **quiet, **user)
        deadline = time.monotonic() + 20
        while not (folder / ".s.PGSQL.5432").exists():
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.skip("PostgreSQL does not start here")
            time.sleep(0.05)
        time.sleep(0.3)
        yield {"host": str(folder), "user": "test", "database": "postgres"}
    finally:
        if server is not None:
            server.terminate()
            server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


async def query(pool):
    async with pool.acquire() as connection:
        await connection.fetch("select pg_sleep(0.02)")


def test_five_tasks_and_two_connections(really_watched, postgres, here):
    lines = []

    async def main():
        pool, line = await asyncpg.create_pool(**postgres, min_size=1, max_size=2), here()
        lines.append(line)
        await asyncio.gather(*(query(pool) for _ in range(5)))
        connection = await pool.acquire()
        await pool.release(connection)
        await pool.fetch("select 1")
        await pool.close()

    recording = really_watched(main)
    pools = [row for row in resources(recording).values() if "Event" not in row[0]]
    assert pools == [(KIND, "", 2, lines[0])]
    names = [name for name, _ in story(recording, KIND)]
    assert sorted(names) == ["ACQUIRED"] * 7 + ["RELEASED"] * 7 + ["WAIT"] * 3
    assert most_in_use(recording, KIND) == 2
    assert story(recording, KIND)[-1] == ("RELEASED", 0)
    gathered = set(whos(recording, KIND, *TOLD)) - {whos(recording, KIND, *TOLD)[-1]}
    for task in gathered:
        own = [e.kind.name for e in recording.of(*TOLD) if e.who == task]
        assert own in (["ACQUIRED", "RELEASED"], ["WAIT", "ACQUIRED", "RELEASED"])
    assert not failures(recording)


def test_a_timeout_and_a_pool_that_was_there_before(really_watched, postgres):
    async def before():
        return await asyncpg.create_pool(**postgres, min_size=1, max_size=1)

    async def main(pool):
        async with pool.acquire():
            with pytest.raises(TimeoutError):
                await pool.acquire(timeout=0.05)
        await pool.close()

    seen = really_watched(main, first=before())
    assert (KIND, "", 1, 0) in resources(seen).values()
    assert story(seen, KIND) == [
        ("ACQUIRED", 1),
        ("WAIT", SIDE_IN),
        ("WAIT_OVER", SIDE_IN),
        ("RELEASED", 0),
    ]
