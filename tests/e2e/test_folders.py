"""The files of loopviz on real machines: a planted link, a full disk, servers that start often."""

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loopviz.engine.collector import RingReader
from tests.e2e.command import loopviz
from tests.support.recording import Recording
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real


# A planted link


def test_a_planted_link_is_refused_and_the_folders_below_it_stay(tmp_path, monkeypatch, ours):
    """As another user may plant it in a temporary folder that all share."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = tmp_path / "home" / f"run-{gone.pid}-berlin"
    mine.mkdir(parents=True)
    (tmp_path / "home").chmod(0o700)
    (mine / "marathon.gpx").write_text("42.195 km")
    planted = tmp_path / f"loopviz-{os.getuid()}"
    planted.symlink_to(tmp_path / "home")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = loopviz("bench", "block", "--duration", "0.5")
    assert (mine / "marathon.gpx").exists()
    assert done.stderr == (
        f"loopviz: {planted} is a symbolic link, and loopviz needs a private folder: "
        "remove it, or point XDG_RUNTIME_DIR or TMPDIR at a folder of your own.\n"
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert list((tmp_path / "home").iterdir()) == [mine]


# No room


@pytest.fixture
def small_files():
    """No file of this process, or of one that it starts, becomes larger than 1 MiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def disk(tmp_path):
    """A function: a file system of that size."""
    made = []

    def mount(size):
        folder = tmp_path / "disk"
        folder.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "loopviz", str(folder)]
        if not shutil.which("mount") or subprocess.run(words, check=False).returncode:
            pytest.skip("nothing can be mounted here, or not by this user")
        made.append(folder)
        return folder

    yield mount
    for folder in made:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


SAID = (
    r"loopviz cannot get 10\.5 MiB for its recording \(File too large\): "
    r"allow larger files in {}/loopviz/run-[-0-9a-f]+/1 \(ulimit -f\)\."
)


def test_a_bench_without_room_says_so_and_blames_no_scenario(small_files, runtime_folder):
    done = loopviz("bench", "block", "--duration", "0.5")
    assert done.stdout == ""
    assert re.fullmatch(f"loopviz: {SAID.format(runtime_folder)}\n", done.stderr), done.stderr
    assert done.returncode == 1
    assert list(runtime_folder.iterdir()) == []


def test_room_for_one_of_two_workers_is_not_enough(disk, monkeypatch):
    folder = disk("16m")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    done = loopviz("bench", "workers", "--fix", "two_workers", "--duration", "0.5")
    assert "loopviz cannot get 10.5 MiB for its recording" in done.stderr  # by whichever is later
    assert f"(No space left on device): make room in {folder}/loopviz/" in done.stderr
    assert done.returncode == 1
    assert list(folder.iterdir()) == []


def test_the_screen_says_it_and_goes_on(small_files, terminal):
    screen = terminal(140, 24)
    screen.until("FAILED", "loopviz cannot get 10.5 MiB for its recording (File too large)")
    screen.press("q")
    assert screen.end() == 0


APP = """
import asyncio, logging, sys
import loopviz

async def main(path, fill):
    with loopviz.install(path=path, capacity=1 << 14) as probe:
        print(probe.coverage, flush=True)
        if fill:
            with open(fill, "wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)):
                        pass
                except OSError as error:
                    print(error.strerror, flush=True)
        for number in range(1500):
            await asyncio.create_task(asyncio.sleep(0), name=f"{number} {'x' * 400}")
    print("the app has done its work", flush=True)

asyncio.run(main(sys.argv[1], *sys.argv[2:] or [""]))
"""


def app(*words):
    done = subprocess.run(
        [sys.executable, "-c", APP, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize("where", ["limit on files", "full disk"])
def test_an_app_without_room_for_a_recording_goes_on(request, tmp_path, where):
    if where == "full disk":
        folder, why = request.getfixturevalue("disk")("1m"), "No space left on device"
    else:
        request.getfixturevalue("small_files")
        folder, why = tmp_path, "File too large"
    said, logged = app(folder / "mine")
    assert said == ["off", "the app has done its work"]
    assert logged.count("\n") == 1
    assert logged.startswith(
        f"the app goes on unwatched: loopviz cannot get 3.0 MiB for its recording ({why}): "
    )
    assert f"{folder}/mine" in logged
    assert not list(folder.rglob("*.ring"))
    assert not list(folder.rglob("*.new"))


def test_a_disk_that_fills_up_later_does_not_reach_a_recording(disk):
    """Its strings, too, have their room from the start."""
    folder = disk("4m")
    said, logged = app(folder / "mine", folder / "filler")
    assert said == ["full", "No space left on device", "the app has done its work"]
    assert logged == ""
    reader = RingReader(folder / "mine" / "loop.ring")
    reader.read()
    assert len(reader.strings) > 1000
    reader.close()


# Servers


SERVED = """
from contextlib import asynccontextmanager
from fastapi import FastAPI
import loopviz

@asynccontextmanager
async def lifespan(app):
    with loopviz.install(path={path!r}):
        yield

app = FastAPI(lifespan=lifespan)
"""


@pytest.fixture
def uvicorn(tmp_path):
    """A function: start uvicorn on an app that records into `tmp_path / "run"`; its log."""
    file, log = tmp_path / "app" / "served.py", tmp_path / "log"
    file.parent.mkdir()
    file.write_text(SERVED.format(path=str(tmp_path / "run")))
    started = []

    def start(*words):
        command = [sys.executable, "-m", "uvicorn", "served:app", "--port", "0", *words]
        with log.open("wb") as out:
            started.append(subprocess.Popen(command, cwd=file.parent, stdout=out, stderr=out))
        return log

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        assert "Traceback" not in log.read_text()


def recorder(folder: Path):
    """The process that records there; 0 if none has yet, or not both of its rings."""
    try:
        reader = RingReader(folder / "aux.ring")  # the second one that is made
    except FileNotFoundError:
        return 0
    pid = reader._header.pid
    reader.close()
    return pid


def test_each_worker_of_a_server_has_its_recording(uvicorn, tmp_path):
    log = uvicorn("--workers", "2")
    wait_until(lambda: log.read_text().count("startup complete") == 2, what="the start of both")
    first, second = recorder(tmp_path / "run"), recorder(tmp_path / "run-2")
    assert first
    assert second
    assert first != second


def test_a_server_that_reloads_records_into_the_same_folder_again(uvicorn, tmp_path):
    uvicorn("--reload")
    first = wait_until(lambda: recorder(tmp_path / "run"), what="the first recording")
    seen = Recording(tmp_path / "run")

    def changed_and_recorded():
        (tmp_path / "app" / "served.py").touch()
        with contextlib.suppress(AssertionError):  # it may not have looked at the files before
            return wait_until(lambda: recorder(tmp_path / "run") not in (0, first), 4)

    wait_until(changed_and_recorded, what="the second recording")
    seen.read()  # the first one's files are as they were
    assert not (tmp_path / "run-2").exists()
