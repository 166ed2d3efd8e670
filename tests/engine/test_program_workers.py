"""The loops of a program: each reports by itself, in whichever process."""

import asyncio
import socket

import pytest

from loopviz.clock import SECOND
from loopviz.engine.program_workers import ENDED, ProgramWorkers
from loopviz.lab.catalogue import LoadInfo
from loopviz.probe import install
from loopviz.program import Program
from loopviz.testing import VirtualLoop
from loopviz.wire.control import LoopsLeftOut, LoopStarted, Serving, encode
from tests.support.recording import FEW


class Loop:
    """A loop as it reports, without a process of its own."""

    def __init__(self, workers, folder, *, pid, forked=False):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.connect(str(workers.endpoint.path))
        with VirtualLoop() as loop:
            probe = install(loop, path=folder, clock=loop.clock, watchdog=False, capacity=FEW)
            loop.run(work())
            probe.uninstall()
        self.folder = folder
        started = LoopStarted(pid=pid, at_ns=1, folder=folder, python="3.12.1", forked=forked)
        self.say(started)

    def say(self, message):
        self.link.sendall(encode(message))

    def end(self):
        self.link.close()


async def work():
    await asyncio.gather(*(asyncio.sleep(0.01) for _ in range(3)))


@pytest.fixture
def workers(tmp_path):
    made = ProgramWorkers(Program(id="python x.py", path=tmp_path), tmp_path)
    yield made
    made.reap(0)


@pytest.fixture
def loop_of(tmp_path):
    """A function: a loop that reports, in the process of that number."""
    made = []

    def start(workers, pid, *, forked=False):
        made.append(Loop(workers, tmp_path / str(len(made)), pid=pid, forked=forked))
        return made[-1]

    yield start
    for loop in made:
        loop.end()


def poll(workers):
    said = list(workers.messages())
    workers.drain()
    return said


def tasks(workers):
    return workers.snapshot(SECOND, SECOND).tasks.started


def test_loops_appear_in_the_order_in_which_they_report(workers, loop_of):
    poll(workers)
    assert (workers.seen, workers.running, workers.began_ns) == (0, 0, 0)
    one = loop_of(workers, 11)
    poll(workers)
    loop_of(workers, 12)
    one.say(Serving(url="http://127.0.0.1:1"))
    assert poll(workers) == [Serving(url="http://127.0.0.1:1")]
    poll(workers)
    assert (workers.seen, workers.running, workers.began_ns) == (2, 2, 1)
    assert workers.python == "3.12.1"
    snapshot = workers.snapshot(SECOND, SECOND)
    assert [peer.worker for peer in snapshot.peers] == [2]


def test_a_loop_that_ends_leaves_the_picture_and_its_folder_goes(workers, loop_of):
    one, two = (loop_of(workers, 11) for _ in range(2))
    poll(workers)
    two.end()
    poll(workers)
    poll(workers)
    assert (workers.seen, workers.running) == (2, 1)
    assert not two.folder.exists()
    assert len(workers.models) == 2  # totals count it still
    one.end()
    poll(workers)
    assert workers.running == 0
    assert not one.folder.exists()
    assert tasks(workers) == 8  # of both


@pytest.mark.parametrize(("pid", "kept"), [(11, 8), (12, 4)])
def test_the_next_loop_begins_a_new_picture(workers, loop_of, pid, kept):
    """The same process goes on (`asyncio.run` twice), or another one takes over (a reload)."""
    loop_of(workers, 11).end()
    poll(workers)
    poll(workers)
    loop_of(workers, pid)
    poll(workers)
    assert workers.running == 1
    assert tasks(workers) == kept
    assert workers.generation == (pid != 11)


@pytest.mark.parametrize(("served", "kept"), [(False, 8), (True, 4)])
def test_a_process_that_was_forked_for_the_next_job_goes_on_with_the_picture(
    workers, loop_of, served, kept
):
    """Unless it is a server's: gunicorn's workers are forked again for a reload."""
    one = loop_of(workers, 11, forked=True)
    if served:
        one.say(Serving(url="http://127.0.0.1:1"))
    poll(workers)
    one.end()
    poll(workers)
    poll(workers)
    loop_of(workers, 12, forked=True)
    poll(workers)
    assert tasks(workers) == workers.totals(SECOND).tasks.started == kept
    assert workers.generation == served


def test_a_process_whose_recording_ended_for_a_fork_goes_on_after_its_child(workers, loop_of):
    for pid, forked in ((11, False), (12, True), (11, False)):
        loop_of(workers, pid, forked=forked).end()
        poll(workers)
        poll(workers)
    assert (tasks(workers), workers.generation) == (12, 0)


def test_of_many_processes_the_last_are_listed_and_all_are_counted(workers, loop_of):
    loop_of(workers, 11)
    for pid in range(12, 42):
        loop_of(workers, pid).end()
        poll(workers)
        poll(workers)
    totals = workers.totals(SECOND)
    assert (len(totals.workers), totals.earlier) == (1 + ENDED, 30 - ENDED)
    assert totals.tasks.started == 4 * 31


def test_loops_that_were_not_recorded_are_counted_in_all_processes(workers):
    for pid, loops, crowded in ((11, 1, 1), (12, 4, 0), (11, 37, 2)):
        with socket.socket(socket.AF_UNIX) as said:
            said.connect(str(workers.endpoint.path))
            said.sendall(encode(LoopsLeftOut(pid=pid, loops=loops, crowded=crowded)))
            poll(workers)
    assert (workers.loops_left_out, workers.loops_crowded_out, workers.seen) == (41, 2, 0)


def test_with_a_load_counts_begin_when_it_does(tmp_path, loop_of):
    info = Program(id="x:app", path=tmp_path, load=(LoadInfo("GET /", 5),))
    workers = ProgramWorkers(info, tmp_path)
    loop_of(workers, 11)
    poll(workers)
    assert workers.began_ns == 0
    workers.reap(0)
