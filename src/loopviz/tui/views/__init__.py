"""The seven views and the lesson: scene in, rows out. Each decides what its cursor can be on."""

from loopviz.tui.views.compare import CompareView
from loopviz.tui.views.diagnose import DiagnoseView
from loopviz.tui.views.lesson import LessonView
from loopviz.tui.views.live import LiveView
from loopviz.tui.views.log import LogView
from loopviz.tui.views.loop import LoopView
from loopviz.tui.views.resources import ResourcesView
from loopviz.tui.views.tasks import TasksView
from loopviz.tui.views.view import View

__all__ = ["View", "views"]


def views() -> dict[str, View]:
    """One of each, by name."""
    made: list[View] = [
        LiveView(),
        TasksView(),
        ResourcesView(),
        LoopView(),
        DiagnoseView(),
        CompareView(),
        LogView(),
        LessonView(),
    ]
    return {view.NAME: view for view in made}
