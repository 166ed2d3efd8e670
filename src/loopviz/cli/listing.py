"""The catalogue as `loopviz list` shows it, and what `loopviz new` adds to it."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from loopviz.lab.catalogue import ScenarioInfo, find, grouped
from loopviz.lab.catalogue.new import write_new

__all__ = ["catalogue_lines", "entry_fields", "entry_lines", "new_lines"]


def catalogue_lines(entries: Sequence[ScenarioInfo]) -> Iterator[str]:
    """All entries below their group's name."""
    for place, (group, members) in enumerate(grouped(entries)):
        yield from [""] if place else []
        yield group.upper()
        for entry in members:
            yield from entry_lines(entry)


def entry_lines(entry: Any) -> Iterator[str]:
    """Id and title, lesson, fixes."""
    origin = f"  ({entry.origin})" if entry.origin else ""
    yield f"{entry.id:12} {entry.title}{origin}"
    yield f"{'':12} {entry.error or entry.lesson}"
    for fix in entry.fixes:
        wrong = "  (looks right but is not)" if fix.wrong else ""
        yield f"{'':12}   --fix {fix.key:14} {fix.title}{wrong}"
        if fix.unavailable:
            yield f"{'':12}         {'':14} {fix.unavailable}"


def entry_fields(entry: Any) -> dict[str, Any]:
    """What the JSON has of it."""
    fields: dict[str, Any] = {
        "id": entry.id,
        "title": entry.title,
        "group": entry.group,
        "lesson": entry.lesson,
        "path": str(entry.path),
        "fixes": [_fix(fix) for fix in entry.fixes],
    }
    if entry.shadows:
        fields["shadows"] = str(entry.shadows)
    if entry.error:
        fields["error"] = entry.error
    return fields


def _fix(fix: Any) -> dict[str, Any]:
    fields = {"key": fix.key, "title": fix.title, "why": fix.why, "wrong": fix.wrong}
    return fields | ({"unavailable": fix.unavailable} if fix.unavailable else {})


def new_lines(name: str, folder: Path) -> Iterator[str]:
    """Write a scenario to start from; what was written, and how it is opened."""
    path = write_new(name, folder)
    hidden = f", and hides the built-in {name}" if find(name, [folder]).shadows else ""
    yield f"{path} is written{hidden}. Next:"
    yield f"  loopviz run {name} --scenarios {shlex.quote(str(folder))}"
