"""Names for people: short paths, and the sites in them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from loopviz.model.snapshot import Location

__all__ = ["Naming", "Site", "parse_site"]


_ENVIRONMENT = ("/site-packages/", "/dist-packages/")
_LOCATIONS = 4096
"""How many frames' locations are remembered: the samples of a stall have the same ones."""
_DECORATORS = 50
"""How many lines of decorators a function may have."""
_OWN = ("/loopviz/probe/", "/loopviz/lab/")
"""Folders of loopviz's own code that runs in the watched process."""
_INSTALLED = (*_ENVIRONMENT, "/lib/python", "<frozen ")


class Site(NamedTuple):
    """The parts of a site's string; see `probe.places`."""

    name: str
    path: str
    line: int
    function: str
    library: str = ""
    """Of a place: the library that waits there for the user's code; empty: none."""


def parse_site(text: str) -> Site:
    """Splits the string of a site or frame; missing parts are empty."""
    name, path, line, function, library, *_ = (*text.split("\t"), "", "", "", "", "")
    return Site(name, path, int(line) if line.isdigit() else 0, function, library)


class Naming:
    """Shortens paths, and reads source lines through the function that it is given.

    `roots` are pairs (folder, label), tried in order: a path below the folder is shown as
    `label/rest`, or as `rest` where the label is empty.
    """

    def __init__(
        self,
        roots: Sequence[tuple[str, str]] = (),
        source_line: Callable[[str, int], str] = lambda _path, _line: "",
    ) -> None:
        self._roots = [(folder.rstrip("/") + "/", label) for folder, label in roots]
        self._source_line = source_line
        self._locations: dict[str, Location] = {}

    def short(self, path: str) -> str:
        """`scenarios/block.py`, `uvicorn/server.py`, `asyncio/base_events.py`."""
        for folder, label in self._roots:
            if path.startswith(folder):
                rest = path[len(folder) :]
                return f"{label}/{rest}" if label else rest
        for marker in ("/site-packages/", "/dist-packages/"):
            if marker in path:
                return path.rpartition(marker)[2]
        head, found, rest = path.partition("/lib/python")
        return rest.partition("/")[2] if found and head else path

    def module(self, path: str) -> str:
        """The module of a file: `anyio._backends._asyncio`."""
        return self.short(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def is_users(self, path: str) -> bool:
        """Whether it is the user's code: below a root, or at least not installed, nor loopviz's."""
        if any(part in path for part in _OWN):
            return False
        for folder, _ in self._roots:
            if path.startswith(folder):
                return not any(part in path[len(folder) - 1 :] for part in _ENVIRONMENT)
        return not any(part in path for part in _INSTALLED)

    def location(self, frame: str) -> Location:
        """The location of a frame's string."""
        known = self._locations.get(frame)
        if known is None:
            site = parse_site(frame)
            if len(self._locations) >= _LOCATIONS:
                self._locations.clear()
            known = self._locations[frame] = Location(
                file=self.short(site.path), line=site.line, function=site.function, path=site.path
            )
        return known

    def line(self, path: str, number: int) -> str:
        """A line of the file as it is; empty beyond its end, or if it cannot be read."""
        return self._source_line(path, number)

    def definition(self, location: Location) -> Location:
        """The line with the `def` of a function whose first line, with its decorators, is given."""
        for line in range(location.line, location.line + _DECORATORS):
            if self._source_line(location.path, line).lstrip().startswith(("def ", "async def ")):
                return replace(location, line=line)
        return location

    def source(self, location: Location | None) -> str:
        """The line's text, stripped; empty if it cannot be read."""
        return self._source_line(location.path, location.line).strip() if location else ""
