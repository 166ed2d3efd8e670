"""The list of processes that loopviz can attach to, and the choice from it."""

import sys

import typer

from loopviz.errors import UsageError
from loopviz.output import clean
from loopviz.program.processes import RunningProcess, candidates

__all__ = ["chosen"]


WIDTH = 100
"""Characters of a line of the list."""


def chosen() -> int:
    """The process that the user picks; the only one without asking. Raises UsageError."""
    found = list(candidates())
    if not found:
        raise UsageError(
            "No Python process of yours has an event loop: "
            "start one, or let loopviz do that with `loopviz run`."
        )
    if len(found) == 1:
        return found[0].pid
    for one in found:
        typer.echo(clean(_line(one)))
    first = min(found, key=lambda one: one.closed).pid
    if not sys.stdin.isatty():
        raise UsageError(f"There are several: name one, as in `loopviz attach {first}`.")
    known = {one.pid for one in found}
    pid: int = typer.prompt("Which process", type=int, default=first)
    if pid not in known:
        raise UsageError(f"{pid} is none of those listed.")
    return pid


def _line(one: RunningProcess) -> str:
    """Its number and name, and why it cannot be attached to."""
    version = ".".join(map(str, one.python))
    note = f"  (Python {version}: not prepared, see `loopviz env`)" if one.closed else ""
    return f"{one.pid:>8}  {one.name}"[: WIDTH - len(note)] + note
