"""The options of a run, as the command line or a test gives them."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["RunOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of a run. The target and the load get all of them, so a new one needs no hand-off."""

    folders: tuple[Path, ...] = ()
    """Folders with scenarios beside the built-in ones; a later one's take precedence."""
    fixes: tuple[str, ...] = ()
    """Keys of the fixes that are on."""
    rate: float = 1.0
    """Factor on the scenario's load."""
    seed: int = 0
    """Determines the arrivals."""
    port: int = 0
    """The target's port; 0: any free one."""
    probe: bool = True
    """False: the target runs without the probe, and nothing is seen of it."""
    duration_s: float | None = None
    """The load ends after this; None: it goes on until it is stopped."""
