"""The few things that need real time: the watchdog's thread, and uvicorn."""

import asyncio
import queue
import socket
import sys
import threading
import time

import pytest
import uvicorn

from loopviz.clock import MS, monotonic_ns
from loopviz.model.model import Model
from loopviz.probe import install
from loopviz.probe.asgi import watch_requests
from loopviz.wire.events import HEARTBEAT_NS, SWITCHES, WAITED_UNIT_NS, Kind

pytestmark = pytest.mark.real


def culprit(seen, event):
    """The frame that a sample blames: file and line."""
    index, _, numbers = event.text.removeprefix("gil:").removeprefix("asleep:").partition(":")
    frame = seen._readers[1].strings[int(numbers.split(",")[int(index)])]
    _, file, line, function = frame.split("\t")
    return file, int(line), function


def samples_of(seen, task):
    """The samples of its own stack. One that starts with `gil:` is of a thread that had the GIL."""
    return [e for e in seen.aux if e.task_id == task and not e.text.startswith("gil:")]


def watch(tmp_path, recording, main, *, follow=True):
    """Run `main` on a real loop; meanwhile, with `follow`, another thread reads the aux ring.

    Returns the recording and when each sample was first seen by the reader.
    """
    seen_at = []
    over = threading.Event()

    def read():
        seen = recording(probe)
        while not over.wait(0.002):
            seen.read()
            seen_at.extend([monotonic_ns()] * (len(seen.aux) - len(seen_at)))

    async def run():
        nonlocal probe
        probe = install(path=tmp_path / "probe")
        reader = threading.Thread(target=read)
        if follow:
            reader.start()
        await main()
        probe.uninstall()
        over.set()
        if follow:
            reader.join()

    probe = None
    asyncio.run(run())
    return recording(probe), seen_at


def test_a_block_is_seen_while_it_lasts_at_its_line(tmp_path, recording, here):
    about = {}

    async def blocks():
        about["begin"] = monotonic_ns()
        about["line"] = here() + 1
        time.sleep(0.2)
        about["end"] = monotonic_ns()

    async def main():
        blocking = asyncio.create_task(blocks())
        about["before"] = monotonic_ns()
        await blocking
        about["after"] = monotonic_ns()

    seen, seen_at = watch(tmp_path, recording, main)
    task = seen.start_of("blocks").task_id
    samples = samples_of(seen, task)
    assert len(samples) >= 3
    assert seen_at[0] < about["end"] - 50 * MS
    for sample in samples:
        assert culprit(seen, sample) == (__file__, about["line"], blocks.__qualname__)
    ((_, started, ran),) = seen.steps(task)
    assert {sample.a for sample in samples} == {started}
    assert about["before"] <= started <= about["begin"]
    assert about["end"] <= started + ran <= about["after"]


def test_a_block_in_a_library_blames_the_user_line_that_called_it(tmp_path, recording, here):
    lines = []
    quiet, other = socket.socketpair()
    quiet.settimeout(0.1)

    async def reads():
        lines.append(here() + 2)
        try:
            socket.SocketIO(quiet, "r").readinto(bytearray(1))
        except TimeoutError:
            return

    async def main():
        await asyncio.create_task(reads())

    seen, _ = watch(tmp_path, recording, main)
    quiet.close()
    other.close()
    task = seen.start_of("reads").task_id
    samples = samples_of(seen, task)
    assert samples
    assert {culprit(seen, sample)[:2] for sample in samples} == {(__file__, lines[0])}


def test_what_is_quick_is_not_sampled(tmp_path, recording):
    async def main():
        for _ in range(20):
            time.sleep(0.001)
            await asyncio.sleep(0.005)

    seen, _ = watch(tmp_path, recording, main, follow=False)
    lasted = {switch.at: ns for switch, ns in seen.durations()}
    # on a busy machine one may be kept from its core for long: then it was not quick
    samples = [e for e in seen.aux if e.kind is Kind.STALL]
    assert [e for e in samples if lasted[e.a] < 10 * MS] == []


def test_the_step_that_installs_it_is_watched_from_there(tmp_path, recording, here):
    """`with loopviz.install(): time.sleep(…)` is what people try first."""
    lines = []

    async def main():
        lines.append(here() + 1)
        time.sleep(0.1)
        await asyncio.sleep(0)

    seen, _ = watch(tmp_path, recording, main)
    ((first, ran), *_) = seen.durations()
    lines_seen = {culprit(seen, e)[:2] for e in seen.aux if e.a == first.at}
    assert (__file__, lines[0]) in lines_seen
    assert first.kind is Kind.STEP
    assert ran >= 100 * MS


TICKS = """
def tick(loop, until, done, time):
    time.sleep(0)  # as socket.send does: lets go of the GIL, and wants it back
    if time.monotonic() < until:
        loop.call_soon(tick, loop, until, done, time)
    else:
        done.set_result(None)
"""


