"""The lesson view: the text and the source of a scenario, scrolled."""

from typing import ClassVar

from textual.strip import Strip

from loopviz.tui.panels.fixes import FixRow, fix_at
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.lesson.page import draw_lesson
from loopviz.tui.views.lesson.picture import LivePicture
from loopviz.tui.views.view import View

__all__ = ["LessonView"]


class LessonView(View):
    """It has no cursor: moving scrolls."""

    NAME: ClassVar[str] = "lesson"

    def __init__(self) -> None:
        self._first = 0
        """The first row that is shown."""
        self._picture = LivePicture()
        self._listed: list[FixRow] = []
        """The rows of which some are about a fix."""
        self._on: frozenset[str] | None = None
        """The fixes that were on when it was; None before."""

    def scroll(self, by: int) -> None:
        """Move by that many rows."""
        self._first = max(0, self._first + by)

    def fix_at(self, x: int, y: int, scene: Scene) -> str:
        """The action that switches to the fix that was drawn there; else empty."""
        listed = self._listed[:1]
        inside = bool(listed) and x < listed[0].strip.cell_length
        return fix_at(self._listed, y - 1 + self._first, scene) if inside and y else ""

    def draw(self, scene: Scene, width: int, height: int) -> list[Strip]:
        follow = self._on not in (None, scene.status.fixes_on)
        strips, self._first, self._listed = draw_lesson(
            scene, width, height, self._first, self._picture, follow=follow
        )
        self._on = scene.status.fixes_on
        return strips

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]
