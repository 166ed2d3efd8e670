"""The options of a run, as the command line or a test gives them."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["RunOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of a run. Passed on as a whole, so that only code that uses an option names it."""

    folders: tuple[Path, ...] = ()
    """Folders of scenarios besides the built-in ones; later folders take precedence."""
    fixes: tuple[str, ...] = ()
    """Keys of the fixes that are on."""
    rate: float = 1.0
    """Factor by which the scenario's load is multiplied."""
    seed: int = 0
    """Seed of the arrival schedule."""
    port: int = 0
    """The target's port; 0: any free one."""
    probe: bool = True
    """False: the target runs without the probe, and nothing is recorded."""
    duration_s: float | None = None
    """Seconds until the load ends; None: it goes on until it is stopped."""
