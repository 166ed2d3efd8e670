"""Install the probe in a live loop, and uninstall it."""

import asyncio
import inspect
import logging
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loopviz.clock import SECOND, Clock, monotonic_ns
from loopviz.errors import LoopvizError, MachineError
from loopviz.probe import attachable, frameworks, notes, patches
from loopviz.probe.core import twin
from loopviz.probe.disabled import NO_HOOKS, NoRing
from loopviz.probe.exceptions import unheard_of
from loopviz.probe.foreign import TaskFactory, make_foreign_hooks
from loopviz.probe.heartbeat import Heartbeat
from loopviz.probe.hooks import Hooks, make_python_hooks
from loopviz.probe.loops import is_asyncios, is_stock, on_thread_of, tasks_of
from loopviz.probe.pauses import PAUSES
from loopviz.probe.places import PLACES
from loopviz.probe.recorder import Recorder, recorders
from loopviz.probe.recording_folder import RecordingFiles, open_files
from loopviz.probe.uvloop_calls import is_uvloop, make_uvloop_hooks
from loopviz.probe.watchdog import PATIENCE_NS, Watchdog
from loopviz.wire.events import GC_ELSEWHERE, HEARTBEAT_NS, Kind, tag
from loopviz.wire.ring import CAPACITY

__all__ = ["Probe", "coverage_of", "install", "prepare", "unprepare"]

HEARTBEAT_S = HEARTBEAT_NS / SECOND
_PATCHED = ("_run_once", "call_soon", "_call_soon", "create_task", "call_exception_handler")

make_hooks = twin("loop", "make_hooks", make_python_hooks)
make_hooks_of_uvloop = twin("uvloop_calls", "make_uvloop_hooks", make_uvloop_hooks)
make_quiet = twin("quiet", "make_quiet", lambda *_: None)
"""`make_quiet(hooks, patience_ns, by_records)`: what lets the watchdog wait without the GIL."""
hasten = twin("recorder", "hasten", lambda *_: None)
"""`hasten(recorder, write, task, intern)` lets a loop's recorder write in C, if that can be."""

_log = logging.getLogger("loopviz")
_probes: dict[asyncio.AbstractEventLoop, "Probe"] = {}
"""The probes of the loops that are being recorded."""


