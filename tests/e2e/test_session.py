"""One session on real parts: start, watch, toggle, switch, kill, restart, end."""

import os
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from loopviz.clock import MS, SECOND, monotonic_ns
from loopviz.engine.headless import measure
from loopviz.engine.session import Session
from loopviz.errors import TargetError, UsageError
from loopviz.options import RunOptions
from tests.e2e.sessions import frame, frame_when
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def line_of(text, path):
    return 1 + next(i for i, line in enumerate(path.read_text().split("\n")) if text in line)


def stalled(now):
    return len(now.snapshot.loop.stalls) >= 5


def test_every_stall_of_block_is_seen_while_it_lasts_and_on_its_line(session):
    run = session("block")
    path = frame(run).scenario.path
    culprit = max(
        i
        for i, line in enumerate(path.read_text().split("\n"), 1)
        if line == "        time.sleep(0.05)"
    )
    seen_open, ended = set(), {}
    deadline = monotonic_ns() + 15 * SECOND
    while len(ended) < 40 and monotonic_ns() < deadline:
        now = frame(run)
        for stall in now.snapshot.loop.stalls if now.snapshot else ():
            if now.status.phase != "running" or stall.start_ns < run.run.began_ns:
                continue  # the app came up: whatever blocked the loop then was not block
            if stall.open:
                seen_open.add(stall.start_ns)
            elif "/report" in stall.label and stall.end_ns - stall.start_ns >= 50 * MS:
                ended[stall.start_ns] = stall  # the machine may stop another one
        time.sleep(1 / 30)  # more often than any stall is short
    assert len(ended) >= 40
    lines = {(s.location.file, s.location.line) if s.location else None for s in ended.values()}
    assert lines == {("scenarios/block.py", culprit)}
    assert len(seen_open & ended.keys()) >= 0.9 * len(ended)


def test_a_fix_is_on_at_once_and_the_stalls_end(session):
    run = session("block")
    frame_when(run, stalled)
    run.toggle("to_thread")
    pressed = monotonic_ns()
    marked = frame_when(run, lambda now: any(m.text == "to_thread on" for m in now.snapshot.marks))
    mark = next(m for m in marked.snapshot.marks if m.text == "to_thread on")
    assert mark.at_ns - pressed < 300 * MS
    frame_when(run, lambda now: now.snapshot.now_ns - mark.at_ns > 2 * SECOND)
    after = frame(run)
    late = [s for s in after.snapshot.loop.stalls if s.start_ns > mark.at_ns + 300 * MS]
    assert [s for s in late if s.location and "block.py" in s.location.file] == []
    assert after.status.fixes_on == {"to_thread"}


def test_a_fix_is_applied_while_the_loop_is_dead(session, tmp_path):
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "dead.py").write_text(DEAD)
    run = session("dead", folders=[folder])

    def dead(now):
        """Not the app's own start; and for so long that it stays a stall if it ends now."""
        last = now.snapshot.loop.stalls[-1:]
        return (
            last
            and last[0].label == "GET /dead"
            and now.snapshot.now_ns - last[0].start_ns > 50 * MS
        )

    begun = frame_when(run, dead).snapshot.loop.stalls[-1].start_ns
    run.toggle("let_go")

    def mark_and_stall(now):
        marks = [mark for mark in now.snapshot.marks if mark.text == "let_go on"]
        ended = [s for s in now.snapshot.loop.stalls if s.start_ns == begun and not s.open]
        return (marks[0], ended[0]) if marks and ended else None

    mark, stall = mark_and_stall(frame_when(run, mark_and_stall, 8))
    assert begun < mark.at_ns < stall.end_ns


DEAD = """
import time
from fastapi import APIRouter
from loopviz.scenario import Fix, Load, Scenario

router = APIRouter()
let_go = Fix(key="let_go", title="let go", why="it is let go")
scenario = Scenario(
    title="dead", lesson="dead", look=(), router=router, fixes=[let_go],
    load=[Load("GET /dead", rps=5)],
)

@router.get("/dead")
async def dead() -> None:
    until = time.monotonic() + 20
    while not let_go.on and time.monotonic() < until:
        time.sleep(0.01)
"""


