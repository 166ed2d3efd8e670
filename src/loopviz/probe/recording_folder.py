"""The files of a recording: its rings, in a folder that is locked while they are written."""

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from loopviz.errors import NO_ROOM, MachineError
from loopviz.locks import FileLock, lock_file
from loopviz.wire.dump import DUMP_FILE
from loopviz.wire.ring import (
    AUX_CAPACITY,
    AUX_RING,
    LOOP_RING,
    LockedRing,
    RingFile,
    ring_size,
)

__all__ = ["RecordingFiles", "is_recording", "open_files"]

LOCK = "loopviz.lock"


class RecordingFiles(NamedTuple):
    """The files of one recording. The folder is free for another one once `lock` is released."""

    folder: Path
    asked: Path
    """The folder that was asked for; another one if a loop was being recorded there already."""
    loop: RingFile
    aux_ring: LockedRing
    lock: FileLock


def open_files(path: Path | None, capacity: int) -> RecordingFiles:
    """Create files in the folder `path`, or in a new temporary one. Raises MachineError.

    An older recording there is replaced; processes that have its files open keep them. While
    another loop is being recorded there, in this process or in another one, the recording goes to
    the first free one of `path-2`, `path-3`, …
    """
    needed = ring_size(capacity) + ring_size(AUX_CAPACITY)
    try:
        return _in_temporary(capacity) if path is None else _in_free(path.absolute(), capacity)
    except OSError as error:
        place = path or tempfile.tempdir or "a temporary folder"
        what = f"loopviz cannot record into {place}"
        if error.errno in NO_ROOM:  # this first, since paths are long
            what = f"loopviz cannot get {needed / 2**20:.1f} MiB for its recording"
        raise MachineError(what, error, where=f"in {place}") from error


def is_recording(folder: Path) -> bool:
    """Whether a process records into the folder now."""
    try:
        lock = lock_file(folder / LOCK, create=False)
    except OSError:  # there is none, or no permission
        return False
    if lock is not None:
        lock.release()
    return lock is None


def _in_temporary(capacity: int) -> RecordingFiles:
    folder = Path(tempfile.mkdtemp(prefix="loopviz-"))
    try:
        return _in_free(folder, capacity)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _in_free(path: Path, capacity: int) -> RecordingFiles:
    folder, lock = _free_folder(path)
    try:
        _remove(folder)
        loop = RingFile(folder / LOOP_RING, capacity=capacity)
        return RecordingFiles(folder, path, loop, LockedRing(folder / AUX_RING), lock)
    except BaseException:
        _remove(folder)  # one ring may exist already
        lock.release()
        raise


def _free_folder(path: Path) -> tuple[Path, FileLock]:
    """The first folder in which no loop is being recorded, locked."""
    folder, numbers = path, itertools.count(2)
    while True:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = lock_file(folder / LOCK)
        if lock is not None:
            return folder, lock
        folder = path.with_name(f"{path.name}-{next(numbers)}")


def _remove(folder: Path) -> None:
    """Remove the files. A reader opens the aux ring first: it is removed first and created last."""
    for name in (AUX_RING, LOOP_RING, DUMP_FILE):
        (folder / name).unlink(missing_ok=True)
