"""Places in source code as text: `scenarios/db.py:17`, or less where there is less room."""

import re

from loopviz.model.snapshot import Location
from loopviz.tui.draw.text import cell_width, clean

__all__ = ["file_line", "frame_text", "place_of", "place_within", "without_folders"]

_FOLDERS = re.compile(r"[\w./-]+/(?=[\w-]+\.py:\d)")
"""The folders before the name of a file and its line."""


def place_of(where: Location | None) -> str:
    """`scenarios/db.py:17`; empty for None."""
    return clean(f"{where.file}:{where.line}") if where else ""


def file_line(where: Location | None) -> str:
    """`db.py:17`; empty for None."""
    return place_of(where).rpartition("/")[2]


def place_within(where: Location | None, width: int) -> str:
    """The place, without its folders if they are too wide; empty for None."""
    place = place_of(where)
    return place if cell_width(place) <= width else file_line(where)


def frame_text(where: Location | None, width: int) -> str:
    """`db/pool.py:12 Pool.get`, or as much of it as there is room for."""
    if where is None:
        return ""
    name = where.function.rpartition(".")[2]
    options = (
        f"{place_of(where)} {clean(where.function)}",
        f"{place_of(where)} {clean(name)}",
        f"{file_line(where)} {clean(name)}",
    )
    return next((text for text in options if cell_width(text) <= width), file_line(where))


def without_folders(text: str) -> str:
    """The text with the names of files alone: `db.py:17` for `scenarios/db.py:17`."""
    return _FOLDERS.sub("", text)