def test_switching_leaves_nothing_of_the_old_scenario(session, ours):
    run = session("cpu")
    frame_when(run, stalled)
    old = run.run.workers.first.pid
    run.switch("block")
    frame_when(run, lambda now: now.scenario.id == "block" and stalled(now))
    wait_until(lambda: old not in ours(), 5, "the end of the old target")
    # one target, one load, one guard; the pool's workers and their tracker have gone
    wait_until(lambda: len(ours()) == 3, 5, "the end of the pool's workers")


def test_a_killed_child_is_said_and_can_be_restarted(session):
    run = session("cpu", fixes=["processes"], rate=0.5)
    frame_when(run, lambda now: now.status.phase == "running")
    for child in ("target", "load"):
        now = run.run
        victim = now.workers.first.pid if child == "target" else now._load.process.pid
        os.kill(victim, signal.SIGKILL)
        died = frame_when(run, lambda now, child=child: now.status.phase == f"{child}-died", 5)
        assert "SIGKILL" in died.status.why
        assert "Press R" in died.status.why
        run.restart()
        back = frame_when(run, lambda now: now.status.phase == "running")
        assert back.status.fixes_on == {"processes"}
        assert back.status.rate == 0.5


@pytest.mark.parametrize("words", ["block", "cpu", "workers two_workers"])
def test_nothing_outlives_a_killed_terminal_process(ours, runtime_folder, words):
    terminal = subprocess.Popen(
        [sys.executable, "-c", TERMINAL, *words.split()], stdout=subprocess.PIPE, text=True
    )
    url = terminal.stdout.readline().strip()
    assert len(ours()) >= 4
    terminal.kill()
    terminal.wait()
    terminal.stdout.close()
    try:
        wait_until(lambda: not ours(), 3, "the end of all processes")
    except AssertionError as error:
        error.add_note(f"There are still {ours()}")
        raise
    wait_until(lambda: not list(runtime_folder.iterdir()), 1, "removing the files")
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", urlsplit(url).port))


TERMINAL = """
import sys, time
from loopviz.engine.session import Session
from loopviz.options import RunOptions
session = Session(sys.argv[1], RunOptions(fixes=tuple(sys.argv[2:])))
while session.run.status.phase != "running":
    session.poll()
    time.sleep(0.02)
print(session.run.url, flush=True)
time.sleep(60)
"""


def test_closing_leaves_nothing(session, ours, runtime_folder):
    run = session("cpu")
    frame_when(run, stalled)
    run.close()
    assert ours() == {}
    assert list(runtime_folder.iterdir()) == []


def test_folders_of_the_dead_are_swept_and_others_left(runtime_folder, session):
    base = runtime_folder / "loopviz"
    killed = subprocess.Popen([sys.executable, "-c", LEAVES], stdout=subprocess.PIPE, text=True)
    dead = base / killed.stdout.readline().strip()
    killed.kill()
    killed.wait()
    killed.stdout.close()
    living = session("block")
    assert not dead.exists()
    session("block")
    assert living.run.folder.exists()
    assert len(list(base.iterdir())) == 2


LEAVES = """
import time
from loopviz.run_folder import new_run_folder
folder = new_run_folder()
print(folder.path.name, flush=True)
time.sleep(60)
"""


def test_unknown_names_start_nothing(ours):
    with pytest.raises(UsageError, match="no scenario 'nope'; there are: block, cpu"):
        Session("nope")
    with pytest.raises(UsageError, match="block has no fix 'nope'; it has: to_thread, plain_def"):
        Session("block", RunOptions(fixes=("nope",)))
    assert ours() == {}


def test_a_run_without_a_screen_ends_when_its_ring_is_truncated(runtime_folder):
    """`bench` says so, and ends with the exit code of a failed target."""

    def truncate(_seconds):
        for ring in runtime_folder.rglob("loop.ring"):
            os.truncate(ring, 4096)

    with pytest.raises(TargetError, match=r"cannot be watched: loop\.ring was truncated") as caught:
        measure("block", RunOptions(duration_s=20), progress=truncate)
    assert caught.value.exit_code == 3
    assert list(runtime_folder.rglob("*")) == []
