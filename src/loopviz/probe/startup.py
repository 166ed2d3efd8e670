"""Records the loops of a program for a loopviz that listens at a socket.

`begin` is for a program that loopviz has started (see `loopviz/path_entry`), `attach` for one that
was running before (see `loopviz.engine.injection`).

A loop is recorded from the moment that it begins to run, or that loopviz attaches, until it is
closed. A recording has a folder of its own beside the socket, and a connection to that: it says
where the rings are and answers what loopviz asks. The next loop goes on in it (`recordings`). If
loopviz ends, so does the recording, and the program is as it was before. Whatever fails here is
logged, and the program goes on.
"""

import asyncio
import atexit
import contextlib
import itertools
import logging
import math
import os
import sys
import time
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from loopviz.clock import monotonic_ns
from loopviz.errors import LoopvizError, MachineError
from loopviz.probe.control_link import ControlLink
from loopviz.probe.install import Probe, coverage_of, prepare, unprepare
from loopviz.probe.loops import running_loops
from loopviz.probe.nesting import NESTING
from loopviz.probe.patches.patch import Patch
from loopviz.probe.patches.watchers import SharedPatches
from loopviz.probe.recordings import Budget, Recording, Recordings
from loopviz.probe.running_servers import adopt_servers, release_apps
from loopviz.probe.servers import servers
from loopviz.wire.control import Failed, LoopsLeftOut, LoopStarted, Serving, encode
from loopviz.wire.unix_socket import send

__all__ = ["attach", "begin"]

LOOPS = 8
"""How many loops of a process are recorded at a time: each recording takes 10.5 MiB."""

ENDING_S = 2.0
"""How long the restoring of the loops may take after a loopviz has ended."""

PATIENCE_S = 0.1
"""Loops for which the budget has no credit are recorded once they have run for so long: to begin
and to end a recording takes time, and a test suite runs a thousand loops."""

TELL_S = 1.0
"""How often, at most, it is told how many loops were not recorded; the last time at the exit."""

_log = logging.getLogger("loopviz")


def begin(control: str, interpreter: int = 0) -> None:
    """Record every loop that runs from now on. `control`: the socket at which loopviz listens.

    `interpreter`: the process in which this interpreter was started, before any fork.
    """
    _Watch(Path(control), interpreter or os.getpid()).begin()


def attach(control: str) -> None:
    """Record every loop that runs now, each from its own next callback on, and all later ones.

    May be called in any thread, between any two bytecodes of the program.
    """
    path = Path(control)
    if not _wait_for_the_last():
        why = f"Another loopviz watches the process {os.getpid()} already."
        send(path, encode(Failed(why=why)))
        return
    watch = _Watch(path, os.getpid())
    watch.begin()
    for loop in running_loops():
        with contextlib.suppress(RuntimeError):  # it has been closed meanwhile
            loop.call_soon_threadsafe(watch.adopt, loop)


def _wait_for_the_last() -> bool:
    """Wait until all loops are as they were, if a loopviz has just ended. False: one watches."""
    until = time.monotonic() + ENDING_S
    while (watch := _Watch.now) is not None:
        if not watch.is_over() or time.monotonic() > until:
            return False
        if not watch.records:
            watch.end()
        time.sleep(0.01)
    return True


