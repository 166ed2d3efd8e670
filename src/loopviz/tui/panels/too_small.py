"""The message in a terminal that is too small."""

from textual.strip import Strip

from loopviz.tui.draw.palette import Theme
from loopviz.tui.draw.text import Line, wrap
from loopviz.tui.panels.layout import MIN_HEIGHT, MIN_WIDTH, Plan

__all__ = ["draw_too_small"]


def draw_too_small(plan: Plan, theme: Theme) -> list[Strip]:
    """One sentence in the middle, whatever the size."""
    text = f"loopviz needs {MIN_WIDTH}×{MIN_HEIGHT}; this terminal is {plan.width}×{plan.height}"
    lines = wrap(text, max(1, plan.width - 2))
    above = max(0, (plan.height - len(lines)) // 2)
    rows = [""] * above + lines
    strips = []
    for row in (rows + [""] * plan.height)[: plan.height]:
        line = Line(plan.width).to((plan.width - len(row)) // 2, theme.text)
        strips.append(line.add(row, theme.strong).strip(theme.text))
    return strips
