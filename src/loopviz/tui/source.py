"""Source that is shown, read from its file; empty when it cannot be read."""

from functools import lru_cache
from pathlib import Path

from loopviz.lab.catalogue import ScenarioInfo
from loopviz.lab.catalogue.files import read_text
from loopviz.lab.lesson import Lesson
from loopviz.model.snapshot import Location

__all__ = ["lesson_of", "source_around"]


def lesson_of(scenario: ScenarioInfo) -> Lesson:
    """The lesson that the scenario's file shows, as the file is now."""
    try:
        text = read_text(scenario.path)
    except OSError:
        text = ""
    return Lesson(text, [load.route for load in scenario.load])


@lru_cache(maxsize=64)
def source_around(location: Location, around: int) -> tuple[tuple[int, str], ...]:
    """Numbered lines, `around` of them before and after; empty if there are none to show."""
    if not location.path:
        return ()
    try:
        with Path(location.path).open(encoding="utf-8", errors="replace") as file:
            lines = file.read(1_000_000).splitlines()
    except (OSError, ValueError):
        return ()
    first = max(1, location.line - around)
    last = min(len(lines), location.line + around)
    if not 1 <= location.line <= len(lines):
        return ()
    return tuple((number, lines[number - 1].expandtabs(4)) for number in range(first, last + 1))
