"""A real Celery worker: killed with jobs in hand, and none is lost; gone when its parent is."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command import loopviz
from tests.e2e.sessions import frame
from tests.support.waiting import wait_until

pytest.importorskip("celery", reason="needs the extra celery")

from loopviz.engine.session import Session
from loopviz.lab.catalogue import builtin_folder
from loopviz.options import RunOptions
from loopviz.parts.broker import SCHEME, run
from loopviz.parts.celery import VARIABLE, celery_worker
from loopviz.parts.mail import mail_server

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

MAILS = builtin_folder() / "_mails.py"


@pytest.fixture
def broker(tmp_path, monkeypatch):
    path = tmp_path / "broker.sqlite"
    monkeypatch.setenv(VARIABLE, f"{SCHEME}:///{path}")
    return str(path)


@pytest.fixture
def send_mail(broker, monkeypatch):
    """The task, as the scenario imports it."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(MAILS.parent)])
    import _mails

    yield _mails.send_mail
    _mails.app.close()
    del sys.modules["_mails"]


def test_a_worker_that_is_killed_loses_no_job(broker, send_mail):
    delivered = []  # each eighth is refused at first, and tried again
    with mail_server(delivered.append) as address, celery_worker(MAILS) as worker:
        for order in range(80):
            send_mail.delay(address, order)
        wait_until(lambda: len(delivered) >= 10, what="the first ten jobs")
        victim = worker.process
        in_hand, queued = wait_until(lambda: counted_while_stopped(victim, broker))
        assert queued >= 2
        victim.kill()
        wait_until(lambda: set(delivered) == set(range(80)), what="the end of all jobs")
        wait_until(lambda: not run(broker, "SELECT 1 FROM messages"), what="an empty broker")
        assert worker.process.pid != victim.pid
        assert len(delivered) <= 80 + in_hand  # only what was in hand may be done twice


def counted_while_stopped(process, broker):
    """Stop it, and count what it has in hand and what is queued.

    It goes on, and None is returned, if it had a lock just then, or only one job in hand.
    """
    os.kill(process.pid, signal.SIGSTOP)
    with contextlib.suppress(sqlite3.OperationalError):
        [(in_hand,)] = run(broker, "SELECT count(*) FROM messages WHERE taken")
        [(queued,)] = run(broker, "SELECT count(*) FROM messages WHERE NOT taken")
        if in_hand >= 2:
            return in_hand, queued
    os.kill(process.pid, signal.SIGCONT)
    return None


def test_the_worker_ends_with_the_block(broker):
    with celery_worker(MAILS) as worker:
        process = worker.process
        assert process.poll() is None
    assert process.poll() == -signal.SIGKILL


def test_the_worker_ends_when_its_parent_is_killed(broker):
    starter = (
        "import sys, time\n"
        "from loopviz.parts.celery import celery_worker\n"
        "with celery_worker(sys.argv[1]) as worker:\n"
        "    print(worker.process.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", starter, str(MAILS)], stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    wait_until(Path(broker).exists, what="the start of the worker")
    parent.kill()
    parent.communicate()
    wait_until(lambda: not lives(pid), what="the worker's end")


def test_in_the_scenario_nothing_is_missing_though_its_worker_is_killed(ours):
    """Seen as a user would see it, by the counters; and no process is left."""
    session = Session("background", RunOptions(fixes=("celery",)))
    try:

        def counted(condition):
            def look():
                snapshot = frame(session).snapshot
                counters = {c.key: c.value for c in snapshot.counters} if snapshot else {}
                return counters if counters and condition(counters) else None

            return wait_until(look, 30, what="the counters")

        before = counted(lambda now: now["delivered"] >= 30)
        worker = next(pid for pid, words in ours().items() if "_mails.py" in words)
        os.kill(worker, signal.SIGKILL)
        counted(lambda now: now["accepted"] >= before["accepted"] + 60)
        session.set_rate(0)
        after = counted(lambda now: now["missing"] == 0)
        assert after["delivered"] == after["accepted"] >= 90
        assert worker not in ours()
    finally:
        session.close()
    wait_until(lambda: not ours(), what="the end of all processes")


def lives(pid):
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


JOBS = """\
import asyncio
import time
from celery import Celery

app = Celery("jobs", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": "in", "data_folder_out": "in", "store_processed": False
}


async def job(blocks):
    await asyncio.sleep(0.01)
    time.sleep(0.06 * blocks)
    await asyncio.sleep(0.06 * (1 - blocks))


@app.task
def work(blocks):
    asyncio.run(job(blocks))


if __name__ == "__main__":
    import sys
    for _ in range(10):
        work.delay(int(sys.argv[1]))
"""


@pytest.mark.applications
@pytest.mark.timeout(90)
@pytest.mark.parametrize("blocks", [1, 0])
@pytest.mark.parametrize("pool", ["solo", "prefork", "threads"])
def test_what_blocks_the_loop_of_each_job_of_a_worker_is_told(tmp_path, monkeypatch, pool, blocks):
    """Its end, too, takes one SIGINT."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "jobs.py").write_text(JOBS)
    subprocess.run([sys.executable, "jobs.py", str(blocks)], timeout=30, check=True)
    worker = (sys.executable, "-m", "celery", "-A", "jobs", "worker", "-P", pool, "-c", "2")
    said = loopviz("bench", "--duration", "6", "--json", "-", "--", *worker)
    assert said.returncode == 0, said.stderr
    report = json.loads(said.stdout)
    told = [f for f in report["findings"] if f["rule"] == "slow-callback"]
    places = [(f["location"]["file"], f["location"]["line"], f["count"]) for f in told]
    assert places == [("jobs.py", 13, 10)] * blocks
    assert report["tasks"]["started"] == 30  # asyncio.run has two of its own
    assert not report["shutdown"]["second_sigint"]
