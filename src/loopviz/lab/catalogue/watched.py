"""Detects that a file has changed since it was loaded."""

from pathlib import Path

from loopviz.clock import SECOND

__all__ = ["Watched", "stamp"]

Stamp = tuple[int, int, int] | None


def stamp(path: Path) -> Stamp:
    """A value that differs once the file has changed; None if there is no file."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino


class Watched:
    """A file, compared with its state at construction, once a second at most."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = stamp(path)
        self._checked_ns = 0
        self._changed = False

    def changed(self, now_ns: int) -> bool:
        """True if the file has changed or is gone."""
        if now_ns - self._checked_ns >= SECOND:
            self._checked_ns = now_ns
            self._changed = stamp(self._path) != self._before
        return self._changed
