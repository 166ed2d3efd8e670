"""See what an asyncio event loop does under concurrent load, live, in the terminal.

`install` starts recording a loop; it needs the standard library only.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loopviz.probe import Probe, install

__version__ = "0.1.0"
__all__ = ["Probe", "__version__", "install"]


def __getattr__(name: str) -> Any:
    if name in ("Probe", "install"):  # late, so that `import loopviz` costs nothing
        from loopviz import probe  # noqa: PLC0415

        return getattr(probe, name)
    raise AttributeError(f"module 'loopviz' has no attribute {name!r}")
