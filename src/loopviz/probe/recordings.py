"""The recordings of a process that loopviz watches: each is of one loop after another."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loopviz.clock import MS, Clock, monotonic_ns
from loopviz.probe.answers import Answers
from loopviz.probe.control_link import ControlLink
from loopviz.probe.install import Probe, install
from loopviz.probe.own_code import own_folders
from loopviz.probe.recording_folder import RecordingFiles, open_files
from loopviz.probe.watchdog import Watchdog
from loopviz.wire.ring import CAPACITY

__all__ = ["Budget", "Recording", "Recordings"]

SHARE = 0.03
"""How much of the process's time may go into the beginnings and the ends of recordings."""
CREDIT_NS = 20 * MS
"""How much of it may be used at once."""


class Budget:
    """Credit for recording loops from their start; it grows with time, and each of them costs.

    Costs are CPU time: that another process has the core makes no loop more expensive.
    """

    def __init__(self, now: Clock = monotonic_ns, spent: Clock = time.thread_time_ns) -> None:
        """`spent`: the CPU time of this thread."""
        self._now, self._spent = now, spent
        self._credit_ns, self._at_ns = float(CREDIT_NS), now()

    def allows(self) -> bool:
        """Whether there is credit now."""
        before, self._at_ns = self._at_ns, self._now()
        self._credit_ns = min(self._credit_ns + SHARE * (self._at_ns - before), CREDIT_NS)
        return self._credit_ns > 0

    def charge(self, do: Callable[[], object]) -> None:
        """Do that, and subtract what it costs."""
        began = self._spent()
        try:
            do()
        finally:
            self._credit_ns -= self._spent() - began


class Recording:
    """Rings, a watchdog and a connection to loopviz, for one loop at a time."""

    def __init__(self, link: ControlLink) -> None:
        self.link = link
        self.loop: Any = None
        """The loop that it records now."""
        self.thread = 0
        """That of its last loop."""
        self.coverage = ""
        self.over = False
        """loopviz has ended, or it was closed."""
        self.answers = Answers(link.send)
        self._files: RecordingFiles | None = None
        self._watchdog: Watchdog | None = None

    def begin(self, loop: Any, path: Path | None = None) -> Probe:
        """Record that loop, on its thread; the first one into that folder.

        A program that records the loop itself goes on doing so. Raises LoopvizError.
        """
        if self._files is None and Probe.of(loop) is not None:
            probe = install(loop)
        else:
            roots = own_folders() if self._files is None else ()
            self._files = self._files or open_files(path, CAPACITY)
            watchdog = self._watchdog or True
            probe = Probe(loop, self._files, user_roots=roots, watchdog=watchdog)
            probe.shared = True
            probe.install()
            probe.start_watchdog()  # the first step may be the one that blocks
        self.loop, self.thread, self.coverage = loop, threading.get_ident(), probe.coverage
        self.answers.turn_to(loop)
        return probe

    def end(self) -> bool:
        """Its loop is about to be closed. Whether another one can be recorded."""
        loop, self.loop = self.loop, None
        self.answers.turn_to(None)
        probe = Probe.of(loop)
        if probe is not None and self._files is not None:
            self._watchdog = probe.hand_over()
            return not self.over
        if probe is not None:
            probe.uninstall()
        return False

    def close(self) -> None:
        """No other loop will be recorded; none is now."""
        self.over = True
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._files is not None:
            self._files.lock.release()
        self.link.close()

    def forget(self) -> None:
        """In the child of a fork: all of it is the parent's."""
        if self._watchdog is not None:
            self._watchdog.forget()
        self.link.forget()


class Recordings:
    """Those of one process, for one loopviz."""

    def __init__(self, most: int) -> None:
        """`most`: how many there may be."""
        self.of: dict[Any, Recording] = {}
        """Those that record, by their loop."""
        self._free: list[Recording] = []
        self._most = most

    @property
    def full(self) -> bool:
        """Whether there may be no more."""
        return len(self.of) + len(self._free) >= self._most

    def take(self, coverage: str) -> Recording | None:
        """One whose loop was closed, this thread's rather than another's; None: there is none.

        It is of loops of the same coverage, or some of its figures would be of some loops only.
        """
        me = threading.get_ident()
        fitting = [one for one in tuple(self._free) if one.coverage == coverage]
        for one in sorted(fitting, key=lambda one: one.thread != me):
            if self._remove(one):
                return one
        return None

    def begun(self, loop: Any, recording: Recording) -> None:
        """It records that loop."""
        self.of[loop] = recording

    def ended(self, loop: Any) -> bool:
        """The loop is about to be closed. Whether it was recorded."""
        recording = self.of.pop(loop, None)
        if recording is None:
            return False
        if recording.end():
            self._free.append(recording)
            if not recording.over:
                return True
            self._remove(recording)
        recording.close()
        return True

    def drop(self, recording: Recording) -> None:
        """Close it if it is free: loopviz has ended. Any thread."""
        if self._remove(recording):
            recording.close()

    def close_free(self) -> None:
        """Close those that are free; their threads have ended afterwards."""
        for recording in tuple(self._free):
            if self._remove(recording):
                recording.close()
                recording.link.join()

    def forget(self) -> None:
        """In the child of a fork: they are the parent's."""
        for recording in (*self.of.values(), *self._free):
            recording.forget()
        self.of.clear()
        self._free.clear()

    def _remove(self, recording: Recording) -> bool:
        """False if another thread was faster."""
        try:
            self._free.remove(recording)
        except ValueError:
            return False
        return True
