"""The names of what is on the screen: each run of cells by the attribute of `Theme` it was made of.

    1: bar_brand*9 badge_live*6 bar*65
    5: text*15 -/ready ready*3 ready/run text*60

A style that no attribute has is an error: colours are chosen in the palette, nowhere else. Some
attributes look the same; the one that tells a state goes first. `a/b` is a cell that two share.
"""

from collections.abc import Iterable
from itertools import groupby, product

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import State
from loopviz.tui.draw.palette import Theme

__all__ = ["StyleNames"]

FIRST = ("text", "run", "ready", "waiting", "blocking", "bang")


class StyleNames:
    """Names the styles of one theme."""

    def __init__(self, theme: Theme) -> None:
        self._names: dict[tuple, list[str]] = {}
        known = vars(theme)
        for name in sorted(known, key=lambda name: (name not in FIRST, name.startswith("_"))):
            self._learn(name, known[name])
        for left, right in product((None, *State), repeat=2):
            words = [state.name.lower() if state else "-" for state in (left, right)]
            self._learn("/".join(words), theme.edge(left, right))
        for state in State:
            self._learn(f"of({state.name.lower()})", theme.of(state))

    def all_of(self, style: Style) -> list[str]:
        """Every attribute that looks like this."""
        looks_like = _key(style)
        if looks_like in self._names:
            return self._names[looks_like]
        colours, marks = looks_like[:2], looks_like[2:]
        added = "+".join(word for word, on in zip(MARKS, marks, strict=True) if on)
        for (*known, bold, italic, under, turned), names in self._names.items():
            if tuple(known) == colours and not italic and not under:
                missing = (bold and not marks[0]) or (turned and not marks[3])
                if not missing:
                    return [f"{name}+{added}" for name in names]
        raise AssertionError(f"a style of no name: {style!r}")

    def runs(self, strip: Strip) -> Iterable[tuple[str, int]]:
        """Name and width of each run of the row."""
        cells = [
            (self.all_of(segment.style)[0] if segment.style else "-", segment.cell_length)
            for segment in strip
            if segment.cell_length
        ]
        for name, same in groupby(cells, lambda cell: cell[0]):
            yield name, sum(wide for _, wide in same)

    def dump(self, strips: Iterable[Strip]) -> str:
        """A line for each row that is more than plain text."""
        lines = []
        for number, strip in enumerate(strips, 1):
            runs = [name if wide == 1 else f"{name}*{wide}" for name, wide in self.runs(strip)]
            if len(runs) > 1 or not runs[0].startswith("text"):
                lines.append(f"{number}: {' '.join(runs)}")
        return "\n".join(lines) + "\n"

    def _learn(self, name: str, value: object) -> None:
        if isinstance(value, Style):
            self._names.setdefault(_key(value), []).append(name)
        elif isinstance(value, tuple | list):
            for place, each in enumerate(value):
                self._learn(f"{name}[{place}]", each)
        elif isinstance(value, dict):
            for key, each in value.items():
                self._learn(f"{name}[{getattr(key, 'name', key)}]", each)


MARKS = ("bold", "italic", "underline", "reverse")


def _key(style: Style) -> tuple:
    marks = tuple(bool(getattr(style, mark)) for mark in MARKS)
    return (style.color, style.bgcolor, *marks)
