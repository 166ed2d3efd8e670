"""The lesson view: text, fixes, and the source as it runs."""

from loopviz.tui.views.lesson.view import LessonView

__all__ = ["LessonView"]
