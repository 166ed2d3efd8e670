"""Coroutines that are destroyed without ever having been awaited.

The interpreter warns of each as it destroys it (`warnings._warn_unawaited_coroutine`), mostly on
the line that made it, so coroutines that are awaited cost nothing. If it was kept in a variable,
the line that dropped it is not the one that made it, and is not reported.
"""

import dis
import sys
import warnings
from types import CodeType, FrameType
from typing import Any

from loopviz.probe.patches.patch import Patch
from loopviz.probe.places import PLACES, USER, coroutine_site
from loopviz.probe.recorder import current

__all__ = ["PATCHES"]

_NAMES_KEPT = 200
"""Most lines whose names are cached."""
_names: dict[tuple[CodeType, int], frozenset[str]] = {}


def _reports(original: Any) -> Any:
    def _warn_unawaited_coroutine(coro: Any) -> Any:
        recorder = current()
        if recorder is not None:
            try:
                code = coro.cr_code
                frame = PLACES.user_frame(sys._getframe(1))
                makes = frame is not None and _stands_on_line(frame, code.co_name)
                if makes or PLACES.kind(code) == USER:
                    recorder.never_awaited(coroutine_site(coro), frame if makes else None)
            except Exception as error:  # noqa: BLE001 - the app must go on
                recorder.fail("never_awaited", error)
        return original(coro)

    return _warn_unawaited_coroutine


def _stands_on_line(frame: FrameType, name: str) -> bool:
    """True if the code on the frame's line uses that name, as a call does."""
    key = frame.f_code, frame.f_lineno
    names = _names.get(key)
    if names is None:
        names = frozenset(_used(frame.f_code, frame.f_lineno))
        if len(_names) < _NAMES_KEPT:
            _names[key] = names
    return name in names


def _used(code: CodeType, line: int) -> set[str]:
    found, at = set(), 0
    for instruction in dis.get_instructions(code):
        at = instruction.positions.lineno or at if instruction.positions else at
        if at == line and isinstance(instruction.argval, str):
            found.add(instruction.argval)
    return found


PATCHES = (Patch(warnings, "_warn_unawaited_coroutine", _reports),)
