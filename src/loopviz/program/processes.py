"""Processes that run already: which can be attached to, and what they are called."""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loopviz.clock import SECOND

__all__ = ["RunningProcess", "began_ns", "candidates", "process"]

PROC = Path("/proc")
_START_TIME = 19
"""The place of `starttime` among the fields of `/proc/PID/stat` that follow the name."""
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
        return " ".join([Path(words[0]).name, *words[1:]]) if words else str(self.pid)


def process(pid: int) -> RunningProcess | None:
    """None if there is no such process, or it is another user's."""
    place = PROC / str(pid)
    try:
        words = (place / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
        exe = (place / "exe").readlink().name
        found = _VERSION.match(exe)
        python = tuple(map(int, found.groups())) if found else ()
        return RunningProcess(
            pid, tuple(words), (place / "cwd").readlink(), python, pid in _listening()
        )
    except OSError:
        return None


def _listening() -> set[int]:
    """The processes of this machine, or container, that wait for a loopviz."""
    try:
        return set(map(int, _DOOR.findall((PROC / "net" / "unix").read_text())))
    except OSError:
        return set()


def began_ns(pid: int) -> int:
    """When the process began, by the wall clock; 0: not known."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
        ticks = int(stat.rpartition(")")[2].split()[_START_TIME])
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
