"""Where recordings go: each start finds a folder, and without one the app goes on unwatched."""

import asyncio
import errno
import logging
import os
import tempfile
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from loopviz.errors import LoopvizError, MachineError
from loopviz.probe import install
from loopviz.probe.asgi import watch_requests
from loopviz.probe.install import _probes
from loopviz.testing import VirtualLoop
from loopviz.wire.events import Kind
from tests.support.recording import FEW, Recording


@pytest.fixture
def put_in(tmp_path):
    """A function: a probe in that loop, recording into the same folder each time."""

    def put(loop, path=tmp_path / "run", **options):
        quiet = {
            "clock": loop.clock,
            "watchdog": False,
            "heartbeat_s": None,
            "capacity": FEW,
        }
        return install(loop, path=path, **(quiet | options))

    return put


async def named(name):
    asyncio.current_task().set_name(name)
    await asyncio.create_task(asyncio.sleep(0), name=name)


# Again


def test_a_recording_of_the_past_is_replaced_and_who_reads_it_keeps_it(loop, put_in, tmp_path):
    with put_in(loop) as first:
        loop.run(named("first"))
    reader = Recording(first.folder)
    with put_in(loop) as second:
        loop.run(named("second"))
    assert first.folder == second.folder == tmp_path / "run"
    reader.read()
    assert "first" in reader.strings
    assert reader.kinds[-1] is Kind.STOPPED
    seen = Recording(second.folder)
    assert "second" in seen.strings
    assert "first" not in seen.strings


def test_what_a_killed_process_left_behind_is_no_hindrance(loop, put_in, tmp_path):
    (tmp_path / "run").mkdir()
    for name in ("loop.ring", "loop.new", "aux.ring", "aux.new", "gil.dump", "loopviz.lock"):
        (tmp_path / "run" / name).write_text("half of it")
    with put_in(loop) as probe:
        loop.run(named("now"))
    assert probe.folder == tmp_path / "run"
    assert "now" in Recording(probe.folder).strings
    assert not (probe.folder / "gil.dump").exists()


def test_a_wrong_option_costs_no_recording(loop, put_in):
    with put_in(loop) as probe:
        loop.run(named("kept"))
    with pytest.raises(ValueError, match="power of two, not 3"):
        put_in(loop, capacity=3)
    assert "kept" in Recording(probe.folder).strings
    with put_in(loop) as again:
        assert again.folder == probe.folder


# At once


def test_other_loops_get_numbered_folders(loop, put_in, tmp_path):
    with VirtualLoop() as second, VirtualLoop() as third:
        probes = [put_in(each) for each in (loop, second, third)]
        names = [probe.folder.name for probe in probes]
        assert names == ["run", "run-2", "run-3"]
        probes[0].uninstall()
        probes[0] = put_in(loop)
        assert probes[0].folder.name == "run", "it was free again"
        second.run(named("of the second"))
        for probe in probes:
            probe.uninstall()
    assert "of the second" in Recording(tmp_path / "run-2").strings
    assert "of the second" not in Recording(tmp_path / "run").strings


def test_who_asks_again_for_the_same_folder_shares_the_numbered_one(loop, put_in, tmp_path):
    with VirtualLoop() as second, put_in(loop), put_in(second) as numbered:
        for path in (tmp_path / "run", numbered.folder, str(tmp_path / "x" / ".." / "run")):
            with put_in(second, path) as again:
                assert again is numbered
        with pytest.raises(LoopvizError, match=r"recorded into .*run-2: uninstall that probe"):
            put_in(second, tmp_path / "elsewhere")


@pytest.mark.real
def test_two_threads_that_ask_at_once_get_a_folder_each(tmp_path):
    barrier, folders = threading.Barrier(2, timeout=20), []

    async def main():
        barrier.wait()
        with install(path=tmp_path / "run") as probe:
            await asyncio.sleep(0)
            folders.append(probe.folder.name)
            barrier.wait()

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(folders) == ["run", "run-2"]


