"""Commands that move between views and within one."""

from dataclasses import replace

from loopviz.tui.controller import Controller
from loopviz.tui.state.view_state import LIVE, VIEWS
from loopviz.tui.views.lesson import LessonView

__all__ = ["ask_filter", "back", "enter", "lesson", "move", "next_view", "order", "pin", "view"]


def view(controller: Controller, name: str) -> None:
    """Go to that view."""
    controller.look = replace(controller.look, view=name, detail=False, typing=False)


def next_view(controller: Controller, by: int) -> None:
    """The next one; after the last, the first."""
    names = [name for name, _ in VIEWS]
    at = names.index(controller.look.view) + by if controller.look.view in names else 0
    view(controller, names[at % len(names)])


def lesson(controller: Controller) -> None:
    """The lesson, or back from it."""
    view(controller, LIVE if controller.look.view == "lesson" else "lesson")


def move(controller: Controller, by: int) -> None:
    """The cursor, or the text, goes so many rows down."""
    if isinstance(controller.view, LessonView):
        controller.view.scroll(by)
    elif not controller.apply(controller.view.move(controller.scene, controller.look, by)):
        controller.move(by)


def enter(controller: Controller) -> None:
    """Open the chosen row, or do what its view does then; the first one if there is none."""
    if controller.apply(controller.view.enter(controller.scene, controller.look)):
        return
    if controller.look.row is None:
        controller.move(1)
    controller.look = replace(controller.look, detail=controller.look.row is not None)


def ask_filter(controller: Controller) -> None:
    """The filter is typed from now on, in the footer's place."""
    if controller.view.FILTERS:
        controller.look = replace(controller.look, typing=True)
    else:
        controller.say("This view has no rows to filter: tasks and resources have.")


def order(controller: Controller) -> None:
    """Sort the rows by the next of the view's orders."""
    orders = controller.view.ORDERS
    if len(orders) < 2:
        controller.say("The rows of this view have one order only.")
        return
    place = (controller.look.order + 1) % len(orders)
    controller.look = replace(
        controller.look, orders={**controller.look.orders, controller.look.view: place}
    )
    controller.say(f"Sorted by {orders[place]}.")


def pin(controller: Controller) -> None:
    """The chosen row stays on top, or no longer does."""
    row = controller.view.pin_key(controller.scene) if controller.scene else None
    if row is None:
        down = controller.keys.shown("down")
        controller.say(f"Nothing is chosen to pin: go to a row with {down} first.")
    else:
        controller.look = replace(controller.look, pins=controller.look.pins ^ {row})


def back(controller: Controller) -> None:
    """Close what was opened last: the detail, the range, the cursor, the filter, the view."""
    look = controller.look
    if look.detail:
        controller.look = replace(look, detail=False)
    elif look.span is not None:
        controller.look = replace(look, span=None)
    elif look.row is not None:
        controller.choose(None)
    elif look.filter:
        controller.look = look.filtered("")
    elif look.frozen and look.view == LIVE:
        controller.go_live()
    else:
        view(controller, LIVE)
