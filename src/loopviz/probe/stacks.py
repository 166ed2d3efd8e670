"""Stacks of the loop's thread, as frames to show, and the frame that is to blame."""

import gc
import inspect
import os
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import accumulate, chain, repeat, takewhile, tee
from operator import attrgetter, call, is_not, itemgetter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

from loopviz.probe.places import LIBRARY, LOOP, USER, Places, is_generated
from loopviz.wire import endpoint_work
from loopviz.wire.endpoint_work import BODY, DEPENDENCIES, OTHER, RESPONSE, EndpointWork

__all__ = [
    "Stack",
    "StackFrame",
    "dumped_stack",
    "stack_frames",
    "stack_of",
    "starts_thread",
    "thread_frames",
]

_DEPTH = 32
"""Most frames kept of a stack; the one to blame is kept in any case."""
_START_DEPTH = 3
"""`Thread.start` calls `Event.wait`, and that `Condition.wait`."""
_PROBE = str(Path(__file__).resolve().parent) + os.sep
_FASTAPI = str(Path("fastapi", "routing.py"))
_PACKAGES = f"-packages{os.sep}"
_SERVERS = frozenset(
    (
        "anyio",
        "asgiref",
        "fastapi",
        "hypercorn",
        "mcp",
        "opentelemetry",
        "sentry_sdk",
        "starlette",
        "uvicorn",
    )
)
"""Installed packages that are not the app, but call it."""
_READS = ("body", "json", "form")
_SOLVES, _VALIDATES, _SERIALISES = (
    "solve_dependencies",
    "request_body_to_args",
    "serialize_response",
)
"""Functions that FastAPI's handler calls around the endpoint; it validates the body while it solves
the dependencies."""
_Frame = tuple[str, int, str, str, FrameType | None]
"""File, line, name, qualified name, and the frame itself if available."""
StackFrame = tuple[FrameType, tuple[CodeType, int | None]]
"""A frame, its code, and its line when the stack was read; the frame itself moves on."""
_code_and_line = attrgetter("f_code", "f_lineno")
_is_frame = partial(is_not, None)
_COLLECTS_IN_C = sys.version_info < (3, 12)
"""True if a garbage collection may begin at any allocation. It may call Python functions
(`gc.callbacks`, finalizers), and then other threads get the GIL."""


class Stack(NamedTuple):
    """Frames as `probe.places` writes them, from the innermost outwards to the loop."""

    frames: list[str]
    culprit: int
    """The index of the innermost user frame, or of the endpoint that FastAPI works for.

    A middleware that awaits another ASGI app is not to blame for what happens there. Without a
    user frame it is the innermost one of the package that the server or framework called: an app
    that is installed, and does more than to await another package. Without such a package it is the
    innermost one of any package, or of all, 0.
    """
    endpoint: str = ""
    """The frame of the endpoint that FastAPI works for; added to the others unless it runs."""

    def text(self, numbers: Iterable[int]) -> str:
        """The text of a `STALL` record: the culprit's index and the frames' string numbers."""
        return f"{self.culprit}:{','.join(map(str, numbers))}"


def thread_frames(thread_id: int) -> list[StackFrame]:
    """The stack of a running thread at one moment; see `stack_frames`. Empty without the thread."""
    return _stack_frames(map(itemgetter(thread_id), map(call, (sys._current_frames,))))


def stack_frames(frame: FrameType | None) -> list[StackFrame]:
    """The stack that ends in `frame`, innermost first.

    Frames and lines are read by a single call into C, during which no other thread gets the GIL: a
    running thread cannot be at one line in one frame and past it in the next, nor end in between.
    """
    return _stack_frames((frame,))


def starts_thread(stack: Sequence[StackFrame]) -> bool:
    """True if that stack waits for a thread that it has started to run."""
    inner = (code for _, (code, _) in stack[:_START_DEPTH])
    return any(code.co_name == "start" and code.co_filename == threading.__file__ for code in inner)


def _stack_frames(first: Iterable[FrameType | None]) -> list[StackFrame]:
    outwards = accumulate(chain(first, repeat("f_back")), getattr)  # type: ignore[arg-type]
    frames, same = tee(takewhile(_is_frame, outwards))
    found: list[StackFrame] = []
    collects = _COLLECTS_IN_C and gc.isenabled()
    if collects:
        gc.disable()
    try:
        with suppress(KeyError):  # there is no such thread
            found.extend(zip(frames, map(_code_and_line, same), strict=False))
    finally:
        if collects:
            gc.enable()
    return found


def stack_of(places: Places, stack: Iterable[StackFrame]) -> Stack:
    """The frames to show, out to the loop.

    The probe's own are left out, unless there are no others. While FastAPI works for an endpoint
    that does not run, a frame of the endpoint's first line stands for it; its name is what FastAPI
    does, see `wire.endpoint_work`.
    """
    return _stack(
        places,
        (
            (code.co_filename, _line(frame, line or 0), code.co_name, code.co_qualname, frame)
            for frame, (code, line) in stack
        ),
    )


def dumped_stack(
    places: Places, frames: Iterable[tuple[str, int, str]], now: Stack | None = None
) -> Stack:
    """The stack of frames given as (file, line, name); otherwise as `stack_of`.

    `now`, the current stack of the same callback, supplies what dumps lack: qualified names and the
    endpoint.
    """
    whole = {}
    for text in now.frames if now else ():
        _, file, _, function = text.split("\t")
        whole[file, function.rpartition(".")[2]] = function
    return _stack(
        places,
        ((file, line, name, whole.get((file, name), name), None) for file, line, name in frames),
        now.endpoint if now else "",
    )


