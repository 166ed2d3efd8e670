"""A recording is opened: while it goes on, and when its program is gone."""

import asyncio

import pytest

from loopviz.clock import SECOND
from loopviz.engine.recorded_run import RecordedRun, newest_record_ns
from loopviz.errors import UsageError
from loopviz.options import RunOptions
from loopviz.probe import install
from loopviz.program.program import recorded
from loopviz.testing import VirtualLoop
from loopviz.wire.events import tag


async def stuck(lock):
    async with lock, lock:
        pass


async def main():
    task = asyncio.create_task(stuck(asyncio.Lock()), name="job")
    await asyncio.wait([task], timeout=30)


@pytest.fixture
def opened(tmp_path):
    """A function: the run of that folder."""
    made = []

    def start(folder):
        made.append(RecordedRun(recorded(folder), tmp_path / "run", None, RunOptions()))
        made[-1].poll()
        return made[-1]

    yield start
    for each in made:
        each.reap(0)


@pytest.fixture
def recording(tmp_path):
    """A virtual loop that is being recorded, its probe and the folder."""
    with VirtualLoop() as loop:
        probe = install(loop, path=tmp_path / "kept", clock=loop.clock, watchdog=False)
        yield loop, probe, tmp_path / "kept"
        probe.uninstall()


def test_one_that_has_ended_shows_its_last_seconds_and_stays_as_it_is(recording, opened):
    loop, probe, folder = recording
    loop.run(main())
    probe.uninstall()
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    run = opened(folder)
    assert run.status.phase == "ended"
    assert str(folder) in run.status.why
    now_ns = run.workers.clock()
    assert 0 <= now_ns - newest_record_ns(folder) < 10 * SECOND
    snapshot = run.workers.snapshot(now_ns, 60 * SECOND)
    assert "job" in {task.label for task in snapshot.tasks.tasks}
    assert "deadlock" in {finding.rule for finding in snapshot.findings}
    assert snapshot.health.dropped_events == 0

    run.reap(0)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_one_that_goes_on_is_followed_until_it_ends(recording, opened):
    loop, probe, folder = recording
    loop.run(asyncio.sleep(0.01))
    run = opened(folder)
    assert run.status.phase == "running"
    seen = run.workers.model.loop.callbacks
    loop.run(asyncio.sleep(0.01))
    run.poll()
    assert run.workers.model.loop.callbacks > seen
    probe.uninstall()
    run.poll()
    assert run.status.phase == "ended"


def test_what_was_overwritten_before_it_was_opened_is_not_told_as_lost(tmp_path, opened):
    folder = tmp_path / "kept"
    with VirtualLoop() as loop:
        probe = install(loop, path=folder, clock=loop.clock, watchdog=False, capacity=64)
        loop.run(asyncio.sleep(60))
        probe.uninstall()
    run = opened(folder)
    assert run.workers.model.loop.callbacks > 0
    assert run.workers.snapshot(run.workers.clock(), SECOND).health.dropped_events == 0


def test_kinds_that_a_newer_loopviz_writes_are_skipped(recording, opened):
    loop, probe, folder = recording
    loop.run(asyncio.sleep(0.01))
    probe.hooks.write(loop.clock(), 0, tag(200, 1))
    loop.run(asyncio.sleep(0.01))
    probe.uninstall()
    assert opened(folder).workers.model.loop.callbacks > 0


@pytest.mark.parametrize("name", ["nowhere", "empty", "else"])
def test_what_is_no_recording_is_told_so(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "else").mkdir()
    for ring in ("loop.ring", "aux.ring"):
        (tmp_path / "else" / ring).write_text("something else")
    with pytest.raises(UsageError, match=f"{name} (has no recording|cannot be opened)"):
        RecordedRun(recorded(tmp_path / name), tmp_path / "run", None, RunOptions())
