"""What keeps a program from starting or from ending, as the probe reads it."""

from typing import NamedTuple

__all__ = ["CONNECTION", "LIFESPAN", "REQUEST", "RUNS", "TASK", "THREAD", "Blocker"]

RUNS, LIFESPAN, REQUEST, TASK, THREAD, CONNECTION = (
    "runs",
    "lifespan",
    "request",
    "task",
    "thread",
    "connection",
)


class Blocker(NamedTuple):
    """One thing that is waited for."""

    kind: str
    """RUNS: the loop's own thread runs that line, so the loop does not; LIFESPAN: the app's
    lifespan; REQUEST: a task that a server still serves a request in; TASK: any other; THREAD: a
    worker thread of the loop's executor; CONNECTION: one that a client keeps open."""
    name: str
    """The function of a task, the name of a thread."""
    place: str
    """The frame of its innermost user line, or without one the innermost, as `probe.places` writes
    it; empty: not known."""
    depth: int = 0
    """0: it is waited for; 1: what is waited for awaits it, and so on."""
