"""The tabs: the views with their keys, the one that is shown lit."""

from textual.strip import Strip

from loopviz.tui.look import VIEWS
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line, width_of

__all__ = ["paint_tabs"]


def paint_tabs(scene: Scene, width: int) -> list[Strip]:
    """One row; the lesson stands apart, on the right. The lit one has brackets, too."""
    looks, keys = scene.looks, scene.keys
    line = Line(width)
    for name, word in VIEWS:
        _tab(line, keys.shown(f"view-{name}"), word, scene, chosen=name == scene.view)
    lesson = Line(width)
    _tab(lesson, keys.shown("lesson"), "Lesson", scene, chosen=scene.view == "lesson")
    if lesson.used <= line.left:
        line.to(width - lesson.used, looks.text)
        _tab(line, keys.shown("lesson"), "Lesson", scene, chosen=scene.view == "lesson")
    return [line.strip(looks.text)]


def _tab(line: Line, key: str, word: str, scene: Scene, *, chosen: bool) -> None:
    looks = scene.looks
    said = f"{key} {word}" if key else word
    if chosen:
        line.add(f"[{said}]", looks.cursor)
    elif width_of(said) + 2 <= line.left:
        line.add(f" {key} " if key else " ", looks.accent).add(f"{word} ", looks.dim)
