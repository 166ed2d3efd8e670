"""Several worker processes behind one address: they come, share the load, go, or die."""

import asyncio
import os
import signal
import socket
import sys
from urllib.parse import urlsplit

import pytest

from loopviz.engine.headless import measure
from loopviz.errors import TargetError
from loopviz.lab.target.server import Server
from loopviz.listener import listen
from loopviz.options import RunOptions
from loopviz.shutdown import RETIRED_S
from tests.e2e.command import loopviz
from tests.e2e.sessions import frame, frame_when
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

CUSTOMERS = 30
"""Of the lesson `workers`: their first visits are neither recognised nor forgotten."""


def targets(ours):
    return {pid for pid, words in ours().items() if "loopviz.lab.target" in words}


def works(now):
    """The second worker has done a crunch or more."""
    stalls = [stall for peer in now.snapshot.peers for stall in peer.loop.stalls]
    return now.status.phase == "running" and any("/crunch" in stall.label for stall in stalls)


def visits(now):
    return sum(counter.value for counter in now.snapshot.counters)


def fails(now):
    return {r.route: r.errors for r in now.snapshot.routes if r.errors}


def test_a_second_worker_comes_and_goes_and_no_request_fails(session, ours):
    run = session("workers", rate=0.5)
    frame_when(run, lambda now: now.status.phase == "running" and len(now.snapshot.requests) > 10)
    assert frame(run).snapshot.peers == ()
    (first,) = targets(ours)
    for _ in range(2):
        run.toggle("two_workers")
        frame_when(run, works)
        assert len(targets(ours)) == 2
        run.toggle("two_workers")
        assert frame(run).snapshot.peers == ()
        wait_until(lambda: frame(run) and targets(ours) == {first}, RETIRED_S, "the second's end")
    # what the second one counted is not lost with it: each visit but the customers' first
    last = frame_when(run, lambda now: 0 < now.snapshot.routes[1].ok - CUSTOMERS <= visits(now))
    assert last.snapshot.peers == ()
    assert fails(last) == {}
    assert last.status.why == ""
    numbers = [request.number for request in last.snapshot.requests]
    assert len(set(numbers)) == len(numbers)


def test_both_workers_have_the_fixes_and_find_what_the_other_stored(session):
    # each customer comes every six seconds: on a busy machine no visit is overtaken by the next
    run = session("workers", fixes=["two_workers", "shared_state"], rate=0.5)
    frame_when(run, works)
    assert len(frame(run).snapshot.peers) == 1
    frame_when(run, lambda now: now.snapshot.counters[0].value >= 15)
    counters = {counter.key: counter.value for counter in frame(run).snapshot.counters}
    assert counters["forgotten"] == 0
    run.toggle("shared_state")
    frame_when(run, lambda now: now.snapshot.counters[1].value >= 3)
    run.toggle("shared_state")
    seen = visits(frame(run))
    now = frame_when(run, lambda now: visits(now) >= seen + 12)
    # every customer has come once: what the database knows is new again
    before = {counter.key: counter.value for counter in now.snapshot.counters}
    frame_when(run, lambda now: now.snapshot.counters[0].value >= before["recognised"] + 10)
    after = {counter.key: counter.value for counter in frame(run).snapshot.counters}
    assert after["forgotten"] == before["forgotten"]


def test_a_second_worker_that_dies_is_said_and_the_first_goes_on(session, ours):
    run = session("workers", rate=0.5)
    frame_when(run, lambda now: now.status.phase == "running")
    (first,) = targets(ours)
    run.toggle("two_workers")
    frame_when(run, works)
    (second,) = targets(ours) - {first}
    os.kill(second, signal.SIGKILL)
    said = frame_when(run, lambda now: now.status.why, 5)
    assert said.status.phase == "running"
    assert said.status.why.startswith("Worker 2 was killed by SIGKILL.")
    assert said.snapshot.peers == ()
    answered = said.snapshot.routes[2].ok  # what was sent to the dead worker has no answer
    frame_when(run, lambda now: now.snapshot.routes[2].ok > answered + 10)
    run.toggle("two_workers")
    assert frame(run).status.why == ""
    run.toggle("two_workers")
    frame_when(run, works)


