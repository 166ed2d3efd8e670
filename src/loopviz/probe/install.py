"""Put the probe into a live loop, and take it out again."""

import asyncio
import logging
import tempfile
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loopviz.clock import Clock, monotonic_ns
from loopviz.errors import LoopvizError
from loopviz.probe import resources
from loopviz.probe.hooks import Hooks, make_hooks
from loopviz.probe.places import PLACES
from loopviz.probe.recorder import Recorder, recorders
from loopviz.probe.watchdog import Watchdog
from loopviz.wire.events import Kind
from loopviz.wire.ring import LockedRing, RingFile

__all__ = ["LOOP_RING", "SIDE_RING", "Probe", "install"]

LOOP_RING, SIDE_RING = "loop.ring", "side.ring"
HEARTBEAT_S = 0.02

_log = logging.getLogger("loopviz")


class Probe:
    """A probe in a loop. `uninstall()`, or leaving its `with` block, restores the loop exactly."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        folder: Path,
        *,
        user_roots: Iterable[str] = (),
        heartbeat_s: float | None = HEARTBEAT_S,
        clock: Clock = monotonic_ns,
        watchdog: bool = True,
    ) -> None:
        if not isinstance(getattr(loop, "_ready", None), deque):
            raise LoopvizError(
                f"loopviz cannot look into a {type(loop).__module__}.{type(loop).__name__}: "
                "run the app on asyncio's own loop (uvicorn --loop asyncio)."
            )
        self.folder = folder
        self._loop: Any = loop
        self._ring = RingFile(folder / LOOP_RING)
        self.side = LockedRing(folder / SIDE_RING)
        """For whoever else has something to record: marks, worker jobs."""
        self._failed: set[str] = set()
        places = PLACES
        places.add_user_roots(user_roots)
        self.hooks: Hooks = make_hooks(self._ring, places, clock, self._fail)
        self.recorder = Recorder(
            self.hooks.write,
            lambda: self.hooks.running()[1],
            self._ring.intern,
            self.side,
            clock,
            self._fail,
        )
        self._watchdog = (
            Watchdog(
                self.hooks.running, threading.get_ident(), self.side, places, clock, self._fail
            )
            if watchdog
            else None
        )
        self._heartbeat_s = heartbeat_s
        self._beat = self._measure_lag  # one bound method, for the hooks to know it by
        self._beat_handle: asyncio.TimerHandle | None = None
        self._installed = False
        self._before: tuple[Any, Any] = (None, None)

    def install(self) -> None:
        """Hook in. To be called on the loop's own thread."""
        loop, hooks = self._loop, self.hooks
        queue = hooks.ready_queue()
        for handle in loop._ready:
            queue.append(handle)
        loop._ready = queue
        self._before = vars(loop).get("create_task"), vars(loop._selector).get("select")
        loop._selector.select = hooks.select(loop._selector.select)
        loop.create_task = hooks.create_task(loop.create_task)
        if self._heartbeat_s is not None:
            hooks.heartbeat(self._beat)
            self._beat_handle = loop.call_later(self._heartbeat_s, self._beat)
        if self._watchdog is not None:
            self._watchdog.start()
        running = asyncio._get_running_loop() is loop
        hooks.adopt(asyncio.all_tasks(loop), asyncio.current_task() if running else None)
        resources.watch()
        recorders[loop] = self.recorder
        self._installed = True

    def uninstall(self) -> None:
        """Take everything out; what is recorded stays in the folder. Safe to call twice."""
        if not self._installed:
            return
        self._installed = False
        del recorders[self._loop]
        resources.unwatch()
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._beat_handle is not None:
            self._beat_handle.cancel()
        loop = self._loop
        if loop._selector is not None:
            _put_back(loop._selector, "select", self._before[1])
        _put_back(loop, "create_task", self._before[0])
        loop._ready = deque(loop._ready)
        self.hooks.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.uninstall()

    def _measure_lag(self) -> None:
        """Measure lag: a timer every 20 ms, each due 20 ms after the one before was *due*.

        So after a block the missed ones run at once, each as late as it really was: an open loop
        of timers, as the load is one of requests. After a second they are let go.
        """
        assert self._heartbeat_s is not None
        assert self._beat_handle is not None
        due = self._beat_handle.when() + self._heartbeat_s
        if self._loop.time() - due > 1.0:
            due = self._loop.time() + self._heartbeat_s
        self._beat_handle = self._loop.call_at(due, self._beat)

    def _fail(self, hook: str, error: BaseException) -> None:
        if hook in self._failed:
            return
        self._failed.add(hook)
        _log.error("the %s hook failed, loopviz sees less from here on", hook, exc_info=error)
        self.side.write(Kind.HOOK_FAILED, text=f"{hook}: {type(error).__name__}: {error}")


def _put_back(owner: Any, name: str, before: Any) -> None:
    """Undo an instance attribute: what was there before, or the class's own again."""
    if before is None:
        delattr(owner, name)
    else:
        setattr(owner, name, before)


def install(
    loop: asyncio.AbstractEventLoop | None = None,
    *,
    path: str | Path | None = None,
    user_roots: Iterable[str] = (),
    heartbeat_s: float | None = HEARTBEAT_S,
    clock: Clock = monotonic_ns,
    watchdog: bool = True,
) -> Probe:
    """Start recording the running (or given) loop into rings in the folder `path`.

    Without `path` a new temporary folder is made; `Probe.folder` names it. `user_roots` are
    folders whose code counts as the user's even if it lies among installed packages. A loop on a
    clock of its own (`loopviz.testing.VirtualLoop`) wants that clock, and no watchdog. Raises
    LoopvizError for a loop that is not asyncio's own.
    """
    folder = Path(path) if path is not None else Path(tempfile.mkdtemp(prefix="loopviz-"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    probe = Probe(
        loop or asyncio.get_running_loop(),
        folder,
        user_roots=user_roots,
        heartbeat_s=heartbeat_s,
        clock=clock,
        watchdog=watchdog,
    )
    probe.install()
    return probe
