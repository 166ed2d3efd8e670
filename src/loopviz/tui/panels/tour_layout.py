"""The place of the tour: beside the timeline on wide terminals, else below it."""

from dataclasses import replace

from loopviz.tui.panels.layout import Plan, Rect
from loopviz.tui.state.tour import FIX, GUESS, WATCH

__all__ = ["with_tour"]

MIN_FLEXIBLE_ROWS = 4
"""Rows that the lanes, or the view, keep."""

MIN_DIAGNOSIS_ROWS = 8
"""With fewer rows below the tour the diagnosis is left out."""


def with_tour(plan: Plan, step: str, beside: int, below: int) -> Plan:
    """The plan with the panel `tour`, which wants that many rows, depending on where it is.

    It takes the place of what would give the answer away. The timeline keeps its width.
    """
    if "small" in plan.panels:
        return plan
    if "diagnosis" in plan.panels:
        return replace(plan, panels=_beside(plan.panels, step, beside))
    return replace(plan, panels=_below(plan, step, below))


def _beside(panels: dict[str, Rect], step: str, wanted: int) -> dict[str, Rect]:
    placed = dict(panels)
    x, y, width, height = placed.pop("diagnosis")
    wanted = min(wanted, height)
    if step in (WATCH, GUESS) or height - wanted < MIN_DIAGNOSIS_ROWS:
        return {**placed, "tour": (x, y, width, height)}
    rest = (x, y + wanted, width, height - wanted)
    return {**placed, "tour": (x, y, width, wanted), "diagnosis": rest}


def _below(plan: Plan, step: str, wanted: int) -> dict[str, Rect]:
    """Above the compare strip and the footer. The lanes, or the view, give what it needs."""
    hidden = {"finding", "compare"} if step in (WATCH, GUESS, FIX) else {"finding"}
    stack = sorted(plan.panels.items(), key=lambda item: item[1][1])
    heights = {name: rect[3] for name, rect in stack if name not in hidden}
    flexible = "lanes" if "lanes" in heights else "view"
    freed = sum(rect[3] for name, rect in stack if name in hidden)
    most = freed + max(0, heights[flexible] - MIN_FLEXIBLE_ROWS)
    wanted = min(wanted, most)
    heights[flexible] += freed - wanted
    order = [name for name in heights if name not in ("compare", "footer")]
    order += ["tour", *(name for name in ("compare", "footer") if name in heights)]
    placed: dict[str, Rect] = {}
    y = 0
    for name in order:
        height = heights.get(name, wanted)
        placed[name] = (0, y, plan.width, height)
        y += height
    return placed
