"""The footer: the keys that apply now."""

from collections.abc import Sequence

from textual.strip import Strip

from loopviz.tui.paint.layout import Plan
from loopviz.tui.paint.palette import Looks
from loopviz.tui.paint.text import Line, width_of

__all__ = ["paint_footer"]


SPARE = ("T", "[ ]", "space")
"""Keys that a narrow terminal does not name, in this order; the help does."""


def paint_footer(keys: Sequence[tuple[str, str]], plan: Plan, looks: Looks) -> list[Strip]:
    """One row of `key word`; what does not fit whole is left out, but for help and quit."""
    spare = list(SPARE)
    width = plan.size("footer")[0]
    kept = list(keys)
    for gap in (2, 1):
        while _wide(kept, gap) > width and len(kept) > 2 and gap == 1:
            key = spare.pop(0) if spare else kept[-3][0]
            kept = [word for word in kept if word[0] != key]
        if _wide(kept, gap) <= width:
            break
    line = Line(width).add(" ", looks.bar)
    for place, (key, word) in enumerate(kept):
        line.add(" " * gap if place else "", looks.bar)
        line.add(key, looks.bar_brand).add(f" {word}", looks.bar)
    return [line.strip(looks.bar)]


def _wide(keys: Sequence[tuple[str, str]], gap: int) -> int:
    return 1 - gap + sum(width_of(key) + 1 + width_of(word) + gap for key, word in keys)
