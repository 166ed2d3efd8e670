"""Programs that do not start, or do not end, or do what a terminal must not see.

The screen and `bench` say what happened, the terminal is as it was, and nothing is left.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.e2e.command import loopviz
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.applications, pytest.mark.timeout(150)]

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
LIFESPAN = """\
import asyncio
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    {start}
    yield
    {end}

app = FastAPI(lifespan=lifespan)
"""
FORGOTTEN = "await asyncio.Event().wait()"
PROGRAMS = {
    "crash": (APP + "1 / 0\n", "ZeroDivisionError: division by zero (app.py:3)"),
    "exits": ("import sys\nsys.exit('no config')\n", "no config"),
    "lifespan": (
        LIFESPAN.format(start="raise RuntimeError('no \\x1b[31mdatabase')", end=""),
        "RuntimeError: no database",
    ),
    "port": (APP, "is in use: choose another, with --port for example."),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words_of(name, project, port=0):
    (project / "app.py").write_text(PROGRAMS[name][0])
    return ["app:app", "--python", sys.executable, "--lifespan", "on", "--port", str(port)]


@pytest.fixture
def taken():
    """A port that somebody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_start_that_fails_is_told(name, project, terminal, ours, taken):
    words, said = words_of(name, project, taken if name == "port" else 0), PROGRAMS[name][1]
    reported = loopviz("bench", *words)
    assert reported.returncode == 3
    assert said in reported.stderr.splitlines()[-1]
    assert "\x1b" not in reported.stderr
    wait_until(lambda: not ours(), 10, "the end of all that was started")
    screen = terminal(160, 50, "run", *words)
    screen.until(" FAILED ", said)
    screen.press("q")
    assert screen.end() == 0
    wait_until(lambda: not ours(), 10, "the end of all that was started")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("when", ["start", "end"])
def test_what_hangs_is_told_by_its_line_and_killed(when, loop, project, terminal, ours):
    hangs = {"start": "pass", "end": "pass", when: FORGOTTEN}
    (project / "app.py").write_text(LIFESPAN.format(**hangs))
    at = f"the lifespan at app.py:{7 if when == 'start' else 9} `{FORGOTTEN}`"
    python = ("--python", sys.executable, "--port", "0", "--loop", loop)
    screen = terminal(160, 50, "run", "app:app", *python)
    if when == "start":
        screen.until(" STARTING ", f": waits for {at}", timeout_s=30)
    else:
        screen.until(" LIVE ", timeout_s=30)
    screen.press("q")
    screen.until(" ENDING ", f"Shutdown waits for {at}")
    assert screen.end() == 0
    last = re.sub(r"\s+", " ", screen.text())
    assert f"its shutdown waited for {at}." in last
    wait_until(lambda: not ours(), 10, "the end of all that was started")


def test_a_second_q_does_not_wait(project, terminal, ours):
    (project / "app.py").write_text(LIFESPAN.format(start="pass", end=FORGOTTEN))
    screen = terminal(120, 35, "run", "app:app", "--python", sys.executable, "--port", "0")
    screen.until(" LIVE ", timeout_s=30)
    screen.press("q")
    screen.until("Shutdown waits for the lifespan")
    began = time.monotonic()
    screen.press("q")
    assert screen.end() == 0
    assert time.monotonic() - began < 3
    wait_until(lambda: not ours(), 10, "the end of all that was started")


DAEMON = """\
import asyncio
import os
if os.fork():
    os._exit(0)
os.setsid()
open("daemon", "w").write(str(os.getpid()))
asyncio.run(asyncio.sleep(120))
"""


def test_a_daemon_that_it_leaves_behind_ends_with_it(project, ours):
    (project / "daemon.py").write_text(DAEMON)
    done = loopviz("bench", "--duration", "2", "--json", "-", "--", sys.executable, "daemon.py")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["loop"]["iterations"] > 0
    daemon = int((project / "daemon").read_text())
    wait_until(lambda: not Path(f"/proc/{daemon}").exists(), 10, "its end")
    wait_until(lambda: not ours(), 10, "the end of all that was started")


LOUD = """\
from fastapi import FastAPI
app = FastAPI()

@app.get("/")
async def loud():
    print("\\x1b[2J\\x1b[?1049l\\x1b]0;evil\\x07\\x9b31m", flush=True)
    print("\\n".join(["y" * 999] * 1000))
"""


def test_what_it_writes_never_reaches_the_terminal(project, terminal, ours):
    (project / "loud.py").write_text(LOUD)
    words = ("loud:app", "--python", sys.executable, "--port", "0", "--load", "GET / @ 5")
    screen = terminal(120, 35, "run", *words)
    screen.until(" LIVE ", "GET /", timeout_s=30)
    screen.press("7")
    screen.until("yyyyyyyy", "older ones are forgotten")
    assert b"\x1b]0;evil" not in screen.raw
    assert b"\x1b[2J\x1b[?1049l" not in screen.raw
    screen.press("q")
    assert screen.end() == 0
    wait_until(lambda: not ours(), 10, "the end of all that was started")


