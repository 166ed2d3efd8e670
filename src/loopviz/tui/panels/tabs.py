"""The tabs: the views with their keys, the one that is shown lit."""

from collections.abc import Iterator

from textual.strip import Strip

from loopviz.tui.draw.text import Line, cell_width
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.view_state import VIEWS

__all__ = ["draw_tabs", "tab_at"]

Tab = tuple[int, str, str, str]
"""A tab's first cell, its view, its key and its word."""


def draw_tabs(scene: Scene, width: int) -> list[Strip]:
    """One row; the lesson stands apart, on the right. The lit one has brackets, too."""
    theme = scene.theme
    line = Line(width)
    for start, view, key, word in _tabs(scene, width):
        line.to(start, theme.text)
        if view == scene.view:
            line.add(f"[{key}{word}]", theme.cursor)
        else:
            line.add(f" {key}", theme.accent).add(f"{word} ", theme.dim)
    return [line.strip(theme.text)]


def tab_at(scene: Scene, width: int, x: int) -> str:
    """The action that goes to the view whose tab was drawn there; else empty."""
    for start, view, key, word in _tabs(scene, width):
        if start <= x < start + _wide(key, word):
            return view if view == "lesson" else f"view-{view}"
    return ""


def _tabs(scene: Scene, width: int) -> Iterator[Tab]:
    """The tabs that fit."""
    at = 0
    for name, word in VIEWS:
        key = _key(f"view-{name}", scene)
        if at + _wide(key, word) <= width:
            yield at, name, key, word
            at += _wide(key, word)
    if scene.is_program:
        return
    key = _key("lesson", scene)
    start = width - _wide(key, "Lesson")
    if start >= at:
        yield start, "lesson", key, "Lesson"


def _key(action: str, scene: Scene) -> str:
    """The action's key with a space after it; empty: it has none."""
    key = scene.keys.label(action)
    return f"{key} " if key else ""


def _wide(key: str, word: str) -> int:
    return cell_width(key) + cell_width(word) + 2
