"""Source lines of a program, of files that are as they were when it began."""

import linecache
from pathlib import Path

from loopviz.clock import MS
from loopviz.program.processes import began_ns

__all__ = ["Sources"]

_SLACK_NS = 100 * MS
"""How exactly it is known when a process began."""


class Sources:
    """A line of a file that has changed since is another one: nothing is said of it."""

    def __init__(self, began: int = 0) -> None:
        """`began`: by the wall clock; 0: not known yet."""
        self._began_ns = began
        self._changed: dict[str, bool] = {}
        linecache.checkcache()

    def began(self, pid: int) -> None:
        """The process runs that code, or has since before."""
        if at_ns := began_ns(pid):
            self._began_ns = min(at_ns, self._began_ns or at_ns)

    def line(self, path: str, number: int) -> str:
        """The line; empty if it cannot be read, or the file has changed since."""
        if path not in self._changed:
            self._changed[path] = self._has_changed(path)
        return "" if self._changed[path] else linecache.getline(path, number)

    def _has_changed(self, path: str) -> bool:
        try:
            at_ns = Path(path).stat().st_mtime_ns
        except (OSError, ValueError):
            return False
        return 0 < self._began_ns < at_ns - _SLACK_NS
