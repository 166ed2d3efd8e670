"""Colours: dark, light, sixteen-colour and colourless palettes, and the styles made of them.

Under NO_COLOR no style carries a colour, so the glyphs alone tell the states apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rich.color import Color
from rich.style import Style

from loopviz.model.snapshot.types import State

__all__ = [
    "CONTRAST",
    "DARK",
    "LIGHT",
    "SIXTEEN",
    "Palette",
    "Theme",
    "light_ground",
    "theme_named",
]


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
    """Rules and walls, line numbers, what is empty of a bar."""
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
    """Just visible against the ground: it carries no meaning."""
    calm: str
    """Lag that is none."""
    amber: str
    """Lag that is worth a look."""
    ramp: tuple[str, ...]
    """From few to many, as many as `Glyphs.shades` that are not blank."""
    amber_ramp: tuple[str, ...]
    """The same, of delays that are worth a look."""
    alarm_ramp: tuple[str, ...]
    """The same, of delays that are an alarm."""
    resource: str
    resource_ground: str
    resource_mean: str
    thread: str
    gil: str
    gil_ground: str
    gil_mean: str
    orphan: str


DARK = Palette(
    name="dark",
    ground="#101317",
    bar="#1c2025",
    text="#cdd2d8",
    dim="#7f8892",
    faint="#5b646e",
    accent="#86a7e3",
    good="#5fd39a",
    alarm="#ff6a55",
    run="#86a7e3",
    ready="#f7d91c",
    ready_ground="#a08b10",
    ready_mean="#d1b717",
    waiting="#60666d",
    block="#d61203",
    block_ground="#8a0c02",
    block_mean="#c61103",
    on_block="#ffffff",
    lit="#4a1512",
    grid="#282c32",
    calm="#5d779f",
    amber="#d9a441",
    ramp=("#43649a", "#5f83c0", "#86a7e3", "#dbe7ff"),
    amber_ramp=("#8a6a2a", "#b58634", "#d9a441", "#ffe1a3"),
    alarm_ramp=("#b03d2e", "#d14c3b", "#ff6a55", "#ffc4ba"),
    resource="#d97fff",
    resource_ground="#6f219e",
    resource_mean="#9348bd",
    thread="#00ffa0",
    gil="#ff8a3c",
    gil_ground="#5c2a08",
    gil_mean="#b9612a",
    orphan="#a7b0bb",
)

LIGHT = Palette(
    name="light",
    ground="#fbfaf6",
    bar="#e8e7e1",
    text="#22272d",
    dim="#5f6872",
    faint="#8c8a80",
    accent="#1f55b5",
    good="#0a7240",
    alarm="#b80f04",
    run="#3b6fd1",
    ready="#8f5c00",
    ready_ground="#e0a520",
    ready_mean="#bd8714",
    waiting="#868c93",
    block="#c00d02",
    block_ground="#e0675d",
    block_mean="#c92e24",
    on_block="#ffffff",
    lit="#ffd9d4",
    grid="#ebeae5",
    calm="#6f8fc9",
    amber="#8f5c00",
    ramp=("#7092cf", "#5580d8", "#3b6fd1", "#15367c"),
    resource="#8a0fb4",
    resource_ground="#c777dd",
    resource_mean="#ba68d4",
    thread="#00806a",
    gil="#a03c08",
    gil_ground="#e5834a",
    gil_mean="#c66735",
    amber_ramp=("#b07c1e", "#9a6a0a", "#7d5200", "#4f3300"),
    alarm_ramp=("#d9685c", "#cc3a2e", "#b80f04", "#6e0801"),
    orphan="#5d6670",
)

CONTRAST = Palette(
    name="contrast",
    ground="#000000",
    bar="#262626",
    text="#ffffff",
    dim="#c6c6c6",
    faint="#808080",
    accent="#87afff",
    good="#5fff87",
    alarm="#ff5f5f",
    run="#5f87ff",
    ready="#ffff00",
    ready_ground="#878700",
    ready_mean="#d7d700",
    waiting="#8a8a8a",
    block="#ff0000",
    block_ground="#870000",
    block_mean="#d70000",
    on_block="#000000",
    lit="#5f0000",
    grid="#4e4e4e",
    calm="#5f87ff",
    amber="#ffaf00",
    ramp=("#5f5faf", "#5f87ff", "#afd7ff", "#ffffff"),
    resource="#ff5fff",
    resource_ground="#87005f",
    resource_mean="#af2f9f",
    thread="#00ffaf",
    gil="#ff8700",
    gil_ground="#5f2f00",
    gil_mean="#af5f00",
    amber_ramp=("#af8700", "#d7af00", "#ffd75f", "#ffffff"),
    alarm_ramp=("#d75f5f", "#ff5f5f", "#ffafaf", "#ffffff"),
    orphan="#d0d0d0",
)
"""For projectors, bad screens and tired eyes. All its colours are of the 256, so it is the same
where there are no more."""

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
    ready="yellow",
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
    ramp=("blue", "blue", "bright_blue", "bright_blue"),
    resource="magenta",
    resource_ground="default",
    resource_mean="magenta",
    thread="green",
    gil="bright_magenta",
    gil_ground="default",
    gil_mean="bright_magenta",
    amber_ramp=("yellow", "yellow", "bright_yellow", "bright_yellow"),
    alarm_ramp=("red", "red", "bright_red", "bright_red"),
    orphan="white",
)


class Theme:
    """The prebuilt styles of one palette; `None` makes colourless ones. Make one, keep it."""

    def __init__(self, palette: Palette | None) -> None:
        self.palette = palette
        self.edges = palette is not None and palette is not SIXTEEN
        """True if two states may share a cell, told apart by colour."""
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
        self.ramp = tuple(self._style(shade) for shade in p.ramp)
        self.amber_ramp = tuple(self._style(shade) for shade in p.amber_ramp)
        self.alarm_ramp = tuple(self._style(shade) for shade in p.alarm_ramp)
        self.ready = self._style(p.ready, p.ready_ground)
        self.waiting = self._style(p.waiting)
        self.blocking = self._style(p.block, p.block_ground)
        self.bang = self._style(p.on_block, p.block, bold=True)
        self.resource = self._style(p.resource, p.resource_ground)
        self.thread = self._style(p.thread)
        self.gil = self._style(p.gil, p.gil_ground)
        self.orphan = self._style(p.orphan)
        self._means = {
            State.RUN: p.run,
            State.READY: p.ready_mean,
            State.AWAIT: p.ground,
            State.BLOCKING: p.block_mean,
            State.RESOURCE: p.resource_mean,
            State.THREAD: p.ground,
            State.GIL: p.gil_mean,
        }
        self._ground = p.ground
        self._states = (
            self.run,
            self.ready,
            self.waiting,
            self.blocking,
            self.resource,
            self.thread,
            self.gil,
        )

    def of(self, state: State) -> Style:
        """The style of a cell that is wholly in this state."""
        return self._states[state - 1]

    @lru_cache(maxsize=64)  # noqa: B019  # themes live as long as the app
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
def theme_named(name: str) -> Theme:
    """The theme called `dark`, `light`, `contrast`, `sixteen` or `none`."""
    palettes = (DARK, LIGHT, CONTRAST, SIXTEEN)
    return Theme({palette.name: palette for palette in palettes}.get(name))


def light_ground(environment: Mapping[str, str]) -> bool:
    """True if the terminal says that its ground is light: rxvt, Konsole and others do.

    COLORFGBG has the numbers of its colours, the ground's last; 7 and 9 to 15 are light.
    """
    ground = environment.get("COLORFGBG", "").rpartition(";")[2]
    return ground.isdigit() and int(ground) in (7, 9, 10, 11, 12, 13, 14, 15)
