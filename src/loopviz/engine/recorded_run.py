"""A run that is read from a folder in which a program records itself, or did."""

from collections.abc import Iterator
from pathlib import Path

import loopviz
from loopviz.clock import Clock, monotonic_ns
from loopviz.engine.child import Guard
from loopviz.engine.collector import RingReader
from loopviz.engine.run import Run, Status, make_folder
from loopviz.engine.sources import Sources
from loopviz.engine.worker import Worker
from loopviz.engine.workers import Workers
from loopviz.errors import UsageError, WireError
from loopviz.options import RunOptions
from loopviz.probe.recording_folder import is_recording
from loopviz.program import Program
from loopviz.wire.control import Message
from loopviz.wire.ring import AUX_RING, LOOP_RING

__all__ = ["RecordedRun", "newest_record_ns"]


class RecordedRun(Run):
    """Nothing is started, asked, changed or removed; a recording that goes on is followed."""

    workers: "RecordedWorkers"

    def __init__(self, program: Program, folder: Path, guard: Guard, options: RunOptions) -> None:
        """Open it. Raises UsageError if there is no recording, or it cannot be read."""
        assert program.recording is not None
        clock = _clock_of(program.recording)
        make_folder(folder)
        super().__init__(folder, guard, options, RecordedWorkers(program, program.recording, clock))
        self._recording = program.recording
        self._name = program.id

    @property
    def status(self) -> Status:
        phase, why = self.failure or ("running", "")
        return Status(phase, why)

    def poll(self) -> None:
        ended = not is_recording(self._recording)  # first: what was written before is read below
        self.workers.drain()
        self.take_said()
        worker = self.workers.first
        assert worker is not None
        if self.failure is not None:
            return
        if worker.unreadable:
            self.failure = ("failed", f"{self._name} cannot be read: {worker.unreadable}")
        elif ended:
            self.workers.model.stop(newest_record_ns(self._recording))
            self.failure = ("ended", f"The recording in {self._name} ends here.")


class RecordedWorkers(Workers):
    """The one loop of a recording."""

    def __init__(self, program: Program, recording: Path, clock: Clock) -> None:
        ours = str(Path(loopviz.__file__).parent)
        super().__init__(program, [(str(program.path), ""), (ours, "loopviz")])
        self.clock = clock
        if not is_recording(recording):  # else it is not known when that began
            last_ns = (recording / LOOP_RING).stat().st_mtime_ns
            self._source_line = Sources(last_ns).line
        self.model = self._new_model()
        worker = Worker(1, _Nobody(), recording, self.model, clock=clock, ours=False)
        worker.ready = True
        self._workers.append(worker)

    def messages(self) -> Iterator[Message]:
        return iter(())

    def toggle(self, key: str) -> None:
        """Do nothing: what has happened cannot be changed."""


class _Nobody:
    """The channel of a loop that cannot be talked to."""

    pid = 0

    def send(self, message: Message) -> None:
        """Do nothing."""

    def read(self) -> list[Message]:
        return []

    def how_it_ended(self) -> str:
        return ""

    def leave(self) -> None:
        """Do nothing."""

    def quit(self) -> None:
        """Do nothing."""

    def reap(self, timeout_s: float) -> None:
        """Do nothing."""


def _clock_of(recording: Path) -> Clock:
    """The present, or if the recording has ended, a clock that goes on from its last moment."""
    try:
        last_ns = newest_record_ns(recording)
    except FileNotFoundError:
        raise UsageError(
            f"{recording} has no recording: name a folder that loopviz.install(path=…) has written."
        ) from None
    except (OSError, WireError) as error:
        raise UsageError(f"{recording} cannot be opened: {error}") from None
    return monotonic_ns if is_recording(recording) else _GoesOn(last_ns)


class _GoesOn:
    """A clock that shows one moment until it is looked at, and goes on from there."""

    def __init__(self, from_ns: int) -> None:
        self._from_ns, self._behind_ns = from_ns, 0

    def __call__(self) -> int:
        self._behind_ns = self._behind_ns or monotonic_ns() - self._from_ns
        return monotonic_ns() - self._behind_ns


def newest_record_ns(recording: Path) -> int:
    """When the newest record was written, by the loop or its watchdog.

    Raises OSError and WireError.
    """
    newest = 0
    for name in (AUX_RING, LOOP_RING):
        reader = RingReader(recording / name)
        try:
            records, _ = reader.read()
        finally:
            reader.close()
        newest = max(newest, int(records["at"].max()) if len(records) else 0)
    return newest
