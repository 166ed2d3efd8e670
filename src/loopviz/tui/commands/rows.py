"""Commands that move between views and within one."""

from dataclasses import replace

from loopviz.tui.controller import Controller
from loopviz.tui.state.view_state import LIVE, TASKS, VIEWS
from loopviz.tui.views.lesson import LessonView

__all__ = [
    "ask_filter",
    "back",
    "enter",
    "lesson",
    "move",
    "next_loop",
    "next_view",
    "order",
    "pin",
    "tree",
    "view",
]


def view(controller: Controller, name: str) -> None:
    """Go to that view."""
    controller.view_state = replace(controller.view_state, view=name, detail=False, typing=False)


def next_view(controller: Controller, by: int) -> None:
    """The next one; after the last, the first."""
    names = [name for name, _ in VIEWS]
    at = names.index(controller.view_state.view) + by if controller.view_state.view in names else 0
    view(controller, names[at % len(names)])


def next_loop(controller: Controller) -> None:
    """The next loop alone; after the last, all of them."""
    loops = controller.scene.loops if controller.scene is not None else ()
    if not loops:
        controller.notify("There is one loop, and it is shown.")
        return
    steps, now = (0, *loops), controller.view_state.loop
    at = steps.index(now) if now in steps else 0
    controller.choose_loop(steps[(at + 1) % len(steps)])


def lesson(controller: Controller) -> None:
    """The lesson, or back from it."""
    if controller.scene is not None and controller.scene.is_program:
        key = controller.keys.label("learn")
        controller.notify(
            f"A program of your own has no lesson; {key} opens the one that teaches a finding."
        )
        return
    view(controller, LIVE if controller.view_state.view == "lesson" else "lesson")


def move(controller: Controller, by: int) -> None:
    """Move the cursor, or the text, down by that many rows."""
    if isinstance(controller.view, LessonView):
        controller.view.scroll(by)
    elif not controller.apply(controller.view.move(controller.scene, controller.view_state, by)):
        controller.move(by)


def enter(controller: Controller) -> None:
    """Open the chosen row, or do what its view does then; the first one if there is none."""
    if controller.apply(controller.view.enter(controller.scene, controller.view_state)):
        return
    if controller.view_state.row is None:
        controller.move(1)
    controller.view_state = replace(
        controller.view_state, detail=controller.view_state.row is not None
    )


def ask_filter(controller: Controller) -> None:
    """The filter is typed from now on, in the footer's place."""
    if controller.view.FILTERS:
        controller.view_state = replace(controller.view_state, typing=True)
    else:
        controller.notify("This view has no rows to filter: tasks, resources and the log have.")


def order(controller: Controller) -> None:
    """Sort the rows by the next of the view's orders."""
    orders = controller.view.orders(controller.view_state)
    if len(orders) < 2:
        controller.notify("The rows of this view have one order only.")
        return
    place = (controller.view_state.order + 1) % len(orders)
    controller.view_state = replace(
        controller.view_state,
        orders={**controller.view_state.orders, controller.view_state.view: place},
    )
    controller.notify(f"Sorted by {orders[place]}.")


def tree(controller: Controller) -> None:
    """The tasks as a tree of who waits for whom, or as a table again; in the view of tasks."""
    state = controller.view_state
    if state.view == TASKS:
        controller.view_state = replace(state, tree=not state.tree, detail=False)
    else:
        key = controller.keys.label(f"view-{TASKS}")
        controller.notify(f"The tree of who waits for whom is in the view of tasks: {key}.")


def pin(controller: Controller) -> None:
    """The chosen row stays on top, or no longer does."""
    row = controller.view.pin_key(controller.scene) if controller.scene else None
    if row is None:
        down = controller.keys.label("down")
        controller.notify(f"Nothing is chosen to pin: go to a row with {down} first.")
    else:
        controller.view_state = replace(
            controller.view_state, pins=controller.view_state.pins ^ {row}
        )


def back(controller: Controller) -> None:
    """Close what was opened last: the detail, the range, the cursor, the filter, the view."""
    state = controller.view_state
    if state.detail:
        controller.view_state = replace(state, detail=False)
    elif state.time_range is not None:
        controller.view_state = replace(state, time_range=None)
    elif state.row is not None:
        controller.choose(None)
    elif state.filter:
        controller.view_state = state.filtered("")
    elif state.frozen and state.view == LIVE:
        controller.go_live()
    else:
        view(controller, LIVE)