def test_a_relative_folder_stays_the_same_when_the_app_goes_elsewhere(
    loop, put_in, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with put_in(loop, "mine") as probe:
        monkeypatch.chdir("/")
        assert probe.folder == tmp_path / "mine"


# Apps that start more than once


def app_that_records(path, folders, *, uninstalls):
    from fastapi import FastAPI

    @asynccontextmanager
    async def lifespan(app):
        probe = install(path=path)
        folders.append(probe.folder)
        yield
        if uninstalls:
            probe.uninstall()

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def root() -> str:
        return "here"

    return app


@pytest.mark.real
@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
@pytest.mark.parametrize("uninstalls", [True, False], ids=["uninstalled", "left in"])
def test_a_test_client_starts_it_twice(tmp_path, uninstalls):
    from starlette.testclient import TestClient

    folders = []
    app = app_that_records(tmp_path / "run", folders, uninstalls=uninstalls)
    before = set(threading.enumerate())
    for _ in range(3):
        with TestClient(app) as client:
            assert client.get("/").json() == "here"
    assert folders == [tmp_path / "run"] * 3
    if not uninstalls:
        (left,) = _probes.values()
        left.uninstall()
    assert set(threading.enumerate()) <= before


@pytest.mark.real
def test_the_probe_of_a_closed_loop_goes_with_the_next_start(tmp_path):
    """As often as it was installed; a uvloop, too."""
    kinds = [asyncio.new_event_loop]
    try:
        import uvloop
    except ImportError:
        pass
    else:
        kinds.append(uvloop.new_event_loop)

    async def leaves_it():
        probe = install(path=tmp_path / "run", tripwire=True)
        assert install() is probe
        return probe

    async def takes_it_out():
        with install(path=tmp_path / "run") as probe:
            return probe.folder

    for make in kinds:
        with asyncio.Runner(loop_factory=make) as runner:
            left = runner.run(leaves_it())
        assert asyncio.run(takes_it_out()) == tmp_path / "run"
        left.uninstall()
        assert not _probes
        assert left._watchdog._over


@pytest.mark.real
def test_the_watchdog_of_a_thread_that_has_ended_ends_without_a_word(tmp_path, caplog):
    probes = []

    async def leaves_it():
        probes.append(install(path=tmp_path / "run"))

    thread = threading.Thread(target=asyncio.run, args=(leaves_it(),))
    thread.start()
    thread.join()
    (probe,) = probes
    assert probe._watchdog._ended.acquire(timeout=20), "it still looks"
    probe._watchdog._ended.release()
    probe.uninstall()
    assert not caplog.records
    assert not [e for e in Recording(probe.folder).aux if e.kind is Kind.HOOK_FAILED]


@pytest.mark.real
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_the_child_of_a_fork_records_beside_its_parent(tmp_path):
    async def in_child():
        with install(path=tmp_path / "run") as probe:
            await named("child's")
            return probe.folder.name == "run-2"

    async def main():
        with install(path=tmp_path / "run"):
            pid = os.fork()
            if not pid:
                fine = False
                try:
                    asyncio.events._set_running_loop(None)
                    fine = asyncio.run(in_child())
                finally:
                    os._exit(not fine)
            _, status = os.waitpid(pid, 0)
            await named("parent's")
            return status

    assert asyncio.run(main()) == 0
    assert "parent's" in Recording(tmp_path / "run").strings
    assert "child's" in Recording(tmp_path / "run-2").strings


# Unwatched


def file_in_the_way(tmp_path, monkeypatch):
    (tmp_path / "run").write_text("a file")
    return "File exists"


def no_more_files(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("loopviz.locks.os.open", refuse)
    return os.strerror(errno.EMFILE)


def no_locks(tmp_path, monkeypatch):
    def refuse(fd, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("loopviz.locks.fcntl.flock", refuse)
    return os.strerror(errno.ENOLCK)


@pytest.mark.parametrize("why", [file_in_the_way, no_more_files, no_locks])
def test_a_machine_that_refuses_leaves_the_app_unwatched(
    loop, put_in, tmp_path, monkeypatch, caplog, why
):
    before = dict(vars(loop))
    said = why(tmp_path, monkeypatch)
    with put_in(loop) as probe:
        assert {name: vars(loop)[name] for name in before} == before
        assert vars(loop).keys() == before.keys()
        loop.run(named("unseen"))
    monkeypatch.undo()
    assert (probe.coverage, probe.folder) == ("off", tmp_path / "run")
    assert probe.why.startswith(f"loopviz cannot record into {tmp_path}/run ({said}): ")
    assert probe.why.count(".") == str(tmp_path).count(".") + 1, "one sentence"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("loopviz", logging.ERROR)
    assert record.getMessage() == f"the app goes on unwatched: {probe.why}"
    assert not list(tmp_path.rglob("*.ring"))
    probe.uninstall()
    with put_in(loop, tmp_path / "another") as later:
        assert later.coverage == "full", "it may be tried again"


def test_a_recording_that_is_required_is_an_error_if_it_cannot_be(loop, put_in, tmp_path, caplog):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(MachineError, match=r"into .*run \(File exists\): point XDG_RUNTIME_DIR"):
        put_in(loop, required=True)
    assert not caplog.records
    assert not _probes


def test_without_a_temporary_folder_it_is_unwatched(loop, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    probe = install(loop, clock=loop.clock, watchdog=False, heartbeat_s=None)
    assert (probe.coverage, probe.folder) == ("off", Path(os.devnull))
    assert "into a temporary folder (No usable temporary directory" in probe.why


def test_a_ring_that_does_not_fit_takes_the_other_one_with_it(loop, monkeypatch, tmp_path):
    """Nothing is left that would fill the disk, and a temporary folder goes, too."""

    def refuse(path):
        assert (path.parent / "loop.ring").exists()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("loopviz.probe.recording_folder.LockedRing", refuse)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    probe = install(loop, clock=loop.clock, watchdog=False, heartbeat_s=None)
    assert probe.why == (
        "loopviz cannot get 10.5 MiB for its recording (No space left on device): "
        f"make room in {tmp_path}, or record elsewhere with install(path=…)."
    )
    assert not list(tmp_path.iterdir())


def test_an_app_that_is_wrapped_is_served_unwatched(loop, put_in, tmp_path):
    """All that people do with a probe can be done with this one."""
    (tmp_path / "run").write_text("a file")
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})

    async def send(message):
        sent.append(message["type"])

    async def receive():
        return {"type": "http.disconnect"}

    probe = put_in(loop)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    loop.run(watch_requests(app, probe.hooks)(scope, receive, send))
    probe.aux_ring.write(Kind.MARK, text="deploy:1")
    assert probe.aux_ring.intern_all(["a", "b"]) == [0, 0]
    probe.install()
    probe.uninstall()
    assert sent == ["http.response.start", "http.response.body"]


@pytest.mark.real
def test_without_another_thread_there_is_no_watchdog_and_the_app_goes_on(
    tmp_path, monkeypatch, caplog
):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    async def main():
        monkeypatch.setattr("loopviz.probe.watchdog._thread.start_new_thread", refuse)
        probe = install(path=tmp_path / "run", tripwire=True)
        monkeypatch.undo()
        await named("seen")
        probe.uninstall()

    asyncio.run(main())
    seen = Recording(tmp_path / "run")
    assert "seen" in seen.strings
    assert [event.text for event in seen.aux if event.kind is Kind.HOOK_FAILED] == [
        "watchdog: RuntimeError: can't start new thread"
    ]
    assert [record.name for record in caplog.records] == ["loopviz"]
