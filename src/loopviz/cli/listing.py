"""An entry of the catalogue as `loopviz list` shows it: lines, or fields for JSON."""

from collections.abc import Iterator
from typing import Any

__all__ = ["entry_fields", "entry_lines"]


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
