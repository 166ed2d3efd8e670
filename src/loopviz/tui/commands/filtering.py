"""The filter of a view, while it is typed."""

from dataclasses import replace

from loopviz.tui.controller import Controller
from loopviz.tui.state.line_edit import edited

__all__ = ["pasted", "typed"]


def typed(controller: Controller, key: str, character: str | None) -> None:
    """A key was pressed: a letter of the filter, its end, or the next row."""
    state = controller.view_state
    text = edited(state.filters.get(state.view, ""), key, character)
    if key == "enter":
        controller.view_state = replace(state, typing=False)
    elif key == "escape":
        controller.view_state = replace(state.filtered(""), typing=False)
    elif key in ("up", "down"):
        controller.move(1 if key == "down" else -1)
    elif text is not None:
        controller.view_state = state.filtered(text)


def pasted(controller: Controller, text: str) -> None:
    """The text goes to the end of the filter."""
    state = controller.view_state
    printable = "".join(c for c in text if c.isprintable())
    controller.view_state = state.filtered(state.filters.get(state.view, "") + printable)
