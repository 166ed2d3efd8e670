"""loopviz attaches to loops that run, and leaves them as they were."""

import asyncio
import atexit
import contextlib
import math
import os
import select
import socket
import threading
from itertools import islice

import pytest
import uvicorn
import uvloop

from loopviz.probe import Probe, install, own_threads, recordings, startup
from loopviz.probe.attachable import address
from loopviz.probe.loops import on_thread_of, running_loops
from loopviz.probe.recording_folder import is_recording
from loopviz.probe.startup import attach
from loopviz.wire.control import Failed, LoopsLeftOut, LoopStarted, Serving, messages
from loopviz.wire.events import NUMBER, TASK_RETURNED, Kind
from loopviz.wire.unix_socket import bind
from tests.support.recording import Recording
from tests.support.waiting import wait_until

PATIENCE_S = 20


class Listener:
    """What loopviz is to a program: a socket at which its loops report."""

    def __init__(self, folder):
        folder.mkdir()
        self.control = folder / "control"
        self._socket = socket.socket(socket.AF_UNIX)
        bind(self._socket, self.control)
        self._socket.listen()
        self._socket.settimeout(PATIENCE_S)
        self._made = []

    def next(self, count=1):
        """The first message of the next loop that reports, or as many."""
        connected, _ = self._socket.accept()
        self._made.append(connected)
        connected.settimeout(PATIENCE_S)
        with connected.makefile("rb") as lines:
            told = list(islice(messages(lines), count))
        return told[0] if count == 1 else told

    def quiet(self):
        """Whether no other loop has reported."""
        return not select.select([self._socket], [], [], 0)[0]

    def end(self):
        self._socket.close()
        self.control.unlink(missing_ok=True)
        for connected in self._made:
            connected.close()


@pytest.fixture
def listener(tmp_path):
    """A function: another loopviz."""
    made = []

    def listen():
        made.append(Listener(tmp_path / f"run-{len(made)}"))
        return made[-1]

    yield listen
    for one in made:
        one.end()
    wait_until(lambda: not [loop for loop in running_loops() if Probe.of(loop)], PATIENCE_S)
    wait_until(lambda: not has_threads("loopviz control"), PATIENCE_S)


def has_threads(name):
    return name in [each.name for each in threading.enumerate()]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop])
def loop(request):
    """A loop that runs in another thread, with a task that waits."""
    made = request.param()
    begun = threading.Event()

    async def main():
        begun.set()
        await asyncio.Event().wait()

    def run():
        with (
            contextlib.suppress(asyncio.CancelledError),
            asyncio.Runner(loop_factory=lambda: made) as runner,
        ):
            runner.run(main())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert begun.wait(PATIENCE_S)
    yield made
    made.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(made)])
    thread.join(PATIENCE_S)


def test_a_running_loop_is_found_from_another_thread(loop):
    assert loop in running_loops()


def test_it_is_recorded_and_then_as_it_was(loop, listener):
    own, factory = set(getattr(loop, "__dict__", ())), loop.get_task_factory()
    patched = asyncio.Lock.acquire, asyncio.BaseEventLoop.run_forever
    first = listener()
    attach(str(first.control))
    told = first.next()
    assert isinstance(told, LoopStarted)
    assert told.pid == os.getpid()
    assert Probe.of(loop).folder == told.folder
    assert asyncio.Lock.acquire is not patched[0]

    first.end()
    wait_until(lambda: Probe.of(loop) is None and asyncio.Lock.acquire is patched[0], PATIENCE_S)
    assert (asyncio.Lock.acquire, asyncio.BaseEventLoop.run_forever) == patched
    assert loop.get_task_factory() is factory
    assert set(getattr(loop, "__dict__", ())) == own


def test_a_task_that_waits_already_is_told_as_waiting(loop, listener):
    one = listener()
    attach(str(one.control))
    seen = Recording(one.next().folder)
    started, suspended = seen.of(Kind.TASK_START), seen.of(Kind.SUSPENDED)
    assert [event.task_id & NUMBER for event in suspended] == [started[0].task_id & NUMBER]
    assert suspended[0].text.startswith("event\t")


