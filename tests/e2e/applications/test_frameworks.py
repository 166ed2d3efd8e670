"""Other people's frameworks and servers, in an environment without loopviz: seen, and unchanged.

The environment is made with PyPI's packages the first time, and kept.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from loopviz.engine.program_run import attachable_environment
from loopviz.program.processes import started_by
from tests.e2e.command import loopviz
from tests.support.environments import make_environment
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.applications, pytest.mark.timeout(180)]

PACKAGES = [
    "daphne",
    "datasette",
    "fastapi",
    "granian",
    "hypercorn",
    "litestar",
    "quart",
    "uvicorn",
    "uvloop",
    "websockets",
]
FASTAPI = """\
import time
from fastapi import FastAPI
app = FastAPI()

@app.get("/")
async def home():
    return {"a": 1}

@app.get("/slow")
async def slow():
    time.sleep(0.08)
    return {"a": 1}
"""
LITESTAR = """\
import time
from litestar import Litestar, get

@get("/")
async def home() -> dict[str, int]:
    return {"a": 1}

@get("/slow")
async def slow() -> dict[str, int]:
    time.sleep(0.08)
    return {"a": 1}

app = Litestar([home, slow])
"""
QUART = FASTAPI.replace("from fastapi import FastAPI", "from quart import Quart").replace(
    "FastAPI()", "Quart(__name__)"
)
DATA = "import sqlite3; sqlite3.connect('d.db').execute('create table t(a, b)')"


@pytest.fixture(scope="session")
def environment():
    """The interpreter of an environment with these packages, and without loopviz."""
    home = Path(tempfile.gettempdir(), "loopviz-applications", "own-programs")
    if why := make_environment(home, PACKAGES):
        pytest.skip(f"its environment could not be made: {why}")
    return home / "bin" / "python"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch, environment):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIRTUAL_ENV", str(environment.parents[1]))
    for name, text in (("fast", FASTAPI), ("lit", LITESTAR), ("qu", QUART)):
        (tmp_path / f"{name}.py").write_text(text)
    subprocess.run([sys.executable, "-c", DATA], check=True)
    return tmp_path


def installed(python):
    done = subprocess.run([python, "-m", "pip", "list"], capture_output=True, text=True, check=True)
    return done.stdout


def command(environment, words):
    return ["--", *(str(environment.with_name(word)) for word in words[:1]), *words[1:]]


@pytest.mark.parametrize(
    ("words", "line", "loops"),
    [
        (["fast:app", "--port", "0", "--loop", "asyncio"], "fast.py:11", 1),
        (["lit:app", "--port", "0", "--loop", "asyncio"], "lit.py:10", 1),
        (["qu.py", "--port", "0", "--loop", "uvloop"], "qu.py:11", 1),
        (["--", "uvicorn", "fast:app", "--port", "8351", "--workers", "2"], "fast.py:11", 2),
        (["--", "hypercorn", "qu:app", "-b", "127.0.0.1:8352"], "qu.py:11", 1),
    ],
    ids=lambda words: " ".join(words[:3]) if isinstance(words, list) else None,
)
def test_the_line_that_blocks_is_told_and_nothing_is_left(environment, ours, words, line, loops):
    before = installed(environment)
    words = command(environment, words[1:]) if words[0] == "--" else words
    load = ["--load", "GET / @ 30", "--load", "GET /slow @ 4", "--duration", "4", "--json", "-"]
    said = loopviz("bench", *load, *words)
    assert said.returncode == 0, said.stderr
    report = json.loads(said.stdout)
    assert [route["ok"] for route in report["load"]] == [r["sent"] for r in report["load"]]
    assert report.get("workers", 1) == loops
    told = {
        f"{f['location']['file']}:{f['location']['line']}"
        for f in report["findings"]
        if f["location"]
    }
    assert line in told
    assert installed(environment) == before
    wait_until(lambda: not ours(), 8, "the end of all that was started")


def test_a_program_that_is_installed_is_the_user_s_own(environment):
    words = command(environment, ["datasette", "d.db", "--port", "8353"])
    said = loopviz(
        "bench", "--load", "GET /d/t.json @ 20", "--duration", "3", "--json", "-", *words
    )
    assert said.returncode == 0, said.stderr
    report = json.loads(said.stdout)
    assert report["load"][0]["ok"] == report["load"][0]["sent"] > 0
    assert report["probe"]["level"] == "uvloop"  # it takes uvloop, as it is installed


@contextmanager
def served(words, url, variables=None):
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(words, env=variables, **silent)
    try:
        wait_until(lambda: answer(url), 20, f"an answer of {url}")
        yield process
    finally:
        process.terminate()
        process.wait(10)


def answer(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            headers = [pair for pair in reply.headers.items() if pair[0].lower() != "date"]
            return reply.status, headers, reply.read()
    except OSError:
        return None


@pytest.mark.parametrize("app", ["fast:app", "lit:app", "qu:app"])
def test_answers_are_the_same(environment, terminal, app):
    url = "http://127.0.0.1:8354/"
    with served([environment, "-m", "uvicorn", app, "--port", "8354"], url):
        plain = answer(url)
    screen = terminal(120, 35, "run", app, "--port", "8354")
    screen.wait_for(lambda shown: "LIVE" in shown and url[:-1] in shown, 20, "the live screen")
    watched = answer(url)
    screen.wait_for(lambda shown: "GET /" in shown, 5, "the request's lane")
    screen.press("q")
    assert watched == plain


@pytest.mark.parametrize(
    ("words", "port"),
    [
        (["granian", "--interface", "asgi", "--loop", "asyncio", "--port", "8354"], 8354),
        (["hypercorn", "-b", "127.0.0.1:8355"], 8355),
        (["daphne", "-p", "8356"], 8356),
    ],
    ids=["granian", "hypercorn", "daphne"],
)
def test_a_server_that_runs_is_attached_to_and_left_as_it_was(environment, terminal, words, port):
    words = command(environment, [*words, "fast:app"])[1:]
    url = f"http://127.0.0.1:{port}/"
    with served(words, url, attachable_environment(os.environ)) as process:
        before = answer(url)
        pid = (started_by(process.pid) or [process.pid])[0]
        screen = terminal(120, 35, "attach", str(pid))
        screen.until(" LIVE ", timeout_s=20)
        assert answer(url) == before
        screen.press("1")
        screen.until("GET /")
        screen.press("q")
        assert screen.end() == 0
        assert answer(url) == before