def test_waiting_for_the_gil_is_told_from_holding_the_loop(tmp_path, recording):
    """The loop does a thousand small things, and a thread computes: the thread is to blame.

    So it is however the program was started: here, as in a script, by a user's own frame. A thread
    that waits in C code, as aiosqlite's do, looks as if it computed, and is not to blame.
    """
    library = {}
    idle = queue.SimpleQueue()
    waits = threading.Thread(target=idle.get)
    waits.start()  # before the others, so that it is found first
    exec(compile(TICKS, asyncio.tasks.__file__, "exec"), library)
    stop = threading.Event()

    def compute():
        while not stop.is_set():
            sum(range(1000))

    async def main():
        interval = sys.getswitchinterval()
        sys.setswitchinterval(0.04)  # the loop waits that long for each turn
        threads = [threading.Thread(target=compute) for _ in range(2)]
        try:
            for thread in threads:
                thread.start()
            loop = asyncio.get_running_loop()
            done = loop.create_future()
            loop.call_soon(library["tick"], loop, time.monotonic() + 1.5, done, time)
            await done
        finally:
            stop.set()
            sys.setswitchinterval(interval)
            idle.put(None)
        for thread in (*threads, waits):
            thread.join()

    seen, _ = watch(tmp_path, recording, main, follow=False)
    blamed = [culprit(seen, e)[2] for e in seen.aux if e.text.startswith("gil:")]
    assert blamed
    assert set(blamed) == {compute.__qualname__}


def test_the_real_heartbeat_and_the_sum_of_all_times(tmp_path, recording):
    async def main():
        await asyncio.sleep(0.3)

    began = monotonic_ns()
    seen, _ = watch(tmp_path, recording, main)
    lasted = monotonic_ns() - began
    beats = [e for e in seen.of(Kind.TIMER) if not e.b]
    assert 10 <= len(beats) <= lasted // HEARTBEAT_NS + 1
    switches = seen.of(*SWITCHES)
    assert sum(ns for _, ns in seen.durations()) == switches[-1].at - switches[0].at
    model = Model()
    model.feed(seen.batch(), seen.strings)
    assert model.loop.busy_ns + model.loop.idle_ns == switches[-1].at - switches[0].at


@pytest.mark.parametrize("http", ["httptools", "h11"])
def test_the_request_tasks_of_uvicorn_are_visible(tmp_path, recording, http):
    """uvicorn makes them with `loop.create_task`, from a transport's callback."""
    if http == "h11":
        pytest.importorskip("h11")
    listener = socket.create_server(("127.0.0.1", 0))
    replies = []

    async def app(scope, receive, send):
        await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    def client():
        for i in range(3):
            with socket.create_connection(listener.getsockname(), timeout=10) as connection:
                sent = monotonic_ns()
                connection.sendall(
                    f"GET /item/{i}?secret=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                    f"X-Loopviz-Sent: {sent}\r\n\r\n".encode()
                )
                reply = b""
                while part := connection.recv(4096):
                    reply += part
                replies.append((sent, reply))

    async def main():
        probe = install(path=tmp_path / "probe", watchdog=False)
        config = uvicorn.Config(
            watch_requests(app, probe.hooks),
            http=http,
            lifespan="off",
            ws="none",
            log_config=None,
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None
        serving = asyncio.create_task(server._serve([listener]))
        await asyncio.to_thread(client)
        server.should_exit = True
        await serving
        probe.uninstall()
        return probe

    seen = recording(asyncio.run(main()))
    assert [reply.partition(b"\r\n")[0] for _, reply in replies] == [b"HTTP/1.1 200 OK"] * 3
    starts = seen.of(Kind.REQUEST_START)
    assert [(e.text, e.a) for e in starts] == [
        (f"GET /item/{i}", sent) for i, (sent, _) in enumerate(replies)
    ]
    assert all(e.a <= e.at for e in starts)
    ends = {e.task_id: e for e in seen.of(Kind.REQUEST_END)}
    tasks = {e.task_id: e for e in seen.of(Kind.TASK_START)}
    for start in starts:
        assert "run_asgi" in tasks[start.task_id].text
        assert tasks[start.task_id].a >> 32 == 0, "spawned by a transport's callback, no task"
        assert len(seen.steps(start.task_id)) == 2
        assert (ends[start.task_id].a, ends[start.task_id].text) == (
            200 | len("hello") << 16,
            "GET /item/{…}",
        )
        assert ends[start.task_id].at - start.at >= 10 * MS
    assert not any("secret" in text for text in seen.strings)


def test_a_blocking_call_and_a_wait_for_the_gil_are_two_causes(tmp_path, recording):
    """Threads compute all the time: meanwhile the loop sleeps in C code, then wants the GIL.

    A loop that sleeps for short times in between would be found asleep by some looks; what it
    waited for the GIL before such a look is not told.
    """
    stop = threading.Event()

    def hog():
        while not stop.is_set():
            sum(range(1000))

    async def blocks():
        time.sleep(0.25)

    async def starves():
        enough = time.thread_time() + 0.3  # the watchdog has to wait for the GIL, too
        while time.thread_time() < enough:
            sum(range(1000))  # never sleeps, other than for the GIL

    async def main():
        interval = sys.getswitchinterval()
        threads = [threading.Thread(target=hog) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            await asyncio.create_task(blocks())
            sys.setswitchinterval(0.02)  # the loop waits that long for each turn
            await asyncio.create_task(starves())
        finally:
            stop.set()
            sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
        await asyncio.sleep(0.05)

    seen, _ = watch(tmp_path, recording, main, follow=False)
    (blocked,), (starved,) = (
        seen.steps(seen.start_of(f.__name__).task_id) for f in (blocks, starves)
    )
    waits = [e for e in seen.aux if e.kind is Kind.WAITED_FOR_GIL]

    _, started, _ = blocked
    looks = [e for e in waits if started <= e.a and e.at <= started + 250 * MS]
    assert not looks, "it sleeps for so long; only then does it have to wait for the GIL"
    _, started, ran = starved
    waited = sum(e.b * WAITED_UNIT_NS for e in waits if started < e.at <= started + ran)
    assert waited > 0.2 * ran  # on a busy machine it waits for a core for most of the time
