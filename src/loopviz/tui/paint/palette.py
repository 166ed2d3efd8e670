"""Colours: dark, light, sixteen-colour and colourless palettes, and the styles made of them.

Under NO_COLOR no style carries a colour, so the glyphs alone tell the states apart.
"""

from dataclasses import dataclass
from functools import lru_cache

from rich.color import Color
from rich.style import Style

from loopviz.model.snapshot import State

__all__ = ["DARK", "LIGHT", "SIXTEEN", "Looks", "Palette", "looks"]


@dataclass(frozen=True, slots=True)
class Palette:
    """Names for colours. `mean` values are what a patterned glyph looks like from afar."""

    name: str
    ground: str
    bar: str
    """Ground of the header."""
    text: str
    dim: str
    faint: str
    accent: str
    good: str
    alarm: str
    """Red that can be read as text."""
    run: str
    ready: str
    ready_ground: str
    ready_mean: str
    waiting: str
    block: str
    block_ground: str
    block_mean: str
    on_block: str
    lit: str
    grid: str
    """Just visible against the ground."""
    calm: str
    """Lag that is none."""
    amber: str
    """Lag that is worth a look."""
    """Ground of the culprit's line of source."""


DARK = Palette(
    name="dark",
    ground="#101317",
    bar="#1b2027",
    text="#cdd2d8",
    dim="#7f8892",
    faint="#3b424a",
    accent="#86a7e3",
    good="#5fd39a",
    alarm="#ff6a55",
    run="#86a7e3",
    ready="#f7d91c",
    ready_ground="#a08b10",
    ready_mean="#ccb216",
    waiting="#4e5359",
    block="#d61203",
    block_ground="#8a0c02",
    block_mean="#c31003",
    on_block="#ffffff",
    lit="#4a1512",
    grid="#262c34",
    calm="#5d779f",
    amber="#d9a441",
)

LIGHT = Palette(
    name="light",
    ground="#fbfaf6",
    bar="#e9e7df",
    text="#22272d",
    dim="#68717b",
    faint="#cfcdc4",
    accent="#1f55b5",
    good="#0b7a45",
    alarm="#b80f04",
    run="#3b6fd1",
    ready="#d18f00",
    ready_ground="#ffe9a8",
    ready_mean="#e8bc54",
    waiting="#a3a8ad",
    block="#c00d02",
    block_ground="#ef9a92",
    block_mean="#cc3026",
    on_block="#ffffff",
    lit="#ffd9d4",
    grid="#eceae2",
    calm="#8aa6d6",
    amber="#c47d00",
)

SIXTEEN = Palette(
    name="sixteen",
    ground="default",
    bar="default",
    text="default",
    dim="default",
    faint="bright_black",
    accent="bright_blue",
    good="green",
    alarm="bright_red",
    run="bright_blue",
    ready="bright_yellow",
    ready_ground="default",
    ready_mean="yellow",
    waiting="bright_black",
    block="red",
    block_ground="default",
    block_mean="red",
    on_block="bright_white",
    lit="default",
    grid="bright_black",
    calm="blue",
    amber="yellow",
)


class Looks:
    """The prebuilt styles of one palette; `None` makes colourless ones. Make one, keep it."""

    def __init__(self, palette: Palette | None) -> None:
        self.palette = palette
        self.edges = palette is not None and palette is not SIXTEEN
        """Whether a cell may be shared by two states, told apart by colour."""
        p = palette or DARK
        self.text = self._style(p.text)
        self.strong = self._style(p.text, bold=True)
        self.dim = self._style(p.dim)
        self.faint = self._style(p.faint)
        self.accent = self._style(p.accent)
        self.title = self._style(p.accent, bold=True)
        self.good = self._style(p.good, bold=True)
        self.worse = self._style(p.alarm, bold=True)
        self.alarm = self._style(p.alarm, bold=True)
        self.alarm_fill = self._style(p.on_block, p.block, bold=True, reverse=True)
        self.warm = self._style(p.amber)
        self.calm = self._style(p.calm)
        self.grid = self._style(p.grid)
        self.mark = self._style(p.good, bold=True)
        self.mark_line = self._style(p.good)
        self.bar = self._style(p.text, p.bar)
        self.bar_dim = self._style(p.dim, p.bar)
        self.bar_brand = self._style(p.accent, p.bar, bold=True)
        self.bar_strong = self._style(p.text, p.bar, bold=True)
        self.bar_good = self._style(p.good, p.bar, bold=True)
        self.bar_alarm = self._style(p.alarm, p.bar, bold=True)
        self.badge_live = self._style(p.ground, p.good, bold=True, reverse=True)
        self.badge_frozen = self._style(p.ground, p.accent, bold=True, reverse=True)
        self.badge_waiting = self._style(p.ground, p.ready, bold=True, reverse=True)
        self.lit = self._style(p.text, p.lit, bold=True)
        self.lit_edge = self._style(p.alarm, p.lit, bold=True)
        self.cursor = self._style(p.ground, p.accent, bold=True, reverse=True)
        self.run = self._style(p.run)
        self.ready = self._style(p.ready, p.ready_ground)
        self.waiting = self._style(p.waiting)
        self.blocking = self._style(p.block, p.block_ground)
        self.bang = self._style(p.on_block, p.block, bold=True)
        self._means = {
            State.RUN: p.run,
            State.READY: p.ready_mean,
            State.AWAIT: p.ground,
            State.BLOCKING: p.block_mean,
        }
        self._ground = p.ground
        self._states = (self.run, self.ready, self.waiting, self.blocking)

    def of(self, state: State) -> Style:
        """The style of a cell that is wholly in this state."""
        return self._states[state - 1]

    @lru_cache(maxsize=64)  # noqa: B019  # Looks live as long as the app
    def edge(self, left: State | None, right: State | None) -> Style:
        """For a block that grows from the left: `left` in front, `right` behind; None is idle."""
        front = self._means[left] if left else self._ground
        return self._style(front, self._means[right] if right else self._ground)

    def _style(
        self, color: str, ground: str = "", *, bold: bool = False, reverse: bool = False
    ) -> Style:
        """`reverse` is for what has a ground of its own: it must stand out without colours, too."""
        if self.palette is None:
            return Style(bold=bold or None, reverse=reverse or None)
        return Style.from_color(_color(color), _color(ground or self.palette.ground)) + Style(
            bold=bold or None
        )


@lru_cache(maxsize=128)
def _color(name: str) -> Color:
    return Color.parse(name)


@lru_cache(maxsize=8)
def looks(name: str) -> Looks:
    """The looks called `dark`, `light`, `sixteen` or `none`."""
    return Looks({"dark": DARK, "light": LIGHT, "sixteen": SIXTEEN}.get(name))