def test_only_one_loopviz_watches_a_process(loop, listener):
    first, second = listener(), listener()
    attach(str(first.control))
    first.next()
    attach(str(second.control))
    told = second.next()
    assert isinstance(told, Failed)
    assert told.why == f"Another loopviz watches the process {os.getpid()} already."


def test_loops_that_are_too_short_to_be_recorded_are_counted(loop, listener, monkeypatch):
    here = listener()
    attach(str(here.control))
    here.next()
    monkeypatch.setattr(recordings.Budget, "allows", lambda _: False)
    monkeypatch.setattr(startup, "PATIENCE_S", 3600)
    monkeypatch.setattr(startup, "TELL_S", math.inf)
    for _ in range(3):
        asyncio.run(asyncio.sleep(0))
    assert here.next() == LoopsLeftOut(pid=os.getpid(), loops=1, crowded=0)
    again = asyncio.new_event_loop()
    again.run_until_complete(asyncio.sleep(0))
    again.close()
    again.close()
    startup._Watch.now._at_exit()
    assert here.next() == LoopsLeftOut(pid=os.getpid(), loops=4, crowded=0)


def test_loops_beside_as_many_as_may_be_recorded_are_counted_as_such(loop, listener, monkeypatch):
    here = listener()
    monkeypatch.setattr(startup, "LOOPS", 1)
    monkeypatch.setattr(startup, "TELL_S", 0)
    attach(str(here.control))
    here.next()
    asyncio.run(asyncio.sleep(0))
    assert here.next() == LoopsLeftOut(pid=os.getpid(), loops=1, crowded=1)


def test_the_next_loop_goes_on_in_the_recording_of_the_last(loop, listener):
    here = listener()
    attach(str(here.control))
    here.next()
    lasts = []
    for _ in range(3):
        asyncio.run(asyncio.sleep(0))
        lasts.append(threading.active_count())
    folder = here.next().folder
    seen = Recording(folder)
    switches = [event.kind for event in seen.of(Kind.LOOP_CLOSED, Kind.STOPPED)]
    assert switches == 3 * [Kind.LOOP_CLOSED, Kind.STOPPED]
    assert [event.b for event in seen.of(Kind.TASK_END)] == 9 * [TASK_RETURNED]
    assert len(set(lasts)) == 1
    assert here.quiet()
    here.end()
    wait_until(lambda: not is_recording(folder), PATIENCE_S)


def test_a_loop_beside_another_has_a_recording_of_its_own(loop, listener):
    here = listener()
    attach(str(here.control))
    here.next()

    async def outer():
        await asyncio.to_thread(asyncio.run, asyncio.sleep(0))
        await asyncio.to_thread(asyncio.run, asyncio.sleep(0))

    asyncio.run(outer())
    folders = {here.next().folder for _ in range(2)}
    assert len(folders) == 2
    assert here.quiet()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # `loop` has a thread
def test_the_child_of_a_fork_has_its_own_recording_and_ends(loop, listener):
    """From 3.12 on, a fork warns of threads, be they ours: while no loop runs there are none."""
    here = listener()
    attach(str(here.control))
    here.next()
    asyncio.run(asyncio.sleep(0))
    ours = here.next()
    child = os.fork()
    if not child:
        asyncio.run(asyncio.sleep(0))
        os._exit(bool(atexit._run_exitfuncs()))  # as at a regular exit
    theirs = here.next()
    assert (theirs.pid, theirs.folder != ours.folder) == (child, True)
    assert os.waitpid(child, 0)[1] == 0
    assert [each.name for each in threading.enumerate()].count("loopviz control") == 1  # `loop`'s
    asyncio.run(asyncio.sleep(0))
    assert here.next().pid == os.getpid()


def test_the_next_one_may_come_as_soon_as_one_has_ended(loop, listener):
    first = listener()
    attach(str(first.control))
    old = first.next().folder
    second = listener()
    first.end()
    attach(str(second.control))
    assert second.next().folder != old
    assert Probe.of(loop).folder != old


async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


def get(*, of):
    """Ask for `/` on the connection `of`; the status line."""
    of.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b"ok"):
        answer += of.recv(1000)
    return answer.partition(b"\r\n")[0]


