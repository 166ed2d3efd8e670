"""The load as it really runs: its own process, against a real server."""

import os
import signal
import socket
import time

import pytest

from loopviz.clock import monotonic_ns
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.config import LoadConfig
from loopviz.wire.control import AimLoad, Failed, LoadStopped, Quit, SetRate, StopLoad, encode
from loopviz.wire.samples import CONNECTION, LEFT, TIMEOUT

pytestmark = pytest.mark.real


def test_samples_say_how_each_request_went(child, server):
    asked = [
        LoadInfo("GET /ok", 50),
        LoadInfo("GET /404", 50, "constant"),
        LoadInfo("POST /500", 50),
        LoadInfo("GET /hang", 20, "constant", 0.2),
    ]
    child.start(server.url, *asked, seed=3)
    child.read(lambda: all(len(child.statuses(i)) >= 5 for i in range(4)))
    for route, status in enumerate([200, 404, 500, TIMEOUT]):
        assert set(child.statuses(route)) == {status}
    for sample in child.samples:
        assert sample.scheduled_ns <= sample.sent_ns <= sample.done_ns <= monotonic_ns()
        if sample.route == 3:
            assert sample.done_ns - sample.sent_ns >= 190_000_000
    sent = {int(headers[b"x-loopviz-sent"]) for _, headers in server.seen}
    assert {sample.sent_ns for sample in child.samples} <= sent
    assert child.reported.shed == (0, 0, 0, 0)
    assert child.reported.dropped == 0


def test_copies_ask_for_the_same_and_each_arrival_for_another(child, server):
    child.start(server.url, LoadInfo("GET /item%20{n}?of={n}", 100, copies=2))
    child.read(lambda: len(child.samples) >= 40)
    child.send(StopLoad())  # of the last arrival, one copy alone may have its answer by now
    child.read(lambda: isinstance(child.last, LoadStopped))
    paths = [path for path, _ in server.seen]
    for number in range(10):
        assert paths.count(f"/item {number}") == 2
        assert server.queries.count(b"of=%d" % number) == 2
    at = {}
    for sample in child.samples:
        at.setdefault(sample.scheduled_ns, []).append(sample.sent_ns)
    assert {len(sent) for sent in at.values()} == {2}


def test_a_client_that_leaves_closes_its_connection(child, server):
    """The server hears of it; one that has its answer in time has not left."""
    child.start(
        server.url,
        LoadInfo("GET /hang", 100, leaves=1.0, leaves_within_s=0.2),
        LoadInfo("GET /ok", 50, leaves=1.0, leaves_within_s=60.0),
    )
    child.read(lambda: len(child.statuses(0)) >= 20 and len(child.statuses(1)) >= 10)
    assert set(child.statuses(0)) == {LEFT}
    assert set(child.statuses(1)) == {200}
    for sample in child.samples:
        if sample.route == 0:
            assert 0 <= sample.done_ns - sample.sent_ns < 1_000_000_000
    child.read(lambda: server.left >= 20)


def test_connections_are_used_again(child, server):
    child.start(server.url, LoadInfo("GET /ok", 100, "constant"))
    child.read(lambda: len(child.samples) >= 100)
    assert len(server.connections) < 50


def test_but_not_after_an_exception_for_then_uvicorn_closes_them(child, server):
    child.start(server.url, LoadInfo("GET /500", 100, "constant"))
    child.read(lambda: len(child.samples) >= 50)
    assert set(child.statuses()) == {500}
    assert len(server.connections) >= 50


def test_unless_each_request_is_to_have_its_own(child, server):
    child.start(server.url, LoadInfo("GET /ok", 50, "constant"), reuse=False)
    child.read(lambda: len(child.samples) >= 20)
    assert len(server.connections) >= len(child.samples)
    assert {headers[b"connection"] for _, headers in server.seen} == {b"close"}
    assert set(child.statuses()) == {200}


def test_the_load_can_be_scaled_aimed_elsewhere_and_stopped(child, server):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        child.start(f"http://127.0.0.1:{nobody.getsockname()[1]}", LoadInfo("GET /ok", 40), rate=2)
        child.read(lambda: len(child.samples) >= 20)
        assert set(child.statuses()) == {CONNECTION}
        child.send(AimLoad(url=server.url))
        child.read(lambda: child.statuses()[-5:] == [200] * 5)
    child.send(SetRate(factor=0))
    child.read(lambda: child.last is child.reported and not child.last.samples)
    paused = child.sent
    child.last = None
    child.read(lambda: child.last is child.reported and child.sent == paused)
    child.send(SetRate(factor=5))
    child.read(lambda: child.sent[0] > paused[0] + 20)
    child.send(AimLoad(url="http://example.org"))
    child.read(lambda: isinstance(child.last, Failed))
    assert "127.0.0.1" in child.last.why
    child.send(StopLoad())
    child.read(lambda: isinstance(child.last, LoadStopped))
    assert len(child.samples) > 40
    child.send(Quit())
    assert child.process.wait() == 0


def test_what_never_answers_is_not_waited_for_at_the_stop(child, server):
    child.start(server.url, LoadInfo("GET /hang", 20, timeout_s=60))
    child.read(lambda: child.in_flight[0] > 3)
    child.send(StopLoad())
    child.read(lambda: isinstance(child.last, LoadStopped))
    assert child.samples == []
    time.sleep(0.2)
    assert server.left == 0, "they wait on: an app is to see nobody leave before the report is made"
    child.close()


@pytest.mark.parametrize(
    ("line", "why", "code"),
    [
        (
            encode(LoadConfig(url="http://example.org", routes=(LoadInfo("GET /ok", 1),))),
            "The load is sent to http://127.0.0.1 only",
            1,
        ),
        (
            encode(LoadConfig(url="http://127.0.0.1:1", routes=(LoadInfo("GET /ok", -1),))),
            "(GET /ok)",
            2,
        ),
        (b'{"type": "LoadConfig", "url": 7, "routes": []}\n', "LoadConfig.url must be text", 3),
        (b"start\n", "A control message is a JSON object", 3),
        (encode(StopLoad()), "The load's first message must be its LoadConfig", 1),
    ],
    ids=["another host", "a wrong value", "a wrong type", "no message", "another message"],
)
def test_a_wrong_start_is_refused_in_a_sentence(child, line, why, code):
    child.write(line)
    child.read(lambda: child.failed)
    assert why in child.failed.why
    assert child.failed.why.endswith(".")
    assert child.process.wait() == code


def test_it_does_not_outlive_its_parent(child, server):
    child.run_dir.mkdir()
    (child.run_dir / "ring").write_bytes(b"0" * 100)
    child.start(server.url, LoadInfo("GET /hang", 50))
    os.kill(child.process.pid, signal.SIGINT)  # is the parent's business
    child.read(lambda: child.in_flight[0] > 3)
    child.close()
    assert child.process.returncode == 0
    assert not child.run_dir.exists()


def test_it_goes_when_it_is_terminated(child, server):
    child.start(server.url, LoadInfo("GET /ok", 10))
    child.process.terminate()
    assert child.process.wait() == -signal.SIGTERM
