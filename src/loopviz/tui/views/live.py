"""The live view: which request the cursor is on. The screen paints its panels one by one."""

from typing import ClassVar

from loopviz.tui.look import LIVE
from loopviz.tui.paint.gauges import GaugePainter
from loopviz.tui.paint.lanes import LanePainter
from loopviz.tui.views.view import View

__all__ = ["LiveView"]


class LiveView(View):
    """Remembers which lane and which gauge has which place."""

    NAME: ClassVar[str] = LIVE

    def __init__(self) -> None:
        self.lanes = LanePainter()
        self.gauges = GaugePainter()

    def forget(self) -> None:
        self.lanes = LanePainter()
        self.gauges = GaugePainter()