def test_a_server_that_runs_is_recorded_also_on_its_open_connections(loop, listener):
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
    done = asyncio.run_coroutine_threadsafe(server._serve(), loop)
    wait_until(lambda: server.started, PATIENCE_S, "the server")
    served = server.config.loaded_app
    address = server.servers[0].sockets[0].getsockname()
    one = listener()
    with socket.create_connection(address, PATIENCE_S) as kept:
        get(of=kept)
        attach(str(one.control))
        told, serving = one.next(2)
        assert serving == Serving(url=f"http://127.0.0.1:{address[1]}")
        with socket.create_connection(address, PATIENCE_S) as new:
            assert get(of=kept) == get(of=new) == b"HTTP/1.1 200 OK"
        seen = Recording(told.folder)
        assert len(seen.of(Kind.REQUEST_START)) == 2
        one.end()
        wait_until(lambda: Probe.of(loop) is None, PATIENCE_S, "the end of the recording")
        assert server.config.loaded_app is served
        assert get(of=kept) == b"HTTP/1.1 200 OK"
        assert [connection.app for connection in server.server_state.connections] == [served]
    server.should_exit = True
    done.result(PATIENCE_S)


# ---- a program that records itself


@pytest.fixture
def recorded(loop, tmp_path):
    """A loop with a probe of the program's own."""
    probe = install(loop, path=tmp_path / "kept")
    yield probe
    on_thread_of(loop, probe.uninstall)
    assert Probe.of(loop) is None


def test_the_programs_own_recording_is_read_and_goes_on(loop, listener, recorded):
    here = listener()
    attach(str(here.control))
    started = here.next()
    assert started.folder == recorded.folder
    here.end()
    wait_until(lambda: recorded._installs == 1, PATIENCE_S)
    assert Probe.of(loop) is recorded
    assert not recorded.shared
    assert is_recording(recorded.folder)


def test_after_a_loop_that_the_program_has_recorded_itself_the_next_one_is_watched(
    listener, tmp_path
):
    here = listener()
    attach(str(here.control))

    own = asyncio.new_event_loop()
    probe = install(own, path=tmp_path / "kept")
    own.run_until_complete(asyncio.sleep(0))
    own.close()
    first = here.next()
    assert first.folder == probe.folder == tmp_path / "kept"
    probe.uninstall()
    wait_until(lambda: not has_threads("loopviz control"), PATIENCE_S)
    asyncio.run(asyncio.sleep(0))
    assert here.next().folder != first.folder
    assert startup._Watch.now is not None


def test_it_may_stop_recording_while_it_is_watched(loop, listener, recorded):
    here = listener()
    attach(str(here.control))
    here.next()
    on_thread_of(loop, recorded.uninstall)
    assert Probe.of(loop) is recorded
    here.end()
    wait_until(lambda: not is_recording(recorded.folder), PATIENCE_S)
    assert Probe.of(loop) is None


def test_it_can_be_attached_to_as_long_as_it_records_itself(loop, listener, tmp_path):
    def asked(control):
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(address(os.getpid()))
            asking.sendall(f"{control}\n".encode())

    here = listener()
    probes = [install(loop, path=tmp_path / "kept") for _ in range(2)]
    asked(here.control)
    assert here.next().folder == probes[0].folder
    here.end()
    wait_until(lambda: probes[0]._installs == 2, PATIENCE_S)
    for probe in probes:
        on_thread_of(loop, probe.uninstall)
    with pytest.raises(ConnectionRefusedError):
        asked(here.control)
    assert not own_threads.ids


def test_nobody_waits_for_a_loopviz_that_is_not_wanted(loop, tmp_path):
    probe = install(loop, path=tmp_path / "kept", attach=False)
    assert not own_threads.ids
    on_thread_of(loop, probe.uninstall)


def test_a_thread_that_waits_for_a_loopviz_is_none_of_the_programs(tmp_path):
    """anyio's tests, for one, count the threads that are there."""

    async def main():
        before = threading.active_count()
        probe = install(path=tmp_path / "own", watchdog=False)
        try:
            wait_until(lambda: own_threads.ids)
            return threading.active_count() - before, set(own_threads.ids)
        finally:
            probe.uninstall()

    more, ours = asyncio.run(main())
    assert (more, len(ours)) == (0, 1)
    wait_until(lambda: not own_threads.ids)