class Probe:
    """A probe in a loop. `uninstall()`, or leaving its `with` block, restores the loop exactly.

    asyncio's own loops, and those that run callbacks as they do, are recorded in full (`coverage`
    is "full"). So is uvloop ("uvloop"), but for what it runs in C, see `uvloop_calls`. Of another
    foreign loop, tasks' steps and lag are recorded ("steps"). If the system offers no way to
    record, it is "off", and `why` is one sentence with the reason.
    """

    why = ""
    shared = False
    """`install` returns it whatever folder is asked for: loopviz has started this program."""

    @staticmethod
    def of(loop: asyncio.AbstractEventLoop) -> "Probe | None":
        """The probe in that loop, if there is one."""
        return _probes.get(loop)

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        files: RecordingFiles,
        *,
        user_roots: Iterable[str] = (),
        heartbeat_s: float | None = HEARTBEAT_S,
        clock: Clock = monotonic_ns,
        watchdog: bool | Watchdog = True,
        tripwire: bool = False,
        attach: bool = False,
    ) -> None:
        """`watchdog`: whether there is to be one, or that of the last loop in these files."""
        self.folder, self._asked = files.folder, files.asked
        self.coverage = coverage_of(loop)
        self._loop: Any = loop
        self._files, self._ring = files, files.loop
        self.aux_ring = files.aux_ring
        """The ring for records of other threads: marks, worker jobs."""
        self._failed: set[str] = set()
        PLACES.add_user_roots(user_roots)
        make = {"full": make_hooks, "uvloop": make_hooks_of_uvloop, "steps": make_foreign_hooks}
        self.hooks: Hooks = make[self.coverage](loop, self._ring, PLACES, clock, self._fail)
        self.recorder = Recorder(
            self.hooks.write, self.hooks.task, self._ring.intern, self.aux_ring, clock, self._fail
        )
        if self.coverage != "steps":
            hasten(self.recorder, self.hooks.write, self.hooks.task, self._ring.intern)
        self._clock = clock
        self._last = watchdog if isinstance(watchdog, Watchdog) else None
        self._wants_watchdog, self._wants_tripwire = bool(watchdog), tripwire
        self._attach = attach
        self._watchdog: Watchdog | None = None
        self._heartbeat: Heartbeat | None = None
        if heartbeat_s is not None:
            recorded = self.coverage != "steps"
            self._heartbeat = Heartbeat(loop, self.hooks, clock, heartbeat_s, recorded=recorded)
        self._installs = 0
        self._before: dict[str, Any] = {}
        self._factory: Any = None

    def install(self) -> None:
        """Hook the loop, on its own thread. Each call needs an `uninstall`; the last unhooks."""
        self._installs += 1
        if self._installs > 1:
            return
        loop, hooks = self._loop, self.hooks
        if self.coverage != "full":
            self.aux_ring.write(Kind.COVERAGE, text=self.coverage)
        running = asyncio._get_running_loop() is loop
        if self.coverage == "full":
            if running:
                hooks.first_iteration()
            self._patch("_run_once", hooks.run_once)
            if is_stock(loop, "call_soon") and is_stock(loop, "_call_soon"):
                self._patch("call_soon", hooks.call_soon)
                self._patch("_call_soon", hooks.call_soon_from_anywhere)
            self._patch("create_task", hooks.create_task(loop.create_task))
        elif self.coverage == "uvloop":
            for name, ours in hooks.methods.items():
                self._patch(name, ours)
            self._patch("create_task", hooks.create_task(loop.create_task))
        else:
            factory = self._factory = TaskFactory(loop, hooks.create_task)
            self._patch("set_task_factory", factory.set)
            self._patch("get_task_factory", factory.get)
        if inspect.isroutine(loop.call_exception_handler):  # else it is a mock
            handler = self._wrap_exception_handler(loop.call_exception_handler)
            self._patch("call_exception_handler", handler)
        recorders[loop] = self.recorder
        patches.watch()
        frameworks.watch()
        notes.watch()
        if self._clock is monotonic_ns:  # a collection takes no virtual time
            PAUSES.watch(loop, self._on_pause)
        if self._heartbeat is not None:
            self._heartbeat.start()
        hooks.adopt(tasks_of(loop), asyncio.current_task() if running else None)
        if running:
            self.start_watchdog()
        elif self._wants_watchdog:
            loop.call_soon(self.start_watchdog)  # only then is its thread known
        _probes[loop] = self
        if self._attach:
            attachable.begin(self)

    def uninstall(self) -> None:
        """Remove all hooks; the recording stays in the folder. Safe to call twice.

        To be called on the loop's own thread, or when the loop does not run.
        """
        if not self._installs:
            return
        self._installs -= 1
        if self._installs or _probes.pop(self._loop, None) is None:
            return
        self._unhook()
        if self._watchdog is not None:
            self._watchdog.stop()
        self._files.lock.release()

    def hand_over(self) -> Watchdog | None:
        """As `uninstall`, of a loop about to be closed: another one goes on in its files.

        With the watchdog that is returned; it is paused.
        """
        self._installs = 0
        _probes.pop(self._loop, None)
        self.hooks.write(self._clock(), 0, tag(Kind.LOOP_CLOSED))
        self._unhook()
        watchdog = self._watchdog
        if watchdog is not None:
            watchdog.pause()
            return watchdog if watchdog.runs else None
        return None

    def _unhook(self) -> None:
        self._withdraw()
        attachable.end(self)
        if self._heartbeat is not None:
            self._heartbeat.stop()
        if self.coverage == "full":
            self.hooks.last_iteration()
        elif self.coverage == "steps":
            self._factory.restore()
        for name in tuple(self._before):
            self._put_back(name)
        self.hooks.stop()

    def _records_into(self, path: Path) -> bool:
        """True if `path` is the folder asked for, or the one taken instead."""
        return path.resolve() in (self.folder.resolve(), self._asked.resolve())

    def _release_closed(self) -> None:
        """Uninstall if the loop was closed, however often the probe was installed."""
        if self._loop.is_closed():
            self._installs = min(self._installs, 1)
            self.uninstall()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.uninstall()

    def _withdraw(self) -> None:
        """Unregister from everything that the process shares."""
        del recorders[self._loop]
        notes.unwatch()
        frameworks.unwatch()
        patches.unwatch()
        PAUSES.unwatch(self._loop)

    def _abandon(self) -> None:
        """Unhook in the child of a fork, which has the parent's rings and no watchdog thread."""
        self._installs = 0
        self.hooks.abandon()
        self.aux_ring.abandon()
        if self._watchdog is not None:
            self._watchdog.forget()
        self._withdraw()
        attachable.end(self)
        for name in tuple(self._before):
            self._put_back(name)

    def _patch(self, name: str, ours: Any) -> None:
        self._before[name] = vars(self._loop).get(name), ours
        setattr(self._loop, name, ours)

    def _put_back(self, name: str) -> None:
        """Restore the attribute that was there before, unless another tool has replaced ours."""
        before, ours = self._before.pop(name)
        if vars(self._loop).get(name) is not ours:
            return
        if before is None:
            delattr(self._loop, name)
        else:
            setattr(self._loop, name, before)

    def start_watchdog(self) -> None:
        """Watch this thread: the loop runs on it, or is about to. The first call counts."""
        if not self._wants_watchdog or not self._installs or self._watchdog is not None:
            return
        quiet = make_quiet(self.hooks, PATIENCE_NS, self.coverage == "uvloop")
        if self._last is not None:
            self._watchdog = self._last
            self._watchdog.follow(self.hooks.running, self._fail, quiet)
            return
        try:
            watchdog = Watchdog(
                self.hooks.running,
                threading.get_ident(),
                self.aux_ring,
                PLACES,
                self._clock,
                self._fail,
                tripwire=self._wants_tripwire,
                quiet=quiet,
            )
            watchdog.start()
        except Exception as error:  # noqa: BLE001 - the system gives no more threads, say
            self._fail("watchdog", error)
        else:
            self._watchdog = watchdog

    def _wrap_exception_handler(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        def call_exception_handler(context: dict[str, Any]) -> None:
            if "exception" not in self._failed:
                try:
                    here = asyncio._get_running_loop() is self._loop
                    if unheard := unheard_of(context, self.recorder.error if here else None):
                        self.hooks.write(self._clock(), 0, unheard)
                except Exception as error:  # noqa: BLE001 - the app must go on
                    self._fail("exception", error)
            original(context)

        return call_exception_handler

    def _on_pause(self, started: int, ended: int, generation: int, here: bool) -> None:
        b = generation | (0 if here else GC_ELSEWHERE)
        self.hooks.write(ended, started, tag(Kind.GC, 0, b))

    def _fail(self, hook: str, error: BaseException) -> None:
        if hook in self._failed:
            return
        self._failed.add(hook)
        _log.error("the %s hook failed; loopviz records less from now on", hook, exc_info=error)
        self.aux_ring.write(Kind.HOOK_FAILED, text=f"{hook}: {type(error).__name__}: {error}")


class Unwatched(Probe):
    """A probe that does nothing, for systems that offer no way to record."""

    def __init__(self, folder: Path, why: str) -> None:
        self.folder, self.coverage, self.why = folder, "off", why
        self.aux_ring = NoRing()
        self.hooks = NO_HOOKS
        self.recorder = Recorder(
            *(self.hooks.write, self.hooks.task, self.aux_ring.intern, self.aux_ring),
            *(monotonic_ns, lambda _hook, _error: None),
        )

    def install(self) -> None:
        """Do nothing."""

    def uninstall(self) -> None:
        """Do nothing."""


def install(
    loop: asyncio.AbstractEventLoop | None = None,
    *,
    path: str | Path | None = None,
    user_roots: Iterable[str] = (),
    heartbeat_s: float | None = HEARTBEAT_S,
    clock: Clock = monotonic_ns,
    watchdog: bool = True,
    tripwire: bool = False,
    capacity: int = CAPACITY,
    required: bool = False,
    attach: bool = True,
) -> Probe:
    """Start recording the running (or given) loop into rings in the folder `path`.

    An older recording in that folder is replaced. While another loop is being recorded there, in
    this process or in another one, the first free one of `path-2`, `path-3`, … is taken: so each
    worker of a server has its own. Without `path` a new temporary folder is made. `Probe.folder` is
    the folder that was taken.

    A loop that is being recorded already keeps its probe, which is returned, and stays until it
    has been uninstalled as often. The given loop may be idle, or run in another thread: it is
    hooked there, within 10 s.

    If the system offers no way to record (no room, no permission, too many open files), that is
    logged as an error, and the app goes on: the returned probe does nothing, its `coverage` is
    "off", and its `why` is the reason. With `required`, MachineError is raised instead.

    `user_roots` are folders whose code counts as the user's even among installed packages. A loop
    on its own clock (`loopviz.testing.VirtualLoop`) needs that `clock`, and `watchdog=False`.
    `tripwire` lets the watchdog name a line even while C code holds the GIL, by signals (see
    `probe.tripwire`); without it, that line is named as soon as the GIL is free again. `capacity`
    is that of the ring in records, a power of two. With `attach`, a thread waits for
    `loopviz attach`, of the same user, as long as a loop of the process is recorded. Raises
    LoopvizError if the loop is being recorded elsewhere or does not respond; RuntimeError if no
    loop is given and none is running.
    """
    loop = loop or asyncio.get_running_loop()
    if not isinstance(loop, asyncio.AbstractEventLoop):
        kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
        raise LoopvizError(f"loopviz cannot record a {kind}: give it an asyncio loop.")
    _release_closed()
    asked = Path(path) if path is not None else None
    probe = _probes.get(loop)
    if probe is None:
        try:
            files = open_files(asked, capacity)
        except MachineError as error:
            if required:
                raise
            return _unwatched(asked, error)
        probe = Probe(
            loop,
            files,
            user_roots=user_roots,
            heartbeat_s=heartbeat_s,
            clock=clock,
            watchdog=watchdog,
            tripwire=tripwire,
            attach=attach and clock is monotonic_ns,
        )
    elif asked is not None and not probe.shared and not probe._records_into(asked):
        raise LoopvizError(
            f"This loop is being recorded into {probe.folder}: uninstall that probe first, "
            "or omit the path to share it."
        )
    on_thread_of(loop, probe.install)
    return probe


def coverage_of(loop: Any) -> str:
    """How much of the loop can be seen, see `wire.events.Kind.COVERAGE`."""
    if is_asyncios(loop):
        return "full"
    return "uvloop" if is_uvloop(loop) else "steps"


def _unwatched(asked: Path | None, error: MachineError) -> Probe:
    why = str(error.with_remedy("record elsewhere with install(path=…)"))
    _log.error("the app goes on unwatched: %s", why)
    return Unwatched(asked or Path(os.devnull), why)


def _release_closed() -> None:
    """Uninstall the probes of closed loops, which nothing else may ever do."""
    for probe in tuple(_probes.values()):
        probe._release_closed()


def prepare() -> None:
    """Record from now on where locks, pools and the like are made. Call it before the app exists.

    Without it they are described when they are first used, without their line.
    """
    patches.watch()
    frameworks.watch()
    notes.watch()


def unprepare() -> None:
    """Undo one `prepare`."""
    notes.unwatch()
    frameworks.unwatch()
    patches.unwatch()


def _after_fork() -> None:
    for probe in tuple(_probes.values()):
        probe._abandon()
    _probes.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
