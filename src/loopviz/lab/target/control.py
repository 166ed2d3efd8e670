"""The control thread: applies fixes and the order to quit, the loop blocked or not."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Protocol

from loopviz import run_folder
from loopviz.clock import monotonic_ns
from loopviz.probe.answers import Answers
from loopviz.scenario import Fix
from loopviz.shutdown import TARGET_S
from loopviz.wire.control import AwaitsRequest, Leave, Quit, SetFix, StackRequest, messages
from loopviz.wire.events import Kind
from loopviz.wire.ring import LockedRing

__all__ = ["Control"]


class Stop(Protocol):
    """Ends the app; `leave`: once it has served what it has accepted."""

    def __call__(self, *, leave: bool = False) -> None: ...


class Control:
    """Reads control messages from a pipe; its end means that the parent is gone."""

    def __init__(self, pipe: IO[bytes], stop: Stop, run_folder: Path) -> None:
        self._pipe = pipe
        self._fixes: dict[str, Fix] | None = None
        self._early: dict[str, bool] = {}
        self._lock = threading.Lock()
        self._stop = stop
        self._run_folder = run_folder
        self.aux_ring: LockedRing | None = None
        """Where to note that a fix was toggled, once there is a ring."""
        self.answers: Answers | None = None
        """Answers about the loop's tasks, once there is a loop."""

    def use(self, fixes: Sequence[Fix]) -> None:
        """The scenario is loaded: apply the changes of fixes that came before, and later ones."""
        with self._lock:
            self._fixes = {fix.key: fix for fix in fixes}
        for key, on in self._early.items():
            self._toggle(key, on=on)

    def start(self) -> None:
        """Begin to read. As long as there are no fixes nothing runs, and `Quit` is at once."""
        threading.Thread(target=self._follow, name="loopviz control", daemon=True).start()

    def _follow(self) -> None:
        orphaned = True
        for message in messages(self._pipe):
            match message:
                case SetFix(key=key, on=on):
                    self._toggle(key, on=on)
                case StackRequest() | AwaitsRequest() if self.answers is not None:
                    self.answers.answer(message)
                case Leave():
                    self._stop(leave=True)
                case Quit():
                    orphaned = False
                    break
        if self._fixes is not None:
            self._stop()
            threading.Event().wait(TARGET_S)
        if orphaned:
            run_folder.remove(self._run_folder)
        os._exit(0)  # the loop does not come back, or a thread of the app holds on

    def _toggle(self, key: str, *, on: bool) -> None:
        with self._lock:
            if self._fixes is None:
                self._early[key] = on
                return
        fix = self._fixes.get(key)
        if fix is None or fix.on == on:
            return
        before_ns = monotonic_ns()  # or the mark might come after the first effects
        fix.on = on
        if self.aux_ring is not None:
            self.aux_ring.write(Kind.MARK, text=f"fix:{key}={'on' if on else 'off'}", at=before_ns)
