"""Commands that move between views and within one."""

from dataclasses import replace

from loopviz.tui.controller import Desk
from loopviz.tui.state.view_state import LIVE, VIEWS
from loopviz.tui.views.lesson import LessonView

__all__ = ["ask_filter", "back", "enter", "lesson", "move", "next_view", "order", "pin", "view"]


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
    elif not desk.apply(desk.view.move(desk.scene, desk.look, by)):
        desk.move(by)


def enter(desk: Desk) -> None:
    """Open the chosen row, or do what its view does then; the first one if there is none."""
    if desk.apply(desk.view.enter(desk.scene, desk.look)):
        return
    if desk.look.row is None:
        desk.move(1)
    desk.look = replace(desk.look, detail=desk.look.row is not None)


def ask_filter(desk: Desk) -> None:
    """The filter is typed from now on, in the footer's place."""
    if desk.view.FILTERS:
        desk.look = replace(desk.look, typing=True)
    else:
        desk.say("This view has no rows to filter: tasks and resources have.")


def order(desk: Desk) -> None:
    """Sort the rows by the next of the view's orders."""
    orders = desk.view.ORDERS
    if len(orders) < 2:
        desk.say("The rows of this view have one order only.")
        return
    place = (desk.look.order + 1) % len(orders)
    desk.look = replace(desk.look, orders={**desk.look.orders, desk.look.view: place})
    desk.say(f"Sorted by {orders[place]}.")


def pin(desk: Desk) -> None:
    """The chosen row stays on top, or no longer does."""
    row = desk.view.pin_key(desk.scene) if desk.scene else None
    if row is None:
        down = desk.keys.shown("down")
        desk.say(f"Nothing is chosen to pin: go to a row with {down} first.")
    else:
        desk.look = replace(desk.look, pins=desk.look.pins ^ {row})


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
    elif look.frozen and look.view == LIVE:
        desk.go_live()
    else:
        view(desk, LIVE)