def test_the_first_worker_s_end_is_the_run_s(session, ours):
    """Whoever comes then is refused, and does not queue at a door that nobody opens."""
    run = session("workers", fixes=["two_workers"], rate=0.5)
    running = frame_when(run, works)
    os.kill(run.run.workers.first.pid, signal.SIGKILL)
    frame_when(run, lambda now: now.status.phase == "target-died", 5)
    wait_until(lambda: not targets(ours), 5, "the end of the second worker")
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect(("127.0.0.1", urlsplit(running.status.url).port))
    for _ in range(2):
        run.toggle("two_workers")  # nobody is started for a run that is over
        assert not targets(ours)
    run.restart()
    frame_when(run, works)


def test_a_report_of_two_workers():
    report = measure("workers", RunOptions(fixes=("two_workers",), duration_s=4.5))
    assert report["workers"] == 2
    (peer,) = report["peers"]
    assert peer["worker"] == 2
    assert peer["loop"]["callbacks"] > 100
    assert report["loop"]["callbacks"] > 100
    assert [route["errors"] for route in report["load"]] == [{}, {}, {}]
    found = next(found for found in report["findings"] if found["rule"] == "slow-callback")
    stalls = [f for f in report["findings"] if f["rule"] in ("slow-callback", "machine-busy")]
    untold = 2  # a machine that is busy twice is no finding yet
    of_both = 0.9 * report["load"][0]["sent"]
    assert sum(found["count"] for found in stalls) + untold >= of_both
    assert found["location"]["function"] == "crunch_numbers"
    sent = report["load"][1]  # of what is not answered at the end, some may have been counted
    assert sent["ok"] + sent["unanswered"] == sent["sent"]
    assert sent["ok"] <= sum(report["counters"].values()) + CUSTOMERS <= sent["sent"]


BROKEN = """
import os
from contextlib import asynccontextmanager
from fastapi import APIRouter
from loopviz.scenario import Fix, Load, Scenario

@asynccontextmanager
async def lifespan(app):
    door = os.open(os.environ["TMPDIR"] + "/door", os.O_CREAT | os.O_EXCL)
    yield
    os.close(door)

router = APIRouter()
two = Fix(key="two", title="two", why="there is one door", workers=2)
scenario = Scenario(
    title="door", lesson="door", look=(), router=router, fixes=[two], lifespan=lifespan,
    load=[Load("GET /ping", rps=20)],
)
"""


def test_a_second_worker_that_does_not_start_is_said(session, tmp_path, ours):
    """Its workers share a folder for temporary files, as they share the port."""
    (tmp_path / "door.py").write_text(BROKEN)
    run = session("door", folders=[tmp_path])
    frame_when(run, lambda now: now.status.phase == "running")
    run.toggle("two")
    said = frame_when(run, lambda now: now.status.why)
    assert said.status.phase == "running"
    assert said.status.why.startswith("Worker 2 did not start: ")
    assert "FileExistsError" in said.status.why
    wait_until(lambda: frame(run) and len(targets(ours)) == 1, 5, "its end")
    assert frame(run).status.why == said.status.why
    with pytest.raises(TargetError, match="FileExistsError"):  # whichever came second
        measure("door", RunOptions(fixes=("two",), folders=(tmp_path,), duration_s=1))
    wait_until(lambda: len(targets(ours)) == 1, 5, "the end of both")  # but for the session's own


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = loopviz("bench", "workers", "--port", str(port))
    assert done.returncode == 3
    assert done.stderr == (
        f"loopviz: Cannot bind port {port} on 127.0.0.1 (Address already in use): "
        "choose another with --port, or omit --port to use a free one.\n"
    )


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await asyncio.sleep(0.1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})


def test_a_worker_that_leaves_serves_what_it_has_accepted():
    """Also a connection whose request it has not read: uvicorn itself would close that."""

    async def main():
        listener, started = listen(0), asyncio.Event()
        address = listener.getsockname()
        server = Server(app, started.set)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await started.wait()
        reader, writer = await asyncio.open_connection(*address)
        while not server.server_state.connections:
            await asyncio.sleep(0.001)
        server.leave()
        await asyncio.sleep(0.6)  # longer than the server takes to see that it shall leave
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        reply = await reader.read()
        writer.close()
        await writer.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        await asyncio.wait_for(serving, 5)
        return reply

    reply = asyncio.run(main())
    assert reply.startswith(b"HTTP/1.1 200")
    assert b"served" in reply
