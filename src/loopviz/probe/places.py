"""Where code is: user frames, spawn sites, callback names, stacks, as short texts to intern.

A *site* is `name <tab> file <tab> line <tab> function`; a *frame* is the same with an empty name.
"""

import functools
import os
import site
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

__all__ = ["PLACES", "Places", "is_generated", "line_at"]

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep
_LOOPS = ("base_events.py", str(Path(__file__).resolve().with_name("hooks.py")))
"""Whose `_run_once` runs the callbacks."""
USER, LIBRARY, LOOP = 1, 2, 3
_FOREIGN = str(Path(__file__).resolve().with_name("foreign.py"))
"""Whose `send` and `throw` run the steps of a foreign loop's tasks."""


class Places:
    """Tells user code from library code, and names what it sees."""

    def __init__(self, user_roots: Iterable[str] = (), library: Iterable[str] = ()) -> None:
        """`library`: what the file names of library code start with; without: this Python's."""
        self._user_roots: tuple[str, ...] = ()
        self._library = tuple(library) or _library_folders()
        self.kinds: dict[int, int] = {}
        """What `kind` knows so far, by `id(code)`: a code object's own hash goes through all of
        its constants and names."""
        self._kept: list[CodeType] = []
        self.add_user_roots(user_roots)

    def add_user_roots(self, roots: Iterable[str]) -> None:
        """Code below these folders is the user's, even if they lie among installed packages.

        What is installed below them, in a project's `.venv`, is not.
        """
        more = {root.rstrip(os.sep) + os.sep for root in roots} - set(self._user_roots)
        if more:
            self._user_roots += tuple(more)
            self.kinds.clear()

    def kind(self, code: CodeType) -> int:
        """`USER`, `LIBRARY` (standard, installed, ours) or `LOOP`, below which no frame counts."""
        return self.kinds.get(id(code)) or self._look_at(code)

    def user_frame(self, frame: FrameType | None) -> FrameType | None:
        """The innermost user frame from `frame` outwards to the loop, or None."""
        kinds = self.kinds
        while frame is not None:
            code = frame.f_code
            kind = kinds.get(id(code)) or self._look_at(code)
            if kind == LOOP:
                return None  # whoever started the loop has no part in its callbacks
            if kind == USER and not is_generated(frame):
                return frame
            frame = frame.f_back
        return None

    def has_user_frame(self, frames: Iterable[FrameType]) -> bool:
        """As `user_frame`, of a stack that was read before: whether one is the user's."""
        for frame in frames:
            kind = self.kind(frame.f_code)
            if kind == LOOP:
                return False
            if kind == USER and not is_generated(frame):
                return True
        return False

    def folders(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Whose code is the user's, and whose a library's: for another process's `Places`."""
        return self._user_roots, self._library

    def kind_of(self, file: str, name: str) -> int:
        """As `kind`, of the code of that (short) name in that file."""
        if name == "_run_once" and file.endswith(_LOOPS):
            return LOOP
        if name in ("send", "throw") and file == _FOREIGN:
            return LOOP
        for root in self._user_roots:
            if file.startswith(root):
                return LIBRARY if _is_installed(file[len(root) - 1 :]) else USER
        return LIBRARY if file.startswith(self._library) or _is_installed(file) else USER

    def _look_at(self, code: CodeType) -> int:
        kind = self.kind_of(code.co_filename, code.co_name)
        self._kept.append(code)  # or another might come to lie at its address
        self.kinds[id(code)] = kind
        return kind


def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[k] for k in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages())
    return (*(folder + os.sep for folder in folders), _PACKAGE, "<frozen")


def _is_installed(file: str) -> bool:
    """Whether it lies in a virtual environment, wherever that is."""
    return "/site-packages/" in file or "/dist-packages/" in file


def is_generated(frame: FrameType) -> bool:
    """Its code was made by a library as text (SQLAlchemy does); `python -c` is the user's."""
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
        if code is not None:
            return code  # type: ignore[no-any-return]
    return None


def coroutine_site(coroutine: Any) -> str:
    """The site of a coroutine: its qualified name and where it is defined."""
    code = coroutine_code(coroutine)
    name = getattr(coroutine, "__qualname__", None) or type(coroutine).__qualname__
    if code is None:
        return f"{name}\t\t0\t"
    return f"{name}\t{code.co_filename}\t{code.co_firstlineno}\t{code.co_qualname}"


def callback_site(callback: Any) -> str:
    """The site of a callback: its qualified name and where it is defined, as far as known."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    function = getattr(callback, "__func__", callback)
    code = getattr(function, "__code__", None)
    name = getattr(callback, "__qualname__", None) or type(callback).__qualname__
    if code is None:
        return f"{name}\t\t0\t"
    return f"{name}\t{code.co_filename}\t{code.co_firstlineno}\t{code.co_qualname}"


PLACES = Places()
"""The process's own: what is user code is the same for all of its loops."""
