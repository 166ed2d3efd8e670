"""Why a process cannot be attached to, in one sentence each; and how one that sleeps is woken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loopviz.cli.processes import chosen
from loopviz.engine.injection import Injection
from loopviz.errors import UsageError
from loopviz.probe import attachable
from loopviz.program.processes import RunningProcess, candidates, process
from tests.support.waiting import wait_until

OLDER = sys.version_info < (3, 14)
WAITS = "import asyncio; asyncio.run(asyncio.sleep(60))"


@pytest.fixture
def running():
    """A function: a process of that command."""
    made = []

    def start(*words):
        made.append(subprocess.Popen(words, stdout=subprocess.PIPE))
        return made[-1]

    yield start
    for each in made:
        each.kill()
        each.wait()
        each.stdout.close()


def refusal(pid, folder):
    injection = None

    def polled():
        nonlocal injection
        injection = injection or Injection(pid, folder / "control")
        injection.poll()

    with pytest.raises(UsageError) as caught:
        wait_until(polled, 20, "a refusal")
    return str(caught.value)


def test_nothing_is_waited_for_and_nothing_is_left(running, tmp_path, monkeypatch):
    """Whether the interpreter of the process answers, or the one that wakes it."""
    stays = ["-c", "import time; time.sleep(60)"]
    script = running(sys.executable, "-c", WAITS)
    started = []

    def start(words, **options):
        started.append(run([sys.executable, *stays], **options))
        return started[-1]

    run = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", start)
    injection = Injection(script.pid, tmp_path / "control")
    injection.poll()
    injection.wake()
    injection.poll()
    assert [each.poll() for each in started] == [None, None]
    injection.close()
    assert all(each.poll() is not None for each in started)


def test_a_process_that_there_is_not(running, tmp_path):
    ended = running("true")
    ended.wait()
    assert refusal(ended.pid, tmp_path) == (
        f"There is no process {ended.pid}: `loopviz attach` lists those that there are."
    )


def test_a_process_that_is_no_python(running, tmp_path):
    other = running("sleep", "60")
    assert "which is no Python interpreter" in refusal(other.pid, tmp_path)


@pytest.mark.skipif(not OLDER, reason="this Python can be attached to")
def test_an_older_python_says_what_to_do_instead(running, tmp_path):
    script = running(sys.executable, "-c", WAITS)
    told = refusal(script.pid, tmp_path)
    version = ".".join(map(str, sys.version_info[:2]))
    assert f"runs Python {version}, and only 3.14 and newer can be attached to" in told
    assert "`loopviz env`" in told


def test_a_process_that_forbids_it_says_so(running, tmp_path):
    script = running(sys.executable, "-X", "disable_remote_debug", "-c", WAITS)
    wait_until(lambda: script.pid in {found.pid for found in candidates()}, 20, "its loop")
    assert "started with remote debugging disabled" in refusal(script.pid, tmp_path)


def test_those_with_a_loop_are_listed(running):
    ready = (
        "import asyncio; loop = asyncio.new_event_loop(); print(1, flush=True); loop.run_forever()"
    )
    script = running(sys.executable, "-c", ready)
    plain = running(sys.executable, "-c", "print(1, flush=True); input()")
    for each in (script, plain):
        each.stdout.readline()
    listed = {found.pid for found in candidates()}
    assert script.pid in listed
    assert not {plain.pid, os.getpid()} & listed


def test_the_list_tells_those_that_cannot_be_attached_to(monkeypatch, capsys):
    folder = Path("/srv")
    found = [
        RunningProcess(11, ("python3", "old.py"), folder, (3, 12)),
        RunningProcess(12, ("python3", "kept.py"), folder, (3, 12), listens=True),
        RunningProcess(13, ("python3", "new.py"), folder, (3, 14)),
        RunningProcess(14, ("python3", "other.py"), folder),
    ]
    monkeypatch.setattr("loopviz.cli.processes.candidates", lambda: found)
    with pytest.raises(UsageError, match="name one, as in `loopviz attach 12`"):
        chosen()
    assert capsys.readouterr().out.splitlines() == [
        "      11  old.py  (Python 3.12: not prepared, see `loopviz env`)",
        "      12  kept.py",
        "      13  new.py",
        "      14  other.py",
    ]


def test_one_that_records_itself_listens():
    assert not process(os.getpid()).listens
    attachable.begin("a test")
    assert process(os.getpid()).listens
    attachable.end("a test")
    assert not process(os.getpid()).listens


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("/opt/venv/bin/python3", "-m", "uvicorn", "shop:app"), "uvicorn shop:app"),
        (("/usr/bin/python3.14", "/srv/worker.py", "-v"), "worker.py -v"),
        (("/opt/venv/bin/gunicorn", "shop:app"), "gunicorn shop:app"),
    ],
)
def test_names(command, name):
    here = process(os.getpid())
    assert here.__class__(1, command, here.folder).name == name