def _stack(places: Places, frames: Iterable[_Frame], endpoint: str = "") -> Stack:
    kept: list[str] = []
    own: list[str] = []
    culprit = -1
    installed = _Installed(places)
    inside: list[str] = []
    for file, line, name, function, frame in frames:
        kind = places.kind_of(file, name)
        if kind == LOOP or places.is_runner(file, function):
            break
        if len(kept) >= _DEPTH and culprit >= 0:
            break
        if kind == USER and file[:1] == "<" and (frame is None or is_generated(frame)):
            kind = LIBRARY
        text = f"\t{file}\t{line}\t{function}"
        if file.startswith(_PROBE):
            own.append(text)
            continue
        passes_on = culprit < 0 and installed.add(file, frame, len(kept), text)
        if kind == USER:
            if culprit < 0 and not passes_on:
                culprit = len(kept)
        elif name == "app" and file.endswith(_FASTAPI):
            endpoint = _endpoint(places, inside, frame, endpoint) or endpoint
            if endpoint and culprit < 0:
                culprit = len(kept)
                kept.append(endpoint)
        inside.append(name)
        if len(kept) < _DEPTH or culprit == len(kept):
            kept.append(text)
    if culprit < 0:
        culprit, text = installed.culprit()
        if culprit >= len(kept) > 0:
            culprit = len(kept)
            kept.append(text)
    return Stack(kept or own, culprit, endpoint)


class _Installed:
    """The installed packages on a stack, which is walked outwards."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._apps: dict[str, tuple[int, str]] = {}
        """The innermost frame of each package that may be the app, the outermost last."""
        self._any = 0, ""
        """The innermost frame of all packages."""
        self._called = self._awaited = False
        """Whether an ASGI app was called, and whether the frame before is a coroutine's."""

    def add(self, file: str, frame: FrameType | None, index: int, text: str) -> bool:
        """Take the next frame. Returns True if it is an ASGI app that awaits another one.

        A package whose coroutines only await others' is not what runs.
        """
        is_app = frame is not None and self._places.is_app(frame.f_code)
        is_coroutine = frame is not None and bool(frame.f_code.co_flags & inspect.CO_COROUTINE)
        awaits, self._awaited = is_coroutine and self._awaited, is_coroutine
        passes_on = is_app and self._called
        self._called = self._called or is_app
        _, installed, rest = file.rpartition(_PACKAGES)
        if installed:
            self._any = self._any if self._any[1] else (index, text)
            package = rest.partition(os.sep)[0]
            if package in _SERVERS or is_app or (awaits and package not in self._apps):
                return passes_on
            self._apps[package] = self._apps.pop(package, (index, text))
        return passes_on

    def culprit(self) -> tuple[int, str]:
        """The innermost frame of the outermost package that is no server or middleware."""
        return next(reversed(self._apps.values()), self._any)


def _line(frame: FrameType, line: int) -> int:
    """The line; that of the template for code which Jinja made of one."""
    template = frame.f_globals.get("__jinja_template__")
    with suppress(Exception):  # another's object
        return int(template.get_corresponding_lineno(line)) if template is not None else line
    return line


def _endpoint(places: Places, inside: Sequence[str], frame: FrameType | None, later: str) -> str:
    """The endpoint that FastAPI's frame serves, as a frame; empty unless it is the user's.

    `inside` are the functions that FastAPI's calls, innermost first. `later`: the endpoint as it
    was sampled later in the same callback, for a dump, which has no frame.
    """
    if frame is None:
        work, _, place = later.partition("\t")
        seen = endpoint_work.parse(work)
        kind = _kind(inside) or seen.kind
        seen = EndpointWork(kind, seen.body_bytes if kind == seen.kind else 0)
        return place and f"{seen.name}\t{place}"
    variables = frame.f_locals
    code = getattr(getattr(variables.get("dependant"), "call", None), "__code__", None)
    if code is None or places.kind(code) != USER:
        return ""
    kind = _kind(inside) or (RESPONSE if "raw_response" in variables else OTHER)
    done = EndpointWork(kind, _body_bytes(variables) if kind == BODY else 0)
    return f"{done.name}\t{code.co_filename}\t{code.co_firstlineno}\t{code.co_qualname}"


def _kind(inside: Sequence[str]) -> str:
    """What FastAPI does, by the functions that it calls, innermost first; empty: not known."""
    calls = inside[-1] if inside else ""
    if calls in _READS or (calls == _SOLVES and _VALIDATES in inside):
        return BODY
    return {_SOLVES: DEPENDENCIES, _SERIALISES: RESPONSE}.get(calls, "")


def _body_bytes(variables: Mapping[str, Any]) -> int:
    """The size of the request's body, read or announced; 0: not known."""
    body = variables.get("body_bytes")
    if type(body) is bytes:
        return len(body)
    headers = getattr(variables.get("request"), "scope", {}).get("headers")
    if type(headers) is not list:  # others may be read once only
        return 0
    length = next((value for name, value in headers if name == b"content-length"), b"")
    return int(length) if length.isdigit() else 0
