"""Processes that run already: which can be attached to, and what they are called."""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loopviz.clock import SECOND

__all__ = ["RunningProcess", "began_ns", "candidates", "process", "started_by"]

PROC = Path("/proc")
_PARENT, _START_TIME = 1, 19
"""The places of `ppid` and `starttime` among the fields of `/proc/PID/stat` after the name."""
_SPAWNED = "from multiprocessing.spawn import spawn_main"
"""With which a command begins that `multiprocessing` has made; it says nothing of the program."""
WITHOUT_PREPARATION = (3, 14)
"""The first version of CPython that can be attached to as it is."""
_VERSION = re.compile(r"python(\d+)\.(\d+)")
_DOOR = re.compile(r"@loopviz-(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A process as the system describes it."""

    pid: int
    command: tuple[str, ...]
    folder: Path
    """In which it runs."""
    python: tuple[int, ...] = ()
    """The version by its executable's name; empty: that does not say."""
    listens: bool = False
    """It waits for a loopviz: it was started with `LOOPVIZ=1`, or called `loopviz.install()`."""
    worker: bool = False
    """`multiprocessing` has started it, and `command` is that of whoever asked for it."""

    @property
    def closed(self) -> bool:
        """Whether nothing can attach to it, as far as is known."""
        return not self.listens and () < self.python < WITHOUT_PREPARATION

    @property
    def name(self) -> str:
        """Its command line without the interpreter and the folders of what that runs."""
        words = list(self.command)
        if len(words) > 1 and Path(words[0]).name.startswith("python"):
            del words[0]
            if words[0] == "-m" and len(words) > 1:
                del words[0]
        name = " ".join([Path(words[0]).name, *words[1:]]) if words else str(self.pid)
        return f"{name} (worker)" if self.worker else name


def process(pid: int) -> RunningProcess | None:
    """None if there is no such process, or it is another user's."""
    place = PROC / str(pid)
    try:
        words, worker = _words(pid), False
        if any(word.startswith(_SPAWNED) for word in words):
            words, worker = _words(_stat(pid, _PARENT)), True
        exe = (place / "exe").readlink().name
        found = _VERSION.match(exe)
        python = tuple(map(int, found.groups())) if found else ()
        return RunningProcess(
            pid, tuple(words), (place / "cwd").readlink(), python, pid in _listening(), worker
        )
    except OSError:
        return None


def _words(pid: int) -> list[str]:
    """Its command line. Raises OSError."""
    written = (PROC / str(pid) / "cmdline").read_bytes()
    return written.decode("utf-8", "replace").split("\0")[:-1]


def _stat(pid: int, field: int) -> int:
    """A field of `/proc/PID/stat`, of those that follow the name. Raises OSError."""
    stat = (PROC / str(pid) / "stat").read_text()
    return int(stat.rpartition(")")[2].split()[field])


def _listening() -> set[int]:
    """The processes of this machine, or container, that wait for a loopviz."""
    try:
        return set(map(int, _DOOR.findall((PROC / "net" / "unix").read_text())))
    except OSError:
        return set()


def began_ns(pid: int) -> int:
    """When the process began, by the wall clock; 0: not known."""
    try:
        ticks = _stat(pid, _START_TIME)
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0
    return time.time_ns() - int(age_s * SECOND)


def candidates() -> Iterator[RunningProcess]:
    """The user's own Python processes that have an event loop, by process number."""
    for pid in sorted(int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()):
        if pid != os.getpid() and _is_python(pid) and _has_loop(pid):
            found = process(pid)
            if found is not None and not _is_loopviz(found):
                yield found


def started_by(pid: int) -> list[int]:
    """Processes that have an event loop, and that this one has started, or one that it has."""
    return [found.pid for found in candidates() if pid in _ancestors(found.pid)]


def _ancestors(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        while pid := _stat(pid, _PARENT):
            yield pid


def _is_python(pid: int) -> bool:
    try:
        return (PROC / str(pid) / "exe").readlink().name.startswith("python")
    except OSError:
        return False


def _has_loop(pid: int) -> bool:
    """Whether it has what every event loop on Linux waits with."""
    files = PROC / str(pid) / "fd"
    try:
        return any(str(file.readlink()) == "anon_inode:[eventpoll]" for file in files.iterdir())
    except OSError:
        return False


def _is_loopviz(found: RunningProcess) -> bool:
    """Loopviz's own: the screen, targets and loads."""
    return any(
        word.startswith("loopviz.") or Path(word).name == "loopviz" for word in found.command[1:4]
    )
