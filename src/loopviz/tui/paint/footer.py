"""The footer: the keys that apply now, or what is being typed."""

from collections.abc import Sequence

from textual.strip import Strip

from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line, clean, width_of

__all__ = ["paint_footer", "paint_prompt"]

Offer = tuple[str, str, int]
"""Key, word, and how soon it may go: the highest first, 0 never."""


def paint_footer(offers: Sequence[Offer], width: int, scene: Scene) -> list[Strip]:
    """One row of `key word`; what does not fit whole is left out, and the help has it."""
    looks = scene.looks
    line = Line(width).add(" ", looks.bar)
    kept, gap = fitting(offers, line.left)
    for place, (key, word, _) in enumerate(kept):
        line.add(" " * gap if place else "", looks.bar)
        line.add(key, looks.bar_brand).add(f" {word}", looks.bar)
    return [line.strip(looks.bar)]


def fitting(offers: Sequence[Offer], width: int) -> tuple[list[Offer], int]:
    """Those that there is room for, and the gap between them."""
    kept = list(offers)
    while True:
        for gap in (2, 1):
            if _wide(kept, gap) <= width:
                return kept, gap
        worst = max(kept, key=lambda offer: offer[2], default=None)
        if worst is None:
            return [], 1
        kept.remove(worst if worst[2] else kept[len(kept) // 2])


def paint_prompt(scene: Scene, width: int, found: int) -> list[Strip]:
    """One row: the filter as it is typed, how many rows have it, and how to leave."""
    looks, keys = scene.looks, scene.keys
    line = Line(width).add(f" {keys.shown('filter')} ", looks.bar_brand)
    hint = f"   {found} {'row has' if found == 1 else 'rows have'} it   enter keep   esc drop "
    typed = clean(scene.look.filters.get(scene.view, ""))
    room = line.left - width_of(hint) - 1
    line.add(typed[-room:] if room > 0 else "", looks.bar_strong).add(" ", looks.cursor)
    return [line.end(hint, looks.bar, looks.bar).strip(looks.bar)]


def _wide(offers: Sequence[Offer], gap: int) -> int:
    return sum(width_of(key) + 1 + width_of(word) + gap for key, word, _ in offers) - gap
