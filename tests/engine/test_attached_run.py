"""A process that is attached to and has no loop: what the screen says then."""

import types

from loopviz.clock import SECOND, monotonic_ns
from loopviz.engine import attached_run
from loopviz.engine.attached_run import AttachedRun
from loopviz.options import RunOptions
from loopviz.program import Program


def test_a_server_whose_workers_have_the_loops_names_them(tmp_path, monkeypatch):
    injection = types.SimpleNamespace(
        at_once=True, poll=lambda: None, wake=lambda: None, close=lambda: None
    )
    monkeypatch.setattr(attached_run, "Injection", lambda *_: injection)
    monkeypatch.setattr(attached_run, "started_by", lambda pid: [pid + 1, pid + 2])
    monkeypatch.setattr(AttachedRun, "how_it_ended", lambda _run: "")
    server = Program(id="70 uvicorn app:app", path=tmp_path, group="", pid=70)
    run = AttachedRun(server, tmp_path / "1", types.SimpleNamespace(), RunOptions())
    run.poll()
    assert run.status.why == "Attaching to 70 uvicorn app:app."
    run._started_ns = monotonic_ns() - 3 * SECOND
    run.poll()
    assert run.status.why == (
        "The process 70 has shown no asyncio loop; it has started processes that have one: "
        "attach to 71, 72."
    )
    run.reap(0)
