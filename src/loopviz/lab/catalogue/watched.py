"""Whether a file has changed since it was loaded."""

from pathlib import Path

from loopviz.clock import SECOND

__all__ = ["Watched", "stamp"]

Stamp = tuple[int, int, int] | None


def stamp(path: Path) -> Stamp:
    """Another value once the file is another one; None while it is not there."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino


class Watched:
    """A file as it was when this was made. It is looked at once a second, however often asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = stamp(path)
        self._looked_ns = 0
        self._changed = False

    def changed(self, now_ns: int) -> bool:
        """Whether it is another one now, or gone."""
        if now_ns - self._looked_ns >= SECOND:
            self._looked_ns = now_ns
            self._changed = stamp(self._path) != self._before
        return self._changed