@pytest.mark.parametrize("option", ["-I", "-E"])
def test_a_python_that_lets_nothing_in_is_told(option, project, terminal):
    (project / "script.py").write_text("import asyncio\nasyncio.run(asyncio.sleep(60))\n")
    command = ("--", sys.executable, option, "script.py")
    told = loopviz("bench", *command)
    assert told.returncode == 3
    assert f"python {option} ignores PYTHONPATH" in told.stderr
    screen = terminal(160, 50, "run", *command)
    screen.until(" STARTING ", f"python {option} ignores PYTHONPATH", timeout_s=30)
    screen.press("q")
    assert screen.end() == 0


# ---- nothing of ours stops the program


def test_after_an_edit_a_server_that_reloads_goes_on(project, terminal, ours):
    app = project / "app.py"
    app.write_text(f"{APP}\n@app.get('/one')\nasync def one():\n    return 1\n")
    words = ("app:app", "--reload", "--python", sys.executable, "--port", "0")
    screen = terminal(120, 35, "run", *words)
    screen.until(" LIVE ", "http://127.0.0.1:", timeout_s=30)
    time.sleep(1)
    app.write_text(app.read_text().replace("/one", "/two"))
    screen.press("7")
    screen.until("Reloading", timeout_s=30)
    screen.wait_for(lambda shown: shown.count("Application startup complete") > 1, 30, "a reload")
    screen.until(" LIVE ")
    screen.press("q")
    assert screen.end() == 0
    wait_until(lambda: not ours(), 10, "the end of all that was started")


TESTS = """\
import asyncio
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

app = FastAPI()


@app.get("/")
async def root():
    return {"a": 1}


@pytest.mark.parametrize("again", [1, 2])
def test_client(again):
    with TestClient(app) as client:
        assert client.get("/").json() == {"a": 1}


@pytest.mark.asyncio
@pytest.mark.parametrize("again", [1, 2])
async def test_async(again):
    await asyncio.sleep(0.01)
"""


def test_a_test_suite_passes_as_it_does_without(project):
    (project / "test_it.py").write_text(TESTS)
    pytest_in = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    if subprocess.run([sys.executable, "-c", "import pytest_asyncio"], check=False).returncode:
        pytest_in += ["-k", "client"]
    bare = subprocess.run(pytest_in, capture_output=True, text=True, check=True)
    passed = re.search(r"\d+ passed", bare.stdout)[0]
    for _ in range(2):
        log = project / "said"
        shell = f"{' '.join(pytest_in)} > {log} 2>&1"
        done = loopviz("bench", "--duration", "60", "--", "sh", "-c", shell)
        assert done.returncode == 0, done.stderr + log.read_text()
        assert passed in log.read_text()


# ---- live within three seconds, from an environment with the app's own packages

SHOP = Path(__file__).parents[2] / "examples" / "shop"
PACKAGES = ["fastapi", "uvicorn", "sqlalchemy[asyncio]", "aiosqlite", "httpx2"]


@pytest.fixture(scope="session")
def shops():
    """The interpreter of an environment with the shop's packages alone, which is kept."""
    home = Path(tempfile.gettempdir(), "loopviz-applications", "shop")
    python, ready = home / "bin" / "python", home / "ready"
    if not ready.exists() or ready.read_text() != str(PACKAGES):
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
        ready.write_text(str(PACKAGES))
    return python


def installed(python):
    done = subprocess.run([python, "-m", "pip", "list"], capture_output=True, text=True, check=True)
    return done.stdout


def bare_start_s(python, *options):
    """How long the shop takes to start under uvicorn alone, on this machine as it is now."""
    words = [python, "-m", "uvicorn", "shop.main:app", "--port", "0", *options]
    began = time.monotonic()
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as served:
        next(line for line in served.stderr if "startup complete" in line)
        took_s = time.monotonic() - began
        served.terminate()
        served.stderr.read()
    return took_s


@pytest.mark.parametrize(
    "words",
    [
        ("shop.main:app", "--python", "{python}", "--port", "0"),
        ("--", "{python}", "-m", "uvicorn", "shop.main:app", "--workers", "2", "--port", "0"),
    ],
    ids=["app", "command, 2 workers"],
)
def test_the_shop_is_live_within_three_seconds_of_an_environment_of_its_own(
    words, shops, terminal, ours, monkeypatch
):
    monkeypatch.chdir(SHOP)
    workers = ("--workers", "2") if "--workers" in words else ()
    before, bare_s = installed(shops), bare_start_s(shops, *workers)
    given = [word.format(python=shops) for word in words]
    screen = terminal(120, 35, "run", *given)
    began = time.monotonic()
    screen.until(" LIVE ", timeout_s=30)
    took_s = time.monotonic() - began
    screen.press("q")
    assert screen.end() == 0
    assert installed(shops) == before
    assert "loopviz" not in before
    wait_until(lambda: not ours(), 10, "the end of all that was started")
    assert took_s < max(3, 3 * bare_s), f"LIVE after {took_s:.1f} s, bare after {bare_s:.1f} s"
    print(f"LIVE after {took_s:.2f} s; under uvicorn alone it is up after {bare_s:.2f} s")
