"""What `loopviz doctor` says: what works on this machine, and what to do about the rest."""

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import loopviz
from loopviz.probe import core
from loopviz.probe.kernel import KernelThread
from loopviz.probe.overhead import measure_overhead
from loopviz.probe.tripwire import Tripwire

__all__ = ["Check", "checks", "lines"]

EXTRAS = {
    "celery": ("celery", "the lesson `queue` has a fix with a broker"),
    "postgres": ("asyncpg", "scenarios can use PostgreSQL"),
    "serve": ("textual_serve", "`loopviz serve` shows the screen in a browser"),
}
"""What `pip install "loopviz[NAME]"` brings, by name: the module, and what it is for."""
YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")


class Check(NamedTuple):
    """One line: what was looked at, whether it works as well as it can, and what that means."""

    name: str
    well: bool
    says: str


def lines() -> Iterator[str]:
    """The checks as text; a `!` stands before what could be better."""
    for check in checks():
        yield f"{' ' if check.well else '!'} {check.name:9} {check.says}"


def checks() -> Iterator[Check]:
    """All checks, in the order in which they are printed. Takes some 100 ms."""
    yield Check("loopviz", True, f"{loopviz.__version__}, Python {_python()}")
    yield _core()
    yield Check("cost", True, f"{_cost()} per callback, measured in a loop that does nothing else")
    yield _tripwire()
    yield _waits()
    yield _attach()
    yield _room()
    yield _terminal()
    for name, (module, use) in EXTRAS.items():
        yield _extra(name, module, use)


def _python() -> str:
    return f"{platform.python_version()}, {platform.system()} {platform.release()}"


def _core() -> Check:
    if core.NATIVE:
        return Check("core", True, "native: callbacks are run and recorded in C")
    says = f"Python, since {core.WHY_NOT}. It sees the same and costs more"
    advice = _native_one()
    return Check("core", False, f"{says}. For the native one, {advice}" if advice else says)


def _native_one() -> str:
    """How to get the native core; empty if there is none for this interpreter."""
    if core.WHY_NOT.startswith(core.PURE):
        return "run it without that"
    if core.PURE in core.WHY_NOT:
        return "install loopviz without that"
    if "have changed" in core.WHY_NOT:
        return "install loopviz again"
    if "not built" in core.WHY_NOT:
        return "install loopviz where there is a C compiler, and Python's headers"
    return ""


def _cost() -> str:
    added = measure_overhead()
    return f"{added} ns added" if added > 0 else "nothing added"


def _tripwire() -> Check:
    says = "C code that holds the GIL is seen while it runs"
    try:
        with tempfile.TemporaryDirectory() as folder:
            Tripwire(Path(folder) / "dumps", ((), ())).close()
    except Exception as error:  # noqa: BLE001 - whatever is missing
        return Check("tripwire", False, f"{says} only where it works, and here {error}")
    return Check("tripwire", True, says)


def _waits() -> Check:
    kernel = KernelThread(threading.get_native_id())
    known = kernel.core_waits() is not None
    kernel.close()
    if known:
        return Check("machine", True, "waits for a core and for the GIL are known")
    return Check(
        "machine",
        False,
        "the kernel does not tell how long a thread waits for a core (no /proc/…/schedstat): "
        "a slow callback may be the machine's fault",
    )


def _attach() -> Check:
    if not hasattr(sys, "remote_exec"):
        own = "to programs on Python 3.14 and newer, and to older ones as `loopviz env` says"
    else:
        own = "to programs on this Python"
    scope = YAMA.read_text().strip() if YAMA.exists() else "0"
    if scope == "0" or os.geteuid() == 0:
        return Check("attach", True, own)
    return Check(
        "attach",
        False,
        f"{own}, as root only: kernel.yama.ptrace_scope is {scope}. "
        "`sudo sysctl kernel.yama.ptrace_scope=0` allows it",
    )


def _room() -> Check:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    enough = free > 100 << 20
    return Check("room", enough, f"{free >> 20:,} MiB free in {folder}; a run takes 10 to 100")


def _terminal() -> Check:
    if not sys.__stdout__ or not sys.__stdout__.isatty():
        return Check("terminal", True, "this output goes to none")
    columns, rows = shutil.get_terminal_size()
    colours = _colours()
    known = f"{columns}×{rows}, {colours}, {sys.__stdout__.encoding}"
    if columns < 80 or rows < 24:
        return Check("terminal", False, f"{known}: the screen needs 80×24")
    if sys.__stdout__.encoding.lower() != "utf-8":
        return Check("terminal", False, f"{known}: use --ascii, or a locale with UTF-8")
    return Check("terminal", True, known)


def _colours() -> str:
    if os.environ.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if os.environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256" in os.environ.get("TERM", "") else "16 colours"


def _extra(name: str, module: str, use: str) -> Check:
    if find_spec(module) is None:
        return Check(name, True, f'not installed; with it {use}: pip install "loopviz[{name}]"')
    version = importlib.metadata.version(module.replace("_", "-"))
    return Check(name, True, f"{module} {version}: {use}")
