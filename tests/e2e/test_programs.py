"""Programs of the user's own: an app and a command, started as they are."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loopviz.program.processes import candidates
from tests.e2e.command import loopviz
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(90)]

seldom = pytest.mark.applications
"""Not in every run of the suite."""

SHOP = """\
import time
from fastapi import FastAPI

app = FastAPI()


@app.get("/report")
async def report():
    time.sleep(0.1)
    return {}
"""
SCRIPT = """\
import asyncio
import sys
import time


async def worker(queue):
    while True:
        await queue.get()
        time.sleep(0.05)


async def main():
    queue = asyncio.Queue(3)
    for _ in range(2):
        asyncio.create_task(worker(queue))
    for number in range(20):
        await queue.put(number)
        await asyncio.sleep(0.01)


asyncio.run(main())
print("bye", file=sys.stderr)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


def test_an_app_s_blocking_line_is_told(project, ours):
    said = loopviz(
        *("bench", "shop:app", "--python", sys.executable, "--port", "0", "--lifespan", "on"),
        *("--load", "GET /report @ 4", "--duration", "3", "--json", "-"),
    )
    assert said.returncode == 0, said.stderr
    report = json.loads(said.stdout)
    assert report["program"][1:3] == ["-m", "uvicorn"]
    assert report["load"][0]["ok"] == report["load"][0]["sent"] > 0
    told = {(f["rule"], f["location"]["file"], f["location"]["line"]) for f in report["findings"]}
    assert ("slow-callback", "shop.py", 9) in told
    wait_until(lambda: not ours(), 5, "the end of all that was started")


@seldom
def test_a_script_that_ends_is_reported_up_to_its_end(project):
    said = loopviz("bench", "--duration", "30", "--", sys.executable, "script.py")
    assert said.returncode == 0, said.stderr
    assert "blocked the loop" in said.stdout
    assert "at script.py:9" in said.stdout
    assert "bye" not in said.stdout + said.stderr  # its output is its own


JOBS = """\
import asyncio
import time


async def job():
    await asyncio.sleep(0.005)
    time.sleep(0.06)


for _ in range(20):
    asyncio.run(job())
"""


def test_what_blocks_the_loop_of_each_job_is_told_for_all(project):
    """Each of them is a loop of its own, shorter than a recording once took to begin."""
    (project / "jobs.py").write_text(JOBS)
    said = loopviz("bench", "--json", "-", "--", sys.executable, "jobs.py")
    assert said.returncode == 0, said.stderr
    report = json.loads(said.stdout)
    (found,) = [f for f in report["findings"] if f["rule"] == "slow-callback"]
    assert (found["location"]["file"], found["location"]["line"]) == ("jobs.py", 7)
    assert found["count"] == report["loop"]["loops"] == 20
    assert "loops_left_out" not in report
    assert "workers" not in report


@seldom
def test_loops_that_were_too_short_are_counted(project):
    (project / "many.py").write_text(
        "import asyncio\nfor _ in range(1000):\n    asyncio.run(asyncio.sleep(0))\n"
        "asyncio.run(asyncio.sleep(1))\n"
    )
    said = loopviz("bench", "--json", "-", "--", sys.executable, "many.py")
    assert said.returncode == 0, said.stderr
    report = json.loads(said.stdout)
    assert report["loop"]["loops"] + report["loops_left_out"] == 1001
    assert report["loops_left_out"] > 100
    assert "loops_crowded_out" not in report


@seldom
def test_a_program_that_dies_says_why(project):
    (project / "bad.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n1 / 0\n")
    said = loopviz("bench", "bad:app", "--python", sys.executable)
    assert said.returncode == 3
    assert said.stderr.splitlines()[-1] == (
        "loopviz: bad:app ended with exit code 1. "
        "Its last words: ZeroDivisionError: division by zero (bad.py:3)"
    )


