"""See what an asyncio event loop does under concurrent load, live, in the terminal.

`install` starts recording a loop; `name` gives a lock, queue or pool a name in recordings; `mark`
and `span` put a moment and a part of a request on the timeline. All need only the standard library.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loopviz.marks import mark, span
    from loopviz.probe import Probe, install, name

__version__ = "0.1.0"
__all__ = ["Probe", "__version__", "install", "mark", "name", "span"]


def __getattr__(name: str) -> Any:
    if name in ("Probe", "install", "name"):  # late, so that `import loopviz` is cheap
        from loopviz import probe  # noqa: PLC0415

        return getattr(probe, name)
    if name in ("mark", "span"):
        from loopviz import marks  # noqa: PLC0415

        return globals().setdefault(name, getattr(marks, name))  # found at once from now on
    raise AttributeError(f"module 'loopviz' has no attribute {name!r}")
