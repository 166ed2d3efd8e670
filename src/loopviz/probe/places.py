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

__all__ = ["Places"]

_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep
_DEPTH = 32
"""Frames kept of a stack."""


class Places:
    """Tells user code from library code, and names what it sees. One per probe."""

    def __init__(self, user_roots: Iterable[str] = ()) -> None:
        self._user_roots = tuple(root.rstrip(os.sep) + os.sep for root in user_roots)
        paths = sysconfig.get_paths()
        folders = {paths[k] for k in ("stdlib", "platstdlib", "purelib", "platlib")}
        folders.update(site.getsitepackages())
        self._library = (*(f + os.sep for f in folders), _PACKAGE, "<frozen")
        self._is_user: dict[CodeType, bool] = {}

    def is_user(self, code: CodeType) -> bool:
        """Whether the code is the user's: neither standard library, installed package nor ours."""
        known = self._is_user.get(code)
        if known is None:
            file = code.co_filename
            known = file.startswith(self._user_roots) if self._user_roots else False
            known = known or not file.startswith(self._library)
            self._is_user[code] = known
        return known

    def user_frame(self, frame: FrameType | None) -> FrameType | None:
        """The innermost user frame from `frame` outwards, or None."""
        while frame is not None and not self.is_user(frame.f_code):
            if is_loop(frame.f_code):
                return None  # whoever started the loop has no part in its callbacks
            frame = frame.f_back
        return frame

    def stack(self, frame: FrameType | None) -> tuple[list[str], int]:
        """The frames from `frame` outwards to the loop, innermost first, and the culprit's index.

        The culprit is the innermost user frame; without one, the innermost frame there is.
        """
        frames: list[str] = []
        culprit = -1
        while frame is not None and len(frames) < _DEPTH:
            code = frame.f_code
            if is_loop(code):
                break
            if culprit < 0 and self.is_user(code):
                culprit = len(frames)
            frames.append(f"\t{code.co_filename}\t{frame.f_lineno}\t{code.co_qualname}")
            frame = frame.f_back
        return frames, max(culprit, 0)


def is_loop(code: CodeType) -> bool:
    """Whether the code is the loop's own, below which no callback's frames lie."""
    return code.co_name == "_run_once" and code.co_filename.endswith("base_events.py")


def coroutine_code(coroutine: Any) -> CodeType | None:
    """The code of a coroutine, generator or async generator; None for other awaitables."""
    for name in ("cr_code", "gi_code", "ag_code"):
        code = getattr(coroutine, name, None)
        if code is not None:
            return code  # type: ignore[no-any-return]
    return None


def callback_key(callback: Any) -> Any:
    """What to remember a callback's site under: the same for every call of the same function."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    function = getattr(callback, "__func__", callback)
    code = getattr(function, "__code__", None)
    return code if code is not None else getattr(callback, "__qualname__", type(callback))


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