def test_the_program_ends_with_a_killed_loopviz(project, ours, terminal):
    """As Ctrl-C ends it: its own clean-up runs. Meanwhile its output is in the log."""
    (project / "wait.py").write_text(
        "import asyncio\n"
        "print('it waits')\n"
        "try:\n    asyncio.run(asyncio.sleep(60))\n"
        "except KeyboardInterrupt:\n    open('cleaned-up', 'w').close()\n"
    )
    screen = terminal(120, 35, "run", "--", sys.executable, "wait.py")
    screen.wait_for(lambda shown: "LIVE" in shown, 15, "the live screen")
    screen.press("7")
    screen.until("out  it waits")
    loopviz_pid = min(ours())
    os.kill(loopviz_pid, signal.SIGKILL)
    wait_until(lambda: not ours(), 5, "the end of all that was started")
    assert (project / "cleaned-up").exists()


WAITS = """\
import asyncio
import time


async def holds():
    while True:
        await asyncio.sleep(0.2)
        time.sleep(0.06)


async def waits():
    await asyncio.Event().wait()


async def main():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(holds())
        tasks.create_task(waits())


asyncio.run(main())
"""


@pytest.fixture
def waits(project):
    """A process that was started without loopviz, but may be attached to."""
    (project / "waits.py").write_text(WAITS)
    variables = dict(line.split("=", 1) for line in loopviz("env").stdout.splitlines())
    started = subprocess.Popen([sys.executable, "waits.py"], env=os.environ | variables)
    yield started
    started.kill()
    started.wait()


def test_a_running_program_is_attached_to_and_goes_on_as_it_was(project, waits, terminal):
    wait_until(lambda: waits.pid in {found.pid for found in candidates()}, 20, "its loop")
    threads = Path(f"/proc/{waits.pid}/task")
    own = len([*threads.iterdir()])
    screen = terminal(120, 35, "attach", str(waits.pid))
    screen.until(" LIVE ", f"{waits.pid} waits.py")
    screen.press("2")
    screen.until("event", "waits.py:12")  # it has waited since before
    screen.press("5")
    screen.until("waits.py:8")
    screen.press("q")
    assert screen.end() == 0
    wait_until(lambda: len([*threads.iterdir()]) == own, 20, "its own threads")
    assert waits.poll() is None


@pytest.mark.skipif(sys.version_info < (3, 14), reason="older ones must be started for it")
@pytest.mark.parametrize("code", ["asyncio.Event().wait()", "asyncio.sleep(3600)"])
def test_one_that_sleeps_and_was_not_started_for_it_is_woken(project, terminal, code):
    started = subprocess.Popen([sys.executable, "-c", f"import asyncio; asyncio.run({code})"])
    try:
        wait_until(lambda: started.pid in {found.pid for found in candidates()}, 20, "its loop")
        screen = terminal(120, 35, "attach", str(started.pid))
        screen.until(" LIVE ", "1 live")
        screen.press("q")
        assert screen.end() == 0
        assert started.poll() is None
    finally:
        started.kill()
        started.wait()


HANGS = """\
import asyncio
import loopviz


async def job(lock):
    async with lock, lock:
        pass


async def main():
    loopviz.install(path="kept")
    await asyncio.gather(job(asyncio.Lock()), asyncio.sleep(60))


asyncio.run(main())
"""


@seldom
def test_the_recording_of_a_killed_program_shows_its_last_seconds(project, terminal):
    (project / "hangs.py").write_text(HANGS)
    started = subprocess.Popen([sys.executable, "hangs.py"])
    wait_until((project / "kept" / "loop.ring").exists, 20, "its recording")
    screen = terminal(120, 35, "open", "kept")
    screen.until(" LIVE ", "job")
    screen.press("5")
    screen.until("DEADLOCK", "hangs.py:6")  # before it is a second old, it is none
    started.kill()
    started.wait()
    screen.until(" ENDED ", "The recording in kept ends here.")
    screen.press("q")
    assert screen.end() == 0
    again = terminal(120, 35, "open", "kept")
    again.until(" ENDED ", "job")
    again.press("5")
    again.until("DEADLOCK", "hangs.py:6")
    again.press("q")
    assert again.end() == 0
    assert sorted(file.name for file in Path("kept").iterdir()) == [
        "aux.ring",
        "loop.ring",
        "loopviz.lock",
    ]
