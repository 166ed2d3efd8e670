"""What Linux tells of a thread in `/proc`: how long it waited for a core, and where it sleeps."""

import ctypes
import os
import sys
from contextlib import suppress
from typing import Any, Literal, NamedTuple

__all__ = ["CoreTime", "File", "KernelThread", "Sleep", "address_waited_on", "core_waits"]

_BYTES = 512
_RUNTIME_BYTES = 1 << 20
"""More than CPython's `_PyRuntime` takes: 0.2 MB in 3.11, 0.5 MB in 3.14."""


Sleep = Literal["gil", "call", "unknown"]
"""What a thread sleeps in: until it gets the GIL, or in another system call."""


class CoreTime(NamedTuple):
    """A thread's totals since it was started."""

    queued_ns: int
    """How long it could run and had no core."""
    slices: int
    """How often it got one: once after each sleep, and once each time that it was preempted."""


class File:
    """A file of `/proc`, which is read again and again; empty if it cannot be opened.

    Reading keeps the GIL: a release would hand it to the loop, and getting it back takes up to
    5 ms.
    """

    def __init__(self, path: str, most_bytes: int = _BYTES) -> None:
        self._fd: int | None = None
        if sys.platform != "linux":
            return
        with suppress(OSError):
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._pread = _pread()
        self._buffer = ctypes.create_string_buffer(most_bytes)

    @property
    def fd(self) -> int:
        """Its descriptor; -1 while it is not open."""
        return -1 if self._fd is None else self._fd

    def read(self) -> bytes:
        """What it says now."""
        if self._fd is None:
            return b""
        size = self._pread(self._fd, self._buffer, len(self._buffer), 0)
        return ctypes.string_at(self._buffer, max(size, 0))

    def close(self) -> None:
        """Close it; it is empty from then on. Safe to call twice."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


class KernelThread:
    """One thread of this process as the kernel sees it.

    Nothing is known on other systems, where `/proc` is missing or closed, and once its files are
    closed.
    """

    def __init__(self, native_id: int | None) -> None:
        self._gil = _gil_addresses()
        names = ("schedstat", "syscall", "stat") if native_id is not None else ()
        self._files = {name: File(f"/proc/self/task/{native_id}/{name}") for name in names}

    def core_waits(self) -> CoreTime | None:
        """How long it has waited for a core. A wait counts once it is over."""
        return core_waits(self._read("schedstat"))

    def fd_of_core_waits(self) -> int:
        """The open file that `core_waits` reads; -1: none."""
        file = self._files.get("schedstat")
        return -1 if file is None else file.fd

    def core(self) -> int | None:
        """The number of the core that it has run on last; None: not known."""
        fields = self._read("stat").rpartition(b")")[2].split()
        return int(fields[36]) if len(fields) > 36 else None

    def sleeps(self) -> Sleep | None:
        """What it sleeps in; None if it runs, or could if it had a core.

        The GIL is a condition variable inside `_PyRuntime`, and glibc waits on its address.
        """
        call = self._read("syscall")
        if call.startswith(b"running"):
            return None
        address = address_waited_on(call)
        if address is None:
            return "unknown"
        return "gil" if address in self._gil else "call"

    def close(self) -> None:
        """Close the files. Safe to call twice."""
        for file in self._files.values():
            file.close()

    def _read(self, name: str) -> bytes:
        file = self._files.get(name)
        return file.read() if file is not None else b""


def core_waits(schedstat: bytes) -> CoreTime | None:
    """Parse `schedstat`: time on a core, time without, slices. None if the kernel keeps none."""
    try:
        on_a_core, queued, slices = map(int, schedstat.split())
    except ValueError:
        return None
    return CoreTime(queued, slices) if on_a_core else None


def address_waited_on(syscall: bytes) -> int | None:
    """The first argument of the system call that a thread sleeps in, by `syscall`; None: in none.

    The file says `running`, or the call's number, its six arguments, stack and program counter.
    """
    fields = syscall.split()
    if len(fields) != 9:
        return None
    try:
        return int(fields[1], 16)
    except ValueError:
        return None


def _pread() -> Any:
    pread = ctypes.PyDLL(None).pread
    pread.argtypes = ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_long
    pread.restype = ctypes.c_ssize_t
    return pread


def _gil_addresses() -> range:
    """The addresses at which the GIL may be; none in a build without."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return range(0)
    try:
        runtime = ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime")
    except (ValueError, AttributeError):
        return range(0)
    start = ctypes.addressof(runtime)
    return range(start, start + _RUNTIME_BYTES)
