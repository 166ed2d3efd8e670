"""Which core records: the native one, if it fits this interpreter, else the Python one."""

import hashlib
import importlib
import os
import sys
from asyncio import BaseEventLoop
from pathlib import Path
from typing import Any

__all__ = ["NATIVE", "WHY_NOT", "twin"]

PURE = "LOOPVIZ_PURE"
"""If this variable is 1, the native core is not used, and not built."""

_FOLDER = Path(__file__).with_name("_native")
_KNOWN = ("961b2f0b076d", "42ed26f3bb9e", "6b3b581044ce")
"""Digests of the names that `BaseEventLoop._run_once` uses in each version of asyncio whose
iteration the native core runs as it is there: 3.11 and 3.12, 3.13 and 3.14, 3.15."""


def digest_of_iteration() -> str:
    """What of asyncio's own iteration is compared with `_KNOWN`."""
    names = " ".join(BaseEventLoop._run_once.__code__.co_names)  # type: ignore[attr-defined]
    return hashlib.sha256(names.encode()).hexdigest()[:12]


def _why_not() -> str:
    """Why the native core cannot be used; empty if it can."""
    if os.environ.get(PURE) == "1":
        return f"{PURE}=1 is set"
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return "this interpreter runs without a GIL, and it would turn that on"
    if digest_of_iteration() not in _KNOWN:
        return "asyncio's loop is another one here than those that the native core knows"
    if _changed_since():
        return "its sources have changed since it was built"
    try:
        importlib.import_module("loopviz.probe._native.ring")
    except ImportError as error:
        return _why_not_built() or f"it was not built for this interpreter ({error})"
    return ""


def _why_not_built() -> str:
    try:
        return "it was not built: " + (_FOLDER / "not_built.txt").read_text().strip()
    except OSError:
        return ""


def _changed_since() -> bool:
    """Whether what was built beside its sources is older than these: a pull without an install."""
    try:
        built_from = (_FOLDER / "built_from.txt").read_text().strip()
    except OSError:
        return False
    sources = sorted((*_FOLDER.glob("*.pyx"), *_FOLDER.glob("*.pxd")))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    return bool(sources) and digest != built_from


WHY_NOT = _why_not()
NATIVE = not WHY_NOT


def twin(module: str, name: str, ours: Any) -> Any:
    """The twin in C of `ours`, by its module in `_native`; `ours` where the Python core records."""
    if not NATIVE:
        return ours
    return getattr(importlib.import_module(f"loopviz.probe._native.{module}"), name)
