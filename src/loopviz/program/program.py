"""What is run instead of a scenario: a program, with no lesson, no fixes and no counters."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loopviz.errors import UsageError
from loopviz.lab.catalogue import LoadInfo, ScenarioInfo
from loopviz.program.processes import process

__all__ = ["Program", "program", "recorded", "running"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(ScenarioInfo):
    """A command that loopviz starts as it is; whichever asyncio loops it runs are watched."""

    command: tuple[str, ...] = ()
    """The words of the command, the first of which is found on PATH."""
    serves: bool = False
    """Whether uvicorn serves an app here: without an address it has failed."""
    pid: int = 0
    """The process that loopviz attaches to, and leaves as it was; 0: it starts the command."""
    recording: Path | None = None
    """The folder of a recording, which is read instead of a program that runs."""

    @property
    def origin(self) -> str:
        return f"your own program, in {self.path}"


def program(name: str, command: Sequence[str], load: Sequence[LoadInfo] = ()) -> Program:
    """The program of that command, named on the screen as on the command line."""
    return Program(
        id=name,
        path=Path.cwd(),
        group="your own program",
        command=tuple(command),
        load=tuple(load),
        serves="uvicorn" in command,
    )


def running(pid: int, load: Sequence[LoadInfo] = ()) -> Program:
    """The program of a process that runs already. Raises UsageError if there is none."""
    found = process(pid)
    if found is None:
        raise UsageError(
            f"There is no process {pid} of yours: `loopviz attach` lists those that there are."
        )
    return Program(
        id=f"{pid} {found.name}",
        path=found.folder,
        group="your own program",
        command=found.command,
        load=tuple(load),
        pid=pid,
    )


def recorded(folder: Path) -> Program:
    """What that folder has recorded."""
    return Program(
        id=str(folder), path=Path.cwd(), group="your own program", recording=folder.absolute()
    )
