"""Places in code: user frames, spawn sites and callback names, as short texts to intern.

A *site* is `name <tab> file <tab> line <tab> function`; a *frame* is the same with an empty name.
"""

import functools
import os
import site
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

__all__ = ["PLACES", "Places", "is_generated", "line_at", "user_frame"]

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep
_LOOPS = (
    "base_events.py",
    "asyncio/runners.py",
    *(str(Path(__file__).resolve().with_name(name)) for name in ("hooks.py", "startup.py")),
)
"""Ends of the files whose functions run the callbacks."""
_RUN = ("_run_once", "run_forever", "run")
"""Their names; the native core's leaves no frame, nor do uvloop's."""
USER, LIBRARY, LOOP = 1, 2, 3
_FOREIGN = str(Path(__file__).resolve().with_name("foreign.py"))
"""The file whose `send` and `throw` run the steps of a foreign loop's tasks."""


class Places:
    """Tells user code from library code."""

    def __init__(self, user_roots: Iterable[str] = (), library: Iterable[str] = ()) -> None:
        """`library`: prefixes of the file names of library code; by default this Python's."""
        self._user_roots: tuple[str, ...] = ()
        self._library = tuple(library) or _library_folders()
        self.kinds: dict[int, int] = {}
        """The results of `kind`, by `id(code)`: a code object's own hash goes through all of its
        constants and names."""
        self._runners: set[tuple[str, str]] = set()
        """The files and qualified names of functions that run a loop which leaves no frame."""
        self._apps: set[int] = set()
        """The ids of the codes of ASGI apps and middleware: functions of `receive` and `send`."""
        self._kept: list[CodeType] = []
        self.add_user_roots(user_roots)

    def add_user_roots(self, roots: Iterable[str]) -> None:
        """Count code below these folders as the user's, even among installed packages.

        Packages installed below them, as in a project's `.venv`, are still libraries; so is
        loopviz itself.
        """
        more = {root.rstrip(os.sep) + os.sep for root in roots} - set(self._user_roots)
        if more:
            self._user_roots += tuple(more)
            self.kinds.clear()

    def add_runner(self, code: CodeType) -> None:
        """Let stacks end at this code: it runs a loop which leaves no frame."""
        self._runners.add((code.co_filename, code.co_qualname))
        self.kinds.pop(id(code), None)

    def is_runner(self, file: str, function: str) -> bool:
        """True for such code, by its file and qualified name."""
        return (file, function) in self._runners

    def kind(self, code: CodeType) -> int:
        """`USER`, `LIBRARY` (standard, installed, loopviz) or `LOOP`, at which a stack ends."""
        return self.kinds.get(id(code)) or self._look_at(code)

    def is_app(self, code: CodeType) -> bool:
        """True for an ASGI app or middleware. One that awaits another is nobody's culprit."""
        self.kind(code)
        return id(code) in self._apps

    def user_frame(self, frame: FrameType | None) -> FrameType | None:
        """The innermost user frame from `frame` outwards to the loop, or None.

        A middleware that awaits another app is passed over.
        """
        kinds, innermost = self.kinds, frame
        while frame is not None:
            code = frame.f_code
            kind = kinds.get(id(code)) or self._look_at(code)
            if kind == LOOP:
                return None  # the code that started the loop has no part in its callbacks
            if kind == USER and not is_generated(frame):  # noqa: SIM102 - the second is rare
                if id(code) not in self._apps or not self._app_within(innermost, frame):
                    return frame
            frame = frame.f_back
        return None

    def _app_within(self, frame: FrameType | None, outer: FrameType) -> bool:
        """True if an app runs between the two frames."""
        while frame is not None and frame is not outer:
            if id(frame.f_code) in self._apps:
                return True
            frame = frame.f_back
        return False

    def folders(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The user roots and the library prefixes, for `Places` in another process."""
        return self._user_roots, self._library

    def kind_of(self, file: str, name: str) -> int:
        """The kind, as `kind` returns it, of the code with that short name in that file."""
        if name in _RUN and file.endswith(_LOOPS):
            return LOOP
        if name in ("send", "throw") and file == _FOREIGN:
            return LOOP
        for root in self._user_roots:
            if file.startswith(root):
                own = file.startswith(_PACKAGE) and not root.startswith(_PACKAGE)
                return LIBRARY if own or _is_installed(file[len(root) - 1 :]) else USER
        return LIBRARY if file.startswith(self._library) or _is_installed(file) else USER

    def _look_at(self, code: CodeType) -> int:
        kind = self.kind_of(code.co_filename, code.co_name)
        if self.is_runner(code.co_filename, code.co_qualname):
            kind = LOOP
        self._kept.append(code)  # keeps its id from being reused
        self.kinds[id(code)] = kind
        parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if "receive" in parameters and "send" in parameters:
            self._apps.add(id(code))
        return kind


def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[k] for k in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages())
    return (*(folder + os.sep for folder in folders), _PACKAGE, "<frozen")


def _is_installed(file: str) -> bool:
    """True for a file in any virtual environment."""
    return "/site-packages/" in file or "/dist-packages/" in file


def is_generated(frame: FrameType) -> bool:
    """True if a library compiled the frame's code from a string (as SQLAlchemy does).

    `python -c` is the user's code.
    """
    made = frame.f_code.co_filename[:1] == "<"
    return made and frame.f_globals.get("__name__") != "__main__"


def line_at(code: CodeType, lasti: int) -> int:
    """The line of an instruction, by its offset in bytes."""
    for start, end, line in code.co_lines():
        if start <= lasti < end and line is not None:
            return line
    return code.co_firstlineno


def coroutine_code(coroutine: Any) -> CodeType | None:
    """The code of a coroutine, generator or async generator; None for other awaitables."""
    for name in ("cr_code", "gi_code", "ag_code"):
        code = getattr(coroutine, name, None)
        if isinstance(code, CodeType):  # a mock has every attribute
            return code
    return None


def coroutine_site(coroutine: Any) -> str:
    """The site of a coroutine: its qualified name and where it is defined."""
    code = coroutine_code(coroutine)
    name = getattr(coroutine, "__qualname__", None) or type(coroutine).__qualname__
    if code is None:
        return f"{name}\t\t0\t"
    return f"{name}\t{code.co_filename}\t{code.co_firstlineno}\t{code.co_qualname}"


def callback_site(callback: Any) -> str:
    """The site of a callback: its qualified name and where it is defined, if known."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    function = getattr(callback, "__func__", callback)
    code = getattr(function, "__code__", None)
    name = getattr(callback, "__qualname__", None) or type(callback).__qualname__
    if code is None:
        return f"{name}\t\t0\t"
    return f"{name}\t{code.co_filename}\t{code.co_firstlineno}\t{code.co_qualname}"


PLACES = Places()
"""The instance that all loops of this process share: user code is the same for all of them."""


def user_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost user frame from `frame` outwards to the loop, out of a greenlet, too."""
    found = PLACES.user_frame(frame)
    if found is None and (greenlet := sys.modules.get("greenlet")) is not None:
        inside = greenlet.getcurrent().parent
        while found is None and inside is not None:
            found = PLACES.user_frame(inside.gr_frame)
            inside = inside.parent
    return found
