"""What the program says of itself: its marks and spans, and what it logs as a warning or worse."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from loopviz.clock import SECOND, monotonic_ns
from loopviz.marks import watch as watch_marks
from loopviz.probe.few_texts import FewTexts
from loopviz.probe.patches.patch import Applied, Patch, apply, undo
from loopviz.probe.recorder import current, recorders, worker
from loopviz.wire.events import Kind
from loopviz.wire.ring import LockedRing

__all__ = ["LENGTH", "unwatch", "watch"]

LENGTH = 200
"""Characters of a mark's text or a log record's message."""
_TEXTS = 1000
"""How many different texts are kept; a further one is recorded without what makes it different."""
_OWN = "loopviz"
"""The logger of the probe itself, whose failures have a record of their own."""
_RATE = 100
"""How many log records are recorded in a second at most."""


class _Notes:
    """The `marks.Watcher` of this process."""

    def __init__(self) -> None:
        self._texts = FewTexts(_TEXTS)
        self._second = self._count = 0

    def mark(self, text: str) -> None:
        try:
            ring = _ring()
            if ring is not None:
                ring.write(Kind.MARK, text=self._texts.keep(f"mark:{_line(text)}", "mark:…"))
        except Exception:  # noqa: BLE001 - the app must go on
            return

    def span(self, name: str, *, begins: bool) -> None:
        try:
            recorder = current()
            if recorder is None and worker.recorder is not None:
                recorder = worker.recorder
            if recorder is not None:
                recorder.span(self._texts.keep(_line(name), "…"), begins=begins)
        except Exception:  # noqa: BLE001
            return

    def log(self, record: logging.LogRecord) -> None:
        """Record a log record, unless there are too many."""
        try:
            ring, at = _ring(), monotonic_ns()
            if at // SECOND != self._second:
                self._second, self._count = at // SECOND, 0
            self._count += 1
            if ring is None or self._count > _RATE:
                return
            start = f"log:{record.levelname}\t{_line(record.name)}\t"
            text = self._texts.keep(f"{start}{_line(record.getMessage())}", f"{start}…")
            ring.write(Kind.MARK, text=text, at=at)
        except Exception:  # noqa: BLE001 - its arguments may not fit: the app's handlers say so
            return


def _line(text: object) -> str:
    return " ".join(str(text)[: 2 * LENGTH].split())[:LENGTH]


def _ring() -> LockedRing | None:
    """The aux ring of the running loop, else that of the first recorded one."""
    recorder = current() or next(iter(tuple(recorders.values())), None)
    return None if recorder is None else recorder.aux_ring


_NOTES = _Notes()
_lock = threading.RLock()  # `attach` may come between any two bytecodes
_applied: list[Applied] = []
_watchers = 0


def watch() -> None:
    """Add one watched loop; the first lets marks, spans and log records be recorded."""
    global _watchers  # noqa: PLW0603
    with _lock:
        _watchers += 1
        if _watchers == 1:
            watch_marks(_NOTES)
            _applied.extend(apply([Patch(logging.Logger, "callHandlers", _calling)]))


def unwatch() -> None:
    """Remove one; the last undoes that."""
    global _watchers  # noqa: PLW0603
    with _lock:
        _watchers -= 1
        if not _watchers:
            watch_marks(None)
            undo(_applied)


def _calling(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def callHandlers(logger: Any, record: Any) -> Any:  # noqa: N802 - it has the original's name
        if record.levelno >= logging.WARNING and record.name != _OWN:
            _NOTES.log(record)
        return original(logger, record)

    return callHandlers
