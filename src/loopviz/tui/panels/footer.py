"""The footer: the keys that apply now, or what is being typed."""

from collections.abc import Sequence
from typing import NamedTuple

from textual.strip import Strip

from loopviz.tui.draw.text import Line, cell_width, clean, fit
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state import availability
from loopviz.tui.state.action import Action
from loopviz.tui.state.actions import ACTIONS
from loopviz.tui.state.view_state import VIEWS

__all__ = [
    "Offer",
    "action_at",
    "draw_footer",
    "draw_notice",
    "draw_prompt",
    "fitting_offers",
    "offers",
]

ASIDE_SPARE = 10
"""Added to `spare` of words that do not concern the person now: they are left out first."""


class Offer(NamedTuple):
    """A word of the footer."""

    key: str
    word: str
    spare: int
    """Where there is no room, offers with the highest are left out first; 0 never."""
    names: tuple[str, ...] = ()
    """The actions' names, in the order of their keys."""


def offers(scene: Scene, *, tabs: bool = False) -> list[Offer]:
    """The offers that apply now. `tabs`: the views' keys are on the screen already."""
    found = []
    for action in ACTIONS:
        if action.name == "next-view" and not tabs:
            names = tuple(f"view-{name}" for name, _ in VIEWS)
            spare = 1 + ASIDE_SPARE * availability.in_past(scene)
            found.append(Offer(scene.keys.label(*names), "views", spare, names))
        if action.word and action.when(scene):
            names = (action.name, *action.also)
            if action.group == "fixes":
                names = names[: len(scene.scenario.fixes)]
            spare = action.spare + ASIDE_SPARE * _is_aside(action, scene)
            found.append(Offer(scene.keys.label(*names), action.word, spare, names))
    return [offer for offer in found if offer.key]


def _is_aside(action: Action, scene: Scene) -> bool:
    """True if the action is not needed while one moves in time."""
    own = action.group in ("time", "loopviz") or action.name in ("enter", "restart")
    return availability.in_past(scene) and not own


def draw_footer(offered: Sequence[Offer], width: int, scene: Scene) -> list[Strip]:
    """One row of `key word`; what does not fit whole is left out, and the help has it."""
    theme = scene.theme
    line = Line(width).add(" ", theme.bar)
    kept, gap = fitting_offers(offered, width - 2)
    for place, (key, word, *_) in enumerate(kept):
        line.add(" " * gap if place else "", theme.bar)
        line.add(key, theme.bar_brand).add(f" {word}", theme.bar)
    return [line.strip(theme.bar)]


def action_at(offered: Sequence[Offer], width: int, x: int) -> str:
    """The action whose word, or whose key if it has several, was drawn there; else empty."""
    kept, gap = fitting_offers(offered, width - 2)
    at = 1
    for key, word, _, names in kept:
        if at <= x < at + _wide_of(key, word):
            keys = key.split() if " " in key else list(key)
            if len(names) > 1 and len(keys) == len(names) and x - at < cell_width(key):
                ends = [key.index(each, i) + len(each) for i, each in enumerate(keys)]
                return next(name for name, end in zip(names, ends, strict=True) if x - at < end)
            return names[0] if names and word not in ("fixes", "views") else ""
        at += _wide_of(key, word) + gap
    return ""


def fitting_offers(offered: Sequence[Offer], width: int) -> tuple[list[Offer], int]:
    """The offers that fit, and the gap between them. The two keys of a pair may stand close."""
    kept = list(offered)
    while True:
        for gap, visible in ((2, kept), (1, kept), (1, [_close(offer) for offer in kept])):
            if sum(_wide_of(*offer[:2]) + gap for offer in visible) - gap <= width:
                return visible, gap
        if not kept:
            return [], 1
        worst = max(kept, key=lambda offer: offer[2])
        kept.remove(worst if worst[2] else kept[len(kept) // 2])


def _close(offer: Offer) -> Offer:
    """`hl time` instead of `h l time`."""
    keys = offer.key.split()
    pair = len(keys) == 2 and all(len(key) == 1 for key in keys)
    return offer._replace(key="".join(keys)) if pair else offer


def draw_notice(scene: Scene, width: int) -> list[Strip]:
    """One row: the answer to a key, for some seconds in the place of the keys."""
    text = fit(clean(scene.notice), width - 2, scene.glyphs.more)
    return [Line(width).add(f" {text}", scene.theme.bar_strong).strip(scene.theme.bar)]


def draw_prompt(scene: Scene, width: int, found: int) -> list[Strip]:
    """One row: the filter as it is typed, how many rows match, and how to leave."""
    theme, keys = scene.theme, scene.keys
    line = Line(width).add(f" {keys.label('filter')} ", theme.bar_brand)
    hint = f"   {found} {'match' if found == 1 else 'matches'}   enter keep   esc drop "
    typed = clean(scene.view_state.filters.get(scene.view, ""))
    room = line.left - cell_width(hint) - 1
    line.add(typed[-room:] if room > 0 else "", theme.bar_strong).add(" ", theme.cursor)
    return [line.end(hint, theme.bar, theme.bar).strip(theme.bar)]


def _wide_of(key: str, word: str) -> int:
    return cell_width(key) + 1 + cell_width(word)
