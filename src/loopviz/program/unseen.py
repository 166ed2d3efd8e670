"""What the system says of a program's processes: why the probe cannot get in; if one is left."""

import os
from collections.abc import Iterator
from pathlib import Path

from loopviz.program.processes import PROC

__all__ = ["lives_on", "why_unseen"]

IGNORES = {"I": "PYTHONPATH", "E": "PYTHONPATH", "S": "sitecustomize"}
"""Options of the interpreter that keep the probe out, and what each ignores."""
TAKES_ARGUMENT = "cmWXQ"


def why_unseen(session: int, control: Path) -> str:
    """One sentence if no process of that session lets the probe in: why, and what to do.

    `control` is the socket that its environment names. Empty: one does, or there is none.
    """
    found = [_Seen(pid) for pid in _members(session)]
    pythons = [one for one in found if one.name.startswith(("python", "pypy"))]
    if found and not pythons:
        names = ", ".join(sorted({one.name for one in found if one.name}))
        return f"It runs no Python interpreter, only {names}." if names else ""
    reasons = [_reason(one, control) for one in pythons]
    return reasons[0] if reasons and all(reasons) else ""


def lives_on(control: Path) -> bool:
    """Whether there is a process that the program with that control socket has started."""
    named = f"LOOPVIZ_CONTROL={control}"
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal())
    return any(named in _read(pid, "environ") for pid in pids)


class _Seen:
    """A process; what another user's hides is empty."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.words = _read(pid, "cmdline")
        self.environment = _read(pid, "environ")
        try:
            self.name = (PROC / str(pid) / "exe").readlink().name
        except OSError:
            self.name = ""


def _reason(one: _Seen, control: Path) -> str:
    for option in _options(one.words[1:]):
        if option in IGNORES:
            return (
                f"python -{option} ignores {IGNORES[option]}, by which loopviz gets into process "
                f"{one.pid}: leave out -{option}, or call loopviz.install() in the program."
            )
    if one.environment and f"LOOPVIZ_CONTROL={control}" not in one.environment:
        return (
            f"The process {one.pid} was started without the variables PYTHONPATH and "
            "LOOPVIZ_CONTROL, by which loopviz gets into it (env -i, sudo, a wrapper?): "
            "let them pass."
        )
    return ""


def _options(words: list[str]) -> Iterator[str]:
    """The letters of the interpreter's own options, up to what it runs."""
    while words and words[0].startswith("-") and len(words[0]) > 1 and words[0][1] != "-":
        word = words.pop(0)[1:]
        for at, letter in enumerate(word):
            if letter in TAKES_ARGUMENT:
                if letter in "cm":
                    return
                if at == len(word) - 1 and words:
                    words.pop(0)
                break
            yield letter


def _members(session: int) -> Iterator[int]:
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[3]) == session:
                yield int(entry.name)


def _read(pid: int, name: str) -> list[str]:
    try:
        return os.fsdecode((PROC / str(pid) / name).read_bytes()).split("\0")[:-1]
    except OSError:
        return []
