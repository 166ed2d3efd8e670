"""Records the loops of a program that loopviz has started as it is; see `loopviz/path_entry`.

A loop is recorded from the moment that it begins to run until it is closed. Each has a folder of
its own beside the socket at which loopviz listens, and a connection to that: it says where the
rings are and answers what loopviz asks. If loopviz ends, so does the recording. Whatever fails
here is logged, and the program goes on.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import threading
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from platform import python_version
from typing import Any

from loopviz.clock import monotonic_ns
from loopviz.errors import LoopvizError, MachineError
from loopviz.probe.answers import Answers
from loopviz.probe.install import Probe, install, prepare
from loopviz.probe.own_code import own_folders
from loopviz.probe.patches.patch import Patch
from loopviz.probe.patches.watchers import SharedPatches
from loopviz.probe.servers import servers
from loopviz.wire.control import Failed, LoopStarted, Message, Serving, encode, messages
from loopviz.wire.unix_socket import connect

__all__ = ["ControlLink", "begin"]

LOOPS = 8
"""How many recordings one process may have at a time, those included whose loop was closed and
which loopviz has not read yet: each takes 10.5 MiB. Further ones go on unwatched."""

AT_ONCE, PATIENCE_S = 3, 0.1
"""The first so many loops of a process are recorded from their start, later ones once they have run
for so long: a recording takes some ms to set up, and a test suite runs a thousand loops."""

_log = logging.getLogger("loopviz")
_numbers, _folders = itertools.count(1), itertools.count(1)
_begun: "weakref.WeakSet[Any]" = weakref.WeakSet()
"""Loops that have run, recorded or not."""
_links: dict[Any, "ControlLink"] = {}
"""By loop, the connections of those that are recorded."""


def begin(control: str) -> None:
    """Record every loop that runs from now on. `control`: the socket at which loopviz listens."""
    prepare()
    os.register_at_fork(after_in_child=_after_fork)

    def running(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def run_forever(loop: Any) -> Any:
            _guarded(lambda: _begin_soon(loop, Path(control)))
            return original(loop)

        return run_forever

    def closing(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def close(loop: Any) -> Any:
            if not loop.is_running():
                _guarded(lambda: _stop(loop))
            return original(loop)

        return close

    def loops(cls: Any) -> list[Patch]:
        return [Patch(cls, "run_forever", running), Patch(cls, "close", closing)]

    def uvloops(module: Any) -> Iterable[Patch]:
        return loops(module.Loop)

    watched = {"uvloop": uvloops, **servers(_serving)}
    SharedPatches(watched, loops(asyncio.BaseEventLoop)).watch()


class ControlLink:
    """A loop's connection to loopviz."""

    def __init__(self, control: Path) -> None:
        """Connect. Raises OSError."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._lock = threading.Lock()
        try:
            connect(self._socket, control)
        except BaseException:
            self._socket.close()
            raise

    def send(self, message: Message) -> None:
        """Send, on any thread; dropped if loopviz has gone."""
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(encode(message))

    def follow(self, answers: Answers, gone: Callable[[], None]) -> None:
        """Answer in a thread of its own; call `gone` once loopviz has ended."""

        def run() -> None:
            with (
                contextlib.suppress(OSError, ValueError),  # reset, or closed here
                self._socket.makefile("rb") as lines,
            ):
                for message in messages(lines):
                    answers.answer(message)
            gone()

        threading.Thread(target=run, name="loopviz control", daemon=True).start()

    def close(self) -> None:
        """End the connection; its thread ends, too."""
        with contextlib.suppress(OSError):  # loopviz has closed it
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def forget(self) -> None:
        """Close the descriptor in the child of a fork: the connection is the parent's."""
        self._socket.close()


def _begin_soon(loop: Any, control: Path) -> None:
    if loop in _links or loop in _begun:
        return
    _begun.add(loop)
    if next(_numbers) <= AT_ONCE:
        _start(loop, control)
    else:
        loop.call_later(PATIENCE_S, _guarded, lambda: _start(loop, control))


def _start(loop: Any, control: Path) -> None:
    if not control.exists():
        return  # loopviz has ended, and the program goes on without it
    own = f"{os.getpid()}-"
    if sum(folder.name.startswith(own) for folder in control.parent.iterdir()) >= LOOPS:
        return
    link, at_ns = ControlLink(control), monotonic_ns()
    try:
        probe = install(
            loop,
            path=control.parent / f"{own}{next(_folders)}",
            user_roots=own_folders(),
            required=True,
        )
    except LoopvizError as error:
        link.send(Failed(why=str(error), machine=isinstance(error, MachineError)))
        link.close()
        raise
    probe.shared = True
    probe.start_watchdog()  # the first step may be the one that blocks
    _links[loop] = link
    started = LoopStarted(
        pid=os.getpid(), at_ns=at_ns, folder=probe.folder, python=python_version()
    )
    link.send(started)
    link.follow(Answers(loop, link.send), lambda: _abandon(loop, probe))


def _stop(loop: Any) -> None:
    """The loop is about to be closed: the recording ends, and after it the connection."""
    link = _links.get(loop)
    probe = Probe.of(loop)
    if probe is not None:
        probe.uninstall()
    if link is not None:
        del _links[loop]
        link.close()


def _abandon(loop: Any, probe: Probe) -> None:
    """Nobody reads any more: restore the loop, on its own thread."""
    if _links.pop(loop, None) is not None:
        with contextlib.suppress(RuntimeError):  # it is closed
            loop.call_soon_threadsafe(_guarded, probe.uninstall)


def _serving(loop: Any, url: str) -> None:
    link = _links.get(loop)
    if link is not None:
        link.send(Serving(url=url))


def _guarded(do: Callable[[], object]) -> None:
    try:
        do()
    except Exception:  # noqa: BLE001 - the program must go on
        _log.exception("loopviz does not watch this loop; the program goes on")


def _after_fork() -> None:
    for link in _links.values():
        link.forget()
    _links.clear()
