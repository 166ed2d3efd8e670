"""Loads a scenario: runs its file, checks it, and reports where it hangs or what it raised."""

import asyncio
import contextlib
import linecache
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from loopviz.errors import TargetError
from loopviz.lab.catalogue import load_scenario
from loopviz.lab.catalogue.checks import parameters, wrong, wrong_answers
from loopviz.lab.catalogue.reading import Call, Contents, read_file
from loopviz.output import clean
from loopviz.scenario import Answer, Counter, Expect, Fix, Load, Scenario
from loopviz.wire.control import Message, TargetLoading

__all__ = ["Loading", "check", "load", "raised"]

PATIENCE_S = 3.0
"""How long loading may take before its place is reported."""
WORD_S = 1.0
"""The interval of reports after that."""
LONG = 1_000
"""Most characters that are read of an exception's text and of a source line; both are cut later."""


def load(path: Path) -> Scenario:
    """Run the file and return its scenario, checked. Raises TargetError, or what the file raises.

    Its folder comes last in `sys.path`: modules beside it can be imported, also by processes that
    it starts, and hide no others.
    """
    if error := read_file(path).error:
        raise TargetError(error)
    sys.path.append(str(path.parent))
    scenario = load_scenario(path)
    check(path, scenario)
    return scenario


def check(path: Path, scenario: Scenario) -> None:
    """Raise TargetError, with the line if it is known, for a scenario that cannot be served."""
    from fastapi import APIRouter  # noqa: PLC0415 - start-up counts

    contents = read_file(path)

    def refuse(what: str, line: int) -> None:
        raise TargetError(f"{path.name}:{line}: {what}.")

    for name in parameters(Scenario):
        if what := wrong(Scenario, name, getattr(scenario, name)):
            refuse(f"Scenario: {what}", contents.scenario.lines.get(name, contents.scenario.line))
    if not isinstance(scenario.router, APIRouter):
        what = f"router must be an APIRouter(), not {scenario.router!r:.60}"
        refuse(f"Scenario: {what}", contents.scenario.lines.get("router", contents.scenario.line))
    for given, items, kind in (
        (contents.fixes, scenario.fixes, Fix),
        (contents.load, scenario.load, Load),
        (contents.counters, scenario.counters, Counter),
        (contents.expect, scenario.expect, Expect),
        (contents.answers, scenario.answers, Answer),
    ):
        keys = set()
        for item, call in zip(items, _calls(given, items, contents), strict=True):
            for name in parameters(kind):
                if what := wrong(kind, name, getattr(item, name)):
                    refuse(f"{kind.__name__}: {what}", call.lines.get(name, call.line))
            key = getattr(item, "key", None)
            if key is not None and key in keys:
                refuse(f"the key {key!r} is there twice", call.line)
            keys.add(key)
    if what := wrong_answers(scenario.question, scenario.answers, scenario.expect):
        refuse(f"Scenario: {what}", contents.scenario.lines.get("answers", contents.scenario.line))


def _calls(given: list[Call], items: Sequence[Any], contents: Contents) -> list[Call]:
    """The calls that make the items; the call of `Scenario` for all if they cannot be read."""
    if len(given) == len(items):
        return given
    return [Call(contents.scenario.line)] * len(items)


class Loading:
    """A thread that reports from time to time where the loading of a scenario has got to."""

    def __init__(self, path: Path, send: Callable[[Message], None]) -> None:
        """To be called on the thread that loads."""
        self._path, self._send = path, send
        self._main = threading.get_ident()
        self._began = time.monotonic()
        self._done = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        """The loop that runs the lifespan, once there is one."""

    def start(self) -> None:
        """Report the start, and from then on the place if loading takes long."""
        self._send(TargetLoading())
        threading.Thread(target=self._follow, name="loopviz loading", daemon=True).start()

    def done(self) -> None:
        """Stop reporting."""
        self._done.set()

    def where(self) -> tuple[str, int] | None:
        """The user's innermost file and line, on the main thread or awaited by its loop."""
        frame = sys._current_frames().get(self._main)  # noqa: SLF001 - there is no other way
        found = _innermost(_outwards(frame), self._path)
        if found is None and self.loop is not None:
            found = _innermost(_awaited(self.loop), self._path)
        return found

    def _follow(self) -> None:
        wait_s = PATIENCE_S
        while not self._done.wait(wait_s):
            wait_s = WORD_S
            passed = time.monotonic() - self._began
            why = f"{self._path.name} has not finished loading after {passed:.0f} s"
            with contextlib.suppress(Exception):  # frames change while they are read
                if where := self.where():
                    why += f": it is {_at(where, self._path)}"
            if not self._done.is_set():
                self._send(TargetLoading(why=why + "."))


def raised(error: BaseException, path: Path) -> str:
    """One sentence: the exception that the scenario's code raised, and the line."""
    words = clean(_text(error)[:LONG]).split()
    what = type(error).__name__ + (f": {' '.join(words)[:300]}" if words else "")
    tb = traceback.walk_tb(error.__traceback__)
    where = _innermost(((f, line) for f, line in reversed([*tb])), path)
    if where is None:
        return f"{path.name} raised {what}."
    return f"{path.name} raised {what}, {_at(where, path)}."


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the user's own __str__
        return ""


def _at(where: tuple[str, int], path: Path) -> str:
    """`at line 12, `while True:``; with the file's name if it is not the scenario's."""
    file, line = where
    source = clean(linecache.getline(file, line)[:LONG].strip())
    of = "" if file == str(path) else f" of {Path(file).name}"
    return f"at line {line}{of}" + (f", `{source[:80]}`" if source else "")


def _innermost(frames: Iterator[tuple[FrameType, int]], path: Path) -> tuple[str, int] | None:
    """The first frame in the scenario's file or beside it; the frames come innermost first."""
    for frame, line in frames:
        if _is_users(frame.f_code, path):
            return frame.f_code.co_filename, line
    return None


def _is_users(code: CodeType, path: Path) -> bool:
    folder = f"{path.parent}/"
    file = code.co_filename
    return file.startswith(folder) and "site-packages" not in file[len(folder) :]


def _outwards(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back


def _awaited(loop: asyncio.AbstractEventLoop) -> Iterator[tuple[FrameType, int]]:
    """The awaited frames of the loop's tasks, innermost first; uvicorn's lifespan task leads."""
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: "Lifespan" not in repr(task))
    for task in tasks:
        frames = []
        at: Any = task.get_coro()
        while at is not None:
            frame = getattr(at, "cr_frame", None) or getattr(at, "ag_frame", None)
            if frame is None:
                break
            frames.append((frame, frame.f_lineno))
            inner = getattr(at, "cr_await", None) or getattr(at, "ag_await", None)
            manager = frame.f_locals.get("self") if frame.f_code.co_name == "__aenter__" else None
            at = getattr(manager, "gen", None) or inner  # an `@asynccontextmanager`
        yield from reversed(frames)
