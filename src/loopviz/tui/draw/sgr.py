"""Styles as escape sequences (SGR): what a terminal is sent to get from one style to the next."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.color import Color, ColorSystem
from rich.style import Style

__all__ = ["Pens"]

_ON = {
    1: "bold",
    2: "dim",
    3: "italic",
    4: "underline",
    5: "blink",
    6: "blink2",
    7: "reverse",
    8: "conceal",
    9: "strike",
    21: "underline2",
    51: "frame",
    52: "encircle",
    53: "overline",
}
"""The attributes of a style by the parameter that switches them on."""

_OFF = {
    1: 22,
    2: 22,
    3: 23,
    4: 24,
    5: 25,
    6: 25,
    7: 27,
    8: 28,
    9: 29,
    21: 24,
    51: 54,
    52: 54,
    53: 55,
}

_SEEN_ON_BLANKS = frozenset((4, 7, 9, 21, 51, 52, 53))
"""Attributes that change what a blank looks like."""

MAX_OBJECTS = 4096
"""Styles of which the numbers are remembered by identity."""


@dataclass(frozen=True, slots=True)
class Pen:
    """What a terminal writes with: attributes, foreground and background, as parameters."""

    attributes: frozenset[int] = frozenset()
    foreground: str = "39"
    background: str = "49"

    @property
    def parameters(self) -> list[str]:
        """All of them, after a reset."""
        colours = [c for c in (self.foreground, self.background) if c not in ("39", "49")]
        return [*map(str, sorted(self.attributes)), *colours]


class Pens:
    """Numbers the pens of one colour depth. Number 0 is the pen after a reset."""

    def __init__(self, depth: ColorSystem) -> None:
        self._depth = depth
        self._pens = [Pen()]
        self._numbers = {Pen(): 0}
        self._of_styles: dict[Style | None, int] = {None: 0}
        self._of_objects: dict[int, tuple[int, Style | None]] = {}
        """By the identity of a style, which is kept so that it stays the only one with that."""
        self._changes: dict[tuple[int, int, bool], tuple[str, int]] = {}
        self.blanks = [0]
        """By number, a pen with which blanks look the same; many pens have one in common."""

    def numbers(self, styles: Sequence[Style | None]) -> list[int]:
        """The numbers of their pens."""
        known = self._of_objects
        try:
            return [known[id(style)][0] for style in styles]
        except KeyError:
            if len(known) > MAX_OBJECTS:  # a box has a shade around it, whose styles are made anew
                known.clear()
            known.update((id(style), (self.number(style), style)) for style in styles)
            return [known[id(style)][0] for style in styles]

    def number(self, style: Style | None) -> int:
        """The number of the pen that writes text of that style."""
        known = self._of_styles.get(style)
        if known is None:
            assert style is not None
            pen = Pen(
                frozenset(on for on, name in _ON.items() if getattr(style, name)),
                self._parameter(style.color, foreground=True),
                self._parameter(style.bgcolor, foreground=False),
            )
            known = self._of_styles[style] = self._number(pen)
        return known

    def change(self, pen: int, to: int, *, blank: bool) -> tuple[str, int]:
        """What to send before text of a pen, and the number of the pen that the terminal then has.

        Blanks need the pen's background only, so that the terminal may keep another foreground.
        """
        known = self._changes.get((pen, to, blank))
        if known is None:
            known = self._changes[pen, to, blank] = self._change(pen, to, blank=blank)
        return known

    def _change(self, pen: int, to: int, *, blank: bool) -> tuple[str, int]:
        old, new = self._pens[pen], self._pens[to]
        if blank and not new.attributes & _SEEN_ON_BLANKS:
            kept = old.attributes - _SEEN_ON_BLANKS
            new = Pen(kept, old.foreground, new.background)
        fewer, more = old.attributes - new.attributes, new.attributes - old.attributes
        off = {_OFF[attribute] for attribute in fewer}
        again = {kept for kept in old.attributes & new.attributes if _OFF[kept] in off}
        parameters = [*map(str, sorted(off)), *map(str, sorted(more | again))]
        if old.foreground != new.foreground:
            parameters.append(new.foreground)
        if old.background != new.background:
            parameters.append(new.background)
        delta, whole = ";".join(parameters), ";".join(["", *new.parameters])
        sequence = f"\x1b[{min(delta, whole, key=len)}m" if parameters else ""
        return sequence, self._number(new)

    def _number(self, pen: Pen) -> int:
        known = self._numbers.get(pen)
        if known is None:
            known = self._numbers[pen] = len(self._pens)
            self._pens.append(pen)
            self.blanks.append(known)
            if not pen.attributes & _SEEN_ON_BLANKS:
                self.blanks[known] = self._number(Pen(background=pen.background))
        return known

    def _parameter(self, colour: Color | None, *, foreground: bool) -> str:
        if colour is None or colour.is_default:
            return "39" if foreground else "49"
        return ";".join(colour.downgrade(self._depth).get_ansi_codes(foreground))