class _Watch:
    """The loops of this process that one loopviz has recorded, or will."""

    now: "_Watch | None" = None
    """The one of this process."""

    def __init__(self, control: Path, interpreter: int) -> None:
        self._control, self._interpreter = control, interpreter
        self._folders = itertools.count(1)
        self._begun: weakref.WeakSet[Any] = weakref.WeakSet()
        """Loops that have run, recorded or not."""
        self._recordings, self._budget = Recordings(LOOPS), Budget()
        self._left_out, self._told, self._told_at = 0, 0, -math.inf
        self._crowded: weakref.WeakSet[Any] = weakref.WeakSet()
        """Loops for which there was no recording, as too many others are recorded."""
        self._were_crowded = 0
        nesting = dict.fromkeys(NESTING, self._nested)
        watched = {"uvloop": self._uvloops, **nesting, **servers(self._serving)}
        self._patches = SharedPatches(watched, self._of_loop_class(asyncio.BaseEventLoop))

    def begin(self) -> None:
        prepare()
        self._patches.watch()
        _Watch.now = self
        atexit.register(self._at_exit)

    @property
    def records(self) -> bool:
        """Whether any loop is recorded now."""
        return bool(self._recordings.of)

    def is_over(self) -> bool:
        return not self._control.exists()

    def adopt(self, loop: Any) -> None:
        """Record a loop that runs already, on its own thread, and the servers in it."""

        def start() -> None:
            self._begun.add(loop)
            self._start(loop)
            adopt_servers(loop, self._serving)

        if loop not in self._begun:
            _guarded(start)

    def before_fork(self) -> None:
        """While no loop runs there are no threads of ours: a fork warns of these from 3.12 on."""
        self._recordings.close_free()

    def forget(self) -> None:
        """In the child of a fork: the connections are the parent's."""
        self._recordings.forget()
        self._budget = Budget()
        self._left_out = self._told = self._were_crowded = 0

    def _of_loop_class(self, cls: Any) -> list[Patch]:
        def running(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
            def run_forever(loop: Any) -> Any:
                _guarded(lambda: self._begin_soon(loop))
                return original(loop)

            return run_forever

        def closing(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
            def close(loop: Any) -> Any:
                if not loop.is_running():
                    _guarded(lambda: self._stop(loop))
                return original(loop)

            return close

        return [Patch(cls, "run_forever", running), Patch(cls, "close", closing)]

    def _uvloops(self, module: Any) -> Iterable[Patch]:
        return self._of_loop_class(module.Loop)

    def _nested(self, module: Any) -> Iterable[Patch]:
        """It gives the loop's class functions of its own, which call no `run_forever` of ours."""

        def make(original: Callable[[Any], None]) -> Callable[[Any], None]:
            def patch_loop(loop: Any) -> None:
                is_new = not hasattr(loop, "_nest_patched")
                original(loop)
                if is_new:
                    _guarded(lambda: self._begin_with(type(loop), loop.run_until_complete.__func__))

            return patch_loop

        return [Patch(module, "_patch_loop", make)]

    def _begin_with(self, cls: Any, original: Callable[..., Any]) -> None:
        def run_until_complete(loop: Any, future: Any) -> Any:
            if _Watch.now is self:
                _guarded(lambda: self._begin_soon(loop))
            return original(loop, future)

        cls.run_until_complete = run_until_complete

    def _begin_soon(self, loop: Any) -> None:
        if loop in self._begun:
            return
        self._begun.add(loop)
        if self._budget.allows():
            self._start(loop)
        else:
            loop.call_later(PATIENCE_S, _guarded, lambda: self._start(loop))

    def _start(self, loop: Any) -> None:
        if self.is_over():
            self.end()
            return
        own = Probe.of(loop) is not None  # the program records itself, and goes on doing so
        recording = None if own else self._recordings.take(coverage_of(loop))
        if recording is not None:
            self._budget.charge(lambda: self._go_on(recording, loop))
        elif not self._recordings.full:
            self._begin_recording(loop)  # not charged, since there are few
        else:
            self._crowded.add(loop)

    def _go_on(self, recording: Recording, loop: Any) -> None:
        try:
            recording.begin(loop)
        except BaseException:
            recording.close()
            raise
        self._recordings.begun(loop, recording)
        if recording.over:  # since it was taken
            self._abandon(recording)

    def _begin_recording(self, loop: Any) -> None:
        link, at_ns = ControlLink(self._control), monotonic_ns()
        recording = Recording(link)
        path = self._control.with_name(f"{os.getpid()}-{next(self._folders)}")
        try:
            folder = recording.begin(loop, path).folder
        except LoopvizError as error:
            link.send(Failed(why=str(error), machine=isinstance(error, MachineError)))
            link.close()
            raise
        self._recordings.begun(loop, recording)
        started = LoopStarted(
            pid=os.getpid(),
            at_ns=at_ns,
            folder=folder,
            python=sys.version.split()[0],
            forked=os.getpid() != self._interpreter,
        )
        link.send(started)
        link.follow(recording.answers, lambda: self._gone(recording))

    def _stop(self, loop: Any) -> None:
        """The loop is about to be closed."""
        if loop in self._recordings.of:
            self._budget.charge(lambda: self._recordings.ended(loop))
        elif (probe := Probe.of(loop)) is not None:
            probe.uninstall()
        elif loop in self._begun:
            self._left_out += 1
            self._were_crowded += loop in self._crowded
            if time.monotonic() - self._told_at >= TELL_S:
                self._tell_left_out()
        self._begun.discard(loop)  # it may be closed again

    def _at_exit(self) -> None:
        _guarded(self._tell_left_out)

    def _tell_left_out(self) -> None:
        """Say how many loops have ended that were not recorded, if that is news."""
        if self._told < self._left_out and not self.is_over():
            self._told, self._told_at = self._left_out, time.monotonic()
            told = LoopsLeftOut(pid=os.getpid(), loops=self._left_out, crowded=self._were_crowded)
            send(self._control, encode(told))

    def _gone(self, recording: Recording) -> None:
        """The connection has ended: loopviz has, unless it was closed here."""
        if not recording.over:
            recording.over = True
            self._abandon(recording)

    def _abandon(self, recording: Recording) -> None:
        """Nobody reads any more: restore the loop, on its own thread, and what all loops share."""
        loop = recording.loop
        self._recordings.drop(recording)
        probe = None if loop is None else Probe.of(loop)

        def restore() -> None:
            if probe is not None:
                release_apps(probe)
                probe.uninstall()
            if not self.records:
                self.end()

        if self._recordings.of.pop(loop, None) is None:
            if not self.records:
                self.end()
            return
        recording.link.close()
        with contextlib.suppress(RuntimeError):  # it is closed
            loop.call_soon_threadsafe(_guarded, restore)

    def end(self) -> None:
        """Undo what all loops share: the program goes on as if loopviz had never been there."""
        if _Watch.now is self:
            _Watch.now = None
            self._patches.unwatch()
            unprepare()
            atexit.unregister(self._at_exit)

    def _serving(self, loop: Any, url: str) -> None:
        recording = self._recordings.of.get(loop)
        if recording is not None:
            recording.link.send(Serving(url=url))


def _guarded(do: Callable[[], object]) -> None:
    try:
        do()
    except Exception:  # noqa: BLE001 - the program must go on
        _log.exception("loopviz does not watch this loop; the program goes on")


def _before_fork() -> None:
    watch = _Watch.now
    if watch is not None:
        _guarded(watch.before_fork)


def _after_fork() -> None:
    if _Watch.now is not None:
        _Watch.now.forget()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
