"""Commands that move between views and within one."""

from dataclasses import replace

from loopviz.tui.desk import Desk
from loopviz.tui.look import LIVE, VIEWS
from loopviz.tui.views.lesson import LessonView

__all__ = ["back", "enter", "lesson", "move", "next_view", "view"]


def view(desk: Desk, name: str) -> None:
    """Go to that view."""
    desk.look = replace(desk.look, view=name, detail=False, typing=False)


def next_view(desk: Desk, by: int) -> None:
    """The next one; after the last, the first."""
    names = [name for name, _ in VIEWS]
    at = names.index(desk.look.view) + by if desk.look.view in names else 0
    view(desk, names[at % len(names)])


def lesson(desk: Desk) -> None:
    """The lesson, or back from it."""
    view(desk, LIVE if desk.look.view == "lesson" else "lesson")


def move(desk: Desk, by: int) -> None:
    """The cursor, or the text, goes so many rows down."""
    if isinstance(desk.view, LessonView):
        desk.view.scroll(by)
    else:
        desk.move(by)


def enter(desk: Desk) -> None:
    """Open the chosen row; the first one if there is none."""
    if desk.look.row is None:
        desk.move(1)
    desk.look = replace(desk.look, detail=desk.look.row is not None)


def back(desk: Desk) -> None:
    """Close what was opened last: the detail, the range, the cursor, the filter, the view."""
    look = desk.look
    if look.detail:
        desk.look = replace(look, detail=False)
    elif look.span is not None:
        desk.look = replace(look, span=None)
    elif look.row is not None:
        desk.choose(None)
    elif look.filter:
        desk.look = look.filtered("")
    else:
        view(desk, LIVE)
