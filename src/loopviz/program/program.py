"""What is run instead of a scenario: a program, with no lesson, no fixes and no counters."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loopviz.lab.catalogue import LoadInfo, ScenarioInfo

__all__ = ["Program"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(ScenarioInfo):
    """A command that loopviz starts as it is; whichever asyncio loops it runs are watched."""

    command: tuple[str, ...] = ()
    """The words of the command, the first of which is found on PATH."""
    serves: bool = False
    """Whether uvicorn serves an app here: without an address it has failed."""

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
