"""What Linux tells of a thread in `/proc`: how long it waited for a core, and where it sleeps."""

import ctypes
import os
import sys
from contextlib import suppress
from typing import Any, Literal, NamedTuple

__all__ = ["CoreTime", "KernelThread", "Sleep", "address_waited_on", "core_waits"]

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


class KernelThread:
    """One thread of this process as the kernel sees it.

    Nothing is known on other systems, where `/proc` is missing or closed, and once its files are
    closed. Reading keeps the GIL: a release would hand it to the loop, and getting it back takes
    up to 5 ms.
    """

    def __init__(self, native_id: int | None) -> None:
        self._files: dict[str, int] = {}
        self._gil = _gil_addresses()
        if sys.platform != "linux" or native_id is None:
            return
        self._pread = _pread()
        self._buffer = ctypes.create_string_buffer(_BYTES)
        for name in ("schedstat", "syscall"):
            with suppress(OSError):
                path = f"/proc/self/task/{native_id}/{name}"
                self._files[name] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def core_waits(self) -> CoreTime | None:
        """How long it has waited for a core. A wait counts once it is over."""
        return core_waits(self._read("schedstat"))

    def sleeps(self) -> Sleep | None:
        """What it sleeps in; None if it runs, or could if it had a core.

        The GIL is a condition variable inside `_PyRuntime`, and glibc waits on its address.
        """
        call = self._read("syscall")
        if call.startswith("running"):
            return None
        address = address_waited_on(call)
        if address is None:
            return "unknown"
        return "gil" if address in self._gil else "call"

    def close(self) -> None:
        """Close the files. Safe to call twice."""
        while self._files:
            os.close(self._files.popitem()[1])

    def _read(self, name: str) -> str:
        fd = self._files.get(name)
        if fd is None:
            return ""
        size = self._pread(fd, self._buffer, _BYTES, 0)
        return self._buffer.raw[: max(size, 0)].decode("ascii", "replace")


def core_waits(schedstat: str) -> CoreTime | None:
    """Parse `schedstat`: time on a core, time without, slices. None if the kernel keeps none."""
    fields = schedstat.split()
    if len(fields) != 3 or not all(map(str.isdigit, fields)) or fields[0] == "0":
        return None
    return CoreTime(int(fields[1]), int(fields[2]))


def address_waited_on(syscall: str) -> int | None:
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
