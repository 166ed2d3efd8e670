"""Serves one application twice, alone and under loopviz, and asks both the same."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import aiohttp

from tests.e2e.applications.catalogue import PROGRAMS, Answer, Application, Server

__all__ = ["Compared", "compare"]

CLIENTS = 3
START_S, END_S = 40.0, 20.0
NOTHING: Answer = ("nothing", None)
MARGIN_S = 10.0
"""How much longer the one under loopviz is served than both are asked: for the start, and for what
is being asked at the end."""
_COMMAND = "import sys; from loopviz.cli.main import main; sys.exit(main())"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Compared:
    """What both have done."""

    asked: Counter[str] = field(default_factory=Counter)
    """How often each was asked, by what."""
    unlike: list[str] = field(default_factory=list)
    """Answers that differ, the first few."""
    errors: list[str] = field(default_factory=list)
    """What the one under loopviz logged, and the other did not."""
    ends: tuple[list[str], list[str]] = ([], [])
    """What they logged from the signal on: alone, and under loopviz."""
    cpu_ms: tuple[float, float] = (0.0, 0.0)
    """CPU time for each answer: alone, and under loopviz."""
    report: dict[str, object] = field(default_factory=dict)
    said: str = ""
    """What loopviz said on its standard error."""

    @property
    def same_end(self) -> bool:
        return self.ends[0] == self.ends[1]


def compare(
    application: Application, server: Server, home: Path, folder: Path, seconds: float
) -> Compared:
    """Ask both for so many seconds, then end both by SIGINT. `home`: the environment."""
    ports, logs = (_free_port(), _free_port()), (folder / "alone.log", folder / "watched.log")
    for log in logs:
        log.unlink(missing_ok=True)
    found = Compared()
    words = server.words(application.target, ports[0])
    alone = _started([home / "bin" / words[0], *words[1:]], logs[0])
    watched = server.words(application.target, ports[1])
    bench = [sys.executable, "-c", _COMMAND, "bench", "--json", folder / "report.json"]
    bench += ["--duration", str(seconds + MARGIN_S)]
    if server.direct:
        bench += ["--python", home / "bin" / "python", *watched[1:]]
    else:
        bench += ["--", home / "bin" / watched[0], *watched[1:]]
    under = _started(bench, logs[1])
    with _ended(alone, under):
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        asyncio.run(_ask(application, urls, logs, seconds, found))
        sizes = [len(_lines(log)) for log in logs]
        alone.send_signal(signal.SIGINT)
        alone.wait(END_S)
        under.wait(seconds + START_S + END_S)
    found.said = logs[1].with_suffix(".stderr").read_text(errors="replace")
    lines = [_lines(log) for log in logs]
    found.ends = tuple(of[size:] for of, size in zip(lines, sizes, strict=True))
    known = set(map(_kind, lines[0]))
    found.errors = [line for line in lines[1] if _is_error(line) and _kind(line) not in known]
    if (folder / "report.json").exists():
        found.report = json.loads((folder / "report.json").read_text())
    return found


async def _ask(
    application: Application,
    urls: list[str],
    logs: tuple[Path, Path],
    seconds: float,
    found: Compared,
) -> None:
    timeout = aiohttp.ClientTimeout(total=8)
    async with aiohttp.ClientSession(timeout=timeout) as client:
        for url in urls:
            await _serves(client, url)
        pids = [_pid(log) for log in logs]
        for url in urls:
            await application.ask(client, url, 0)  # warms it up
        before = [_cpu_s(pid) for pid in pids]
        until = time.monotonic() + seconds

        async def ask_both(number: int) -> None:
            n = number
            while time.monotonic() < until:
                n += CLIENTS
                order = urls if n % 2 else urls[::-1]
                got = {url: await _answers(application, client, url, n) for url in order}
                for one, other in zip_longest(got[urls[0]], got[urls[1]], fillvalue=NOTHING):
                    found.asked[re.sub(r"\d+", "{n}", one[0])] += 1
                    both = _plain(one, urls[0], application), _plain(other, urls[1], application)
                    if both[0] != both[1] and len(found.unlike) < 10:
                        found.unlike.append(_difference(*both))

        await asyncio.gather(*map(ask_both, range(CLIENTS)))
        count = sum(found.asked.values())
        spent = [_cpu_s(pid) - was for pid, was in zip(pids, before, strict=True)]
        found.cpu_ms = tuple(round(1000 * s / max(count, 1), 2) for s in spent)


async def _answers(
    application: Application, client: aiohttp.ClientSession, url: str, n: int
) -> list[Answer]:
    try:
        return await application.ask(client, url, n)
    except (aiohttp.ClientError, TimeoutError) as error:
        return [("no answer", repr(error))]


def _plain(answer: object, url: str, application: Application) -> str:
    text = re.sub(application.differs, "…", str(answer))  # first: a port may be a part of a number
    return text.replace(url.rpartition(":")[2], "PORT")


def _difference(one: str, other: str) -> str:
    """What was asked, and both answers from where they differ."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    return f"{one[:40]} …{one[max(0, at - 40) : at + 60]} != {other[max(0, at - 40) : at + 60]}"


async def _serves(client: aiohttp.ClientSession, url: str) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            async with client.get(url):
                return
        except aiohttp.ClientError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


def _started(words: list[object], log: Path) -> subprocess.Popen[bytes]:
    env = {**os.environ, "APPLICATION_LOG": str(log), "PYTHONPATH": ""}
    with log.with_suffix(".stderr").open("wb") as errors:  # a pipe would have to be read
        return subprocess.Popen(
            [str(word) for word in words],
            cwd=PROGRAMS,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )


@contextmanager
def _ended(*processes: subprocess.Popen[bytes]):
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(8)
                except subprocess.TimeoutExpired:
                    process.kill()


def _lines(log: Path) -> list[str]:
    """What was logged, without what differs from one run to the next."""
    text = log.read_text() if log.exists() else ""
    text = re.sub(r"(?m)^INFO (uvicorn\.access|hypercorn\.access).*\n", "", text)
    text = re.sub(r"127\.0\.0\.1:\d+|\[\d+\]|pid \d+|0x[0-9a-f]+", "…", text)
    return [line for line in text.splitlines() if not line.startswith(("INFO mcp", "INFO httpx"))]


def _is_error(line: str) -> bool:
    return bool(re.match(r"ERROR|CRITICAL|WARNING|\w*Error\b|\w*Exception\b", line))


def _kind(line: str) -> str:
    return re.sub(r"\d+", "#", line)


def _pid(log: Path) -> int:
    """That of the process which serves: the last one that has imported the program."""
    return int(re.findall(r"pid (\d+)", log.read_text())[-1])


def _cpu_s(pid: int) -> float:
    """User and system time of the process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
