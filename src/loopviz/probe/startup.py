"""Records the loops of a program for a loopviz that listens at a socket.

`begin` is for a program that loopviz has started (see `loopviz/path_entry`), `attach` for one that
was running before (see `loopviz.engine.injection`).

A loop is recorded from the moment that it begins to run, or that loopviz attaches, until it is
closed. Each has a folder of its own beside the socket, and a connection to that: it says where the
rings are and answers what loopviz asks. If loopviz ends, so does the recording, and the program is
as it was before. Whatever fails here is logged, and the program goes on.
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
from loopviz.probe.answers import Answers
from loopviz.probe.control_link import ControlLink
from loopviz.probe.install import Probe, install, prepare, unprepare
from loopviz.probe.loops import running_loops
from loopviz.probe.own_code import own_folders
from loopviz.probe.patches.patch import Patch
from loopviz.probe.patches.watchers import SharedPatches
from loopviz.probe.running_servers import adopt_servers, release_apps
from loopviz.probe.servers import servers
from loopviz.wire.control import Failed, LoopsLeftOut, LoopStarted, Serving, encode
from loopviz.wire.unix_socket import send

__all__ = ["attach", "begin"]

LOOPS = 8
"""How many recordings one process may have at a time, those included whose loop was closed and
which loopviz has not read yet: each takes 10.5 MiB. Further ones go on unwatched."""

ENDING_S = 2.0
"""How long the restoring of the loops may take after a loopviz has ended."""

AT_ONCE, PATIENCE_S = 3, 0.1
"""The first so many loops of a process are recorded from their start, later ones once they have run
for so long: a recording takes some ms to set up, and a test suite runs a thousand loops."""

TELL_S = 1.0
"""How often, at most, it is told how many loops were not recorded; the last time at the exit."""

_log = logging.getLogger("loopviz")


def begin(control: str) -> None:
    """Record every loop that runs from now on. `control`: the socket at which loopviz listens."""
    _Watch(Path(control)).begin()


def attach(control: str) -> None:
    """Record every loop that runs now, each from its own next callback on, and all later ones.

    May be called in any thread, between any two bytecodes of the program.
    """
    path = Path(control)
    if not _wait_for_the_last():
        why = f"Another loopviz watches the process {os.getpid()} already."
        send(path, encode(Failed(why=why)))
        return
    watch = _Watch(path)
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
        if not watch.loops:
            watch.end()
        time.sleep(0.01)
    return True


class _Watch:
    """The loops of this process that one loopviz has recorded, or will."""

    now: "_Watch | None" = None
    """The one of this process."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self._numbers, self._folders = itertools.count(1), itertools.count(1)
        self._begun: weakref.WeakSet[Any] = weakref.WeakSet()
        """Loops that have run, recorded or not."""
        self.loops: dict[Any, ControlLink] = {}
        """Those that are recorded now, each with its connection."""
        self._left_out, self._told, self._told_at = 0, 0, -math.inf
        watched = {"uvloop": self._uvloops, "nest_asyncio": self._nested, **servers(self._serving)}
        self._patches = SharedPatches(watched, self._of_loop_class(asyncio.BaseEventLoop))

    def begin(self) -> None:
        prepare()
        self._patches.watch()
        _Watch.now = self
        atexit.register(self._at_exit)

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

    def forget(self) -> None:
        """In the child of a fork: the connections are the parent's."""
        for link in self.loops.values():
            link.forget()
        self.loops.clear()
        self._left_out = self._told = 0

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
        if next(self._numbers) <= AT_ONCE:
            self._start(loop)
        else:
            loop.call_later(PATIENCE_S, _guarded, lambda: self._start(loop))

    def _start(self, loop: Any) -> None:
        if self.is_over():
            self.end()
            return
        own = f"{os.getpid()}-"
        beside = self._control.parent
        if sum(folder.name.startswith(own) for folder in beside.iterdir()) >= LOOPS:
            return
        link, at_ns = ControlLink(self._control), monotonic_ns()
        try:
            if Probe.of(loop) is not None:  # the program records itself, and goes on doing so
                probe = install(loop)
            else:
                probe = self._install(loop, beside / f"{own}{next(self._folders)}")
        except LoopvizError as error:
            link.send(Failed(why=str(error), machine=isinstance(error, MachineError)))
            link.close()
            raise
        self.loops[loop] = link
        started = LoopStarted(
            pid=os.getpid(), at_ns=at_ns, folder=probe.folder, python=sys.version.split()[0]
        )
        link.send(started)
        link.follow(Answers(loop, link.send), lambda: self._abandon(loop, probe))

    @staticmethod
    def _install(loop: Any, path: Path) -> Probe:
        probe = install(loop, path=path, user_roots=own_folders(), required=True, attach=False)
        probe.shared = True
        probe.start_watchdog()  # the first step may be the one that blocks
        return probe

    def _stop(self, loop: Any) -> None:
        """The loop is about to be closed: the recording ends, and after it the connection."""
        link = self.loops.pop(loop, None)
        probe = Probe.of(loop)
        if probe is not None:
            probe.uninstall()
        if link is not None:
            link.close()
        elif loop in self._begun and probe is None:
            self._left_out += 1
            if time.monotonic() - self._told_at >= TELL_S:
                self._tell_left_out()

    def _at_exit(self) -> None:
        _guarded(self._tell_left_out)

    def _tell_left_out(self) -> None:
        """Say how many loops have ended that were not recorded, if that is news."""
        if self._told < self._left_out and not self.is_over():
            self._told, self._told_at = self._left_out, time.monotonic()
            send(self._control, encode(LoopsLeftOut(pid=os.getpid(), loops=self._left_out)))

    def _abandon(self, loop: Any, probe: Probe) -> None:
        """Nobody reads any more: restore the loop, on its own thread, and what all loops share."""

        def restore() -> None:
            release_apps(probe)
            probe.uninstall()
            if not self.loops:
                self.end()

        link = self.loops.pop(loop, None)
        if link is not None:
            link.close()
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
        link = self.loops.get(loop)
        if link is not None:
            link.send(Serving(url=url))


def _guarded(do: Callable[[], object]) -> None:
    try:
        do()
    except Exception:  # noqa: BLE001 - the program must go on
        _log.exception("loopviz does not watch this loop; the program goes on")


def _after_fork() -> None:
    if _Watch.now is not None:
        _Watch.now.forget()


os.register_at_fork(after_in_child=_after_fork)
