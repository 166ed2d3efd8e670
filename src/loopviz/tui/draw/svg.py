"""Rows of cells as an SVG: small, exact, and nothing is fetched.

A cell is 8 × 16. Text stands where its cells are, whatever the font (`textLength`). Grounds,
blocks, shades and lines are drawn as shapes, so that rows touch. Equal input gives equal text.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from rich.cells import cell_len
from rich.color import Color, ColorType
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME
from textual.strip import Strip

__all__ = ["CELL", "StyleSheet", "SvgRow", "svg_document", "svg_picture"]

CELL = (8, 16)
_BASE = 12
"""The baseline of letters in a row."""
_FONT = "13.33px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_TEXT, _GROUND = "#cdd2d8", "#101317"
"""The colours that stand for a terminal's own."""

_FROM_BELOW = "▁▂▃▄▅▆▇"
_FROM_LEFT = "▏▎▍▌▋▊▉"
_SHADES = "░▒▓"
_ARMS = {
    # left, right, up, down; 2: double
    "─": (1, 1, 0, 0), "│": (0, 0, 1, 1), "╭": (0, 1, 0, 1), "╮": (1, 0, 0, 1),
    "╰": (0, 1, 1, 0), "╯": (1, 0, 1, 0), "┌": (0, 1, 0, 1), "┐": (1, 0, 0, 1),
    "└": (0, 1, 1, 0), "┘": (1, 0, 1, 0), "├": (0, 1, 1, 1), "┤": (1, 0, 1, 1),
    "┬": (1, 1, 0, 1), "┴": (1, 1, 1, 0), "┼": (1, 1, 1, 1), "╴": (1, 0, 0, 0),
    "╶": (0, 1, 0, 0), "╵": (0, 0, 1, 0), "╷": (0, 0, 0, 1), "═": (2, 2, 0, 0),
}  # fmt: skip
"""Box drawing: lines from the middle of the cell to its sides."""


class Ink(NamedTuple):
    """A style as it is drawn."""

    color: str
    ground: str
    bold: bool
    underline: bool


class SvgCell(NamedTuple):
    """A character where it stands."""

    x: int
    char: str
    ink: Ink
    wide: int


class SvgRow(NamedTuple):
    """One row of a picture: shapes below, text above them."""

    shapes: str
    text: str


class StyleSheet:
    """The classes and patterns that rows are drawn with; rows of one picture share it."""

    def __init__(self, text: str = _TEXT, ground: str = _GROUND) -> None:
        """The colours of the terminal itself."""
        self.text, self.ground = text, ground
        self._classes: dict[tuple[str, str, bool, bool], str] = {}
        self._shades: dict[tuple[str, str], str] = {}
        self._inks: dict[Style | None, Ink] = {}

    def row(self, strip: Strip, y: int) -> SvgRow:
        """The strip as row number `y`."""
        cells = list(self._cells(strip))
        top = y * CELL[1]
        shapes = _Shapes(self, top)
        words: list[str] = []
        for x, char, ink, _ in cells:
            shapes.cell(x, char, ink)
        for _, run in groupby(_joined(cells), itemgetter(0)):
            words.append(self._words([cell for _, cell in run], top))
        return SvgRow(shapes.svg(), "".join(words))

    def style(self) -> str:
        """The style sheet and the patterns: to be asked for after all rows."""
        rules = [f"text{{font:{_FONT};white-space:pre;fill:{self.text}}}"]
        rules.append("path{shape-rendering:crispEdges}")
        for (kind, color, bold, underline), name in self._classes.items():
            if kind == "text":
                more = ";font-weight:700" if bold else ""
                more += ";text-decoration:underline" if underline else ""
                rules.append(f".{name}{{fill:{color}{more}}}")
            else:
                draw = f"url(#{self._shades[kind, color]})" if kind in _SHADES else color
                rules.append(f".{name}{{stroke:{draw};stroke-width:16}}" if kind == "band" else "")
                rules.append(f".{name}{{fill:{draw}}}" if kind != "band" else "")
        patterns = [_pattern(name, *key) for key, name in self._shades.items()]
        return f"<style>{''.join(rules)}</style><defs>{''.join(patterns)}</defs>"

    def named(self, kind: str, color: str, *, bold: bool = False, underline: bool = False) -> str:
        """The class of a shape or text of that kind and colour."""
        if kind in _SHADES:
            self._shades.setdefault((kind, color), f"p{len(self._shades)}")
        key = (kind, color, bold, underline)
        return self._classes.setdefault(key, _short(len(self._classes)))

    def _cells(self, strip: Strip) -> Iterator[SvgCell]:
        x = 0
        for text, style, control in strip:
            if control:
                continue
            ink = self._ink(style)
            for char in text:
                wide = cell_len(char)
                if wide:
                    yield SvgCell(x, char, ink, wide)
                x += wide

    def _ink(self, style: Style | None) -> Ink:
        if style not in self._inks:
            front = _hex(style.color if style else None, self.text, foreground=True)
            back = _hex(style.bgcolor if style else None, self.ground, foreground=False)
            if style and style.reverse:
                front, back = back, front
            self._inks[style] = Ink(
                front, back, bool(style and style.bold), bool(style and style.underline)
            )
        return self._inks[style]

    def _words(self, cells: list[SvgCell], top: int) -> str:
        while not cells[-1][2].underline and cells[-1][1] == " ":
            cells.pop()
        x, _, ink, _ = cells[0]
        last_x, _, _, last_wide = cells[-1]
        long = (last_x + last_wide - x) * CELL[0]
        words = escape("".join(char for _, char, _, _ in cells), quote=False)
        plain = ink.color == self.text and not ink.bold and not ink.underline
        name = self.named("text", ink.color, bold=ink.bold, underline=ink.underline)
        of = "" if plain else f' class="{name}"'
        exact = f' textLength="{long}"' if len(cells) > 1 else ""
        return f'<text x="{x * CELL[0]}" y="{top + _BASE}"{of}{exact}>{words}</text>'


def svg_picture(strips: Sequence[Strip], text: str = _TEXT, ground: str = _GROUND) -> str:
    """The strips below each other, as an SVG document."""
    sheet = StyleSheet(text, ground)
    rows = [sheet.row(strip, y) for y, strip in enumerate(strips)]
    body = "".join(row.shapes for row in rows) + "\n" + "\n".join(row.text for row in rows)
    wide = max((strip.cell_length for strip in strips), default=0)
    return svg_document(sheet, body, wide, len(strips))


def svg_document(sheet: StyleSheet, body: str, columns: int, rows: int) -> str:
    """The document: a ground with round corners, and the body in it."""
    wide, high = columns * CELL[0] + 16, rows * CELL[1] + 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" '
        f'viewBox="0 0 {wide} {high}" width="{wide}">'
        f"{sheet.style()}"
        f'<rect width="{wide}" height="{high}" rx="6" fill="{sheet.ground}"/>'
        f'<g transform="translate(8 8)">\n{body}\n</g></svg>\n'
    )


class _Shapes:
    """The grounds, blocks, shades and lines of a row, one path for each style."""

    def __init__(self, sheet: StyleSheet, top: int) -> None:
        self._sheet, self._top = sheet, top
        self._bands: dict[str, list[tuple[int, int]]] = {}
        self._paths: dict[tuple[str, str], list[str]] = {}

    def cell(self, x: int, char: str, ink: Ink) -> None:
        left, top = x * CELL[0], self._top
        if ink.ground != self._sheet.ground and char != "█":
            self._band(ink.ground, left, CELL[0])
        if char == "█":
            self._band(ink.color, left, CELL[0])
        elif char in _FROM_LEFT:
            self._band(ink.color, left, _FROM_LEFT.index(char) + 1)
        elif char == "▐":
            self._band(ink.color, left + 4, 4)
        elif char in _FROM_BELOW:
            high = 2 * (_FROM_BELOW.index(char) + 1)
            self._rect("fill", ink.color, left, top + 16 - high, 8, high)
        elif char == "▀":
            self._rect("fill", ink.color, left, top, 8, 8)
        elif char in _SHADES:
            self._rect(char, ink.color, left, top, 8, 16)
        elif char in _ARMS:
            self._lines(_ARMS[char], ink.color, left, top)

    def svg(self) -> str:
        parts = []
        for color, bands in self._bands.items():
            name = self._sheet.named("band", color)
            data, pen = f"M{bands[0][0]} {self._top + 8}", bands[0][0]
            for left, wide in bands:
                data += f"m{left - pen} 0" if left != pen else ""
                data += f"h{wide}"
                pen = left + wide
            parts.append(f'<path class="{name}" d="{data}"/>')
        for (kind, color), pieces in self._paths.items():
            parts.append(f'<path class="{self._sheet.named(kind, color)}" d="{"".join(pieces)}"/>')
        return "".join(parts)

    def _band(self, color: str, left: int, wide: int) -> None:
        """Add a band as high as the row. Neighbours are joined."""
        bands = self._bands.setdefault(color, [])
        if bands and sum(bands[-1]) == left:
            bands[-1] = (bands[-1][0], bands[-1][1] + wide)
        else:
            bands.append((left, wide))

    def _rect(self, kind: str, color: str, left: int, top: int, wide: int, high: int) -> None:
        pieces = self._paths.setdefault((kind, color), [])
        before = f"M{left - wide} {top}h{wide}v{high}h-{wide}z"
        if kind in _SHADES and pieces and pieces[-1].startswith("M"):
            start, _, rest = pieces[-1].partition("h")
            long = int(rest.partition("v")[0])
            if int(start[1:].split()[0]) + long == left:
                pieces[-1] = f"{start}h{long + wide}v{high}h-{long + wide}z"
                return
        if pieces and pieces[-1] == before:
            pieces[-1] = f"M{left - wide} {top}h{2 * wide}v{high}h-{2 * wide}z"
            return
        pieces.append(f"M{left} {top}h{wide}v{high}h-{wide}z")

    def _lines(self, arms: tuple[int, ...], color: str, left: int, top: int) -> None:
        west, east, north, south = arms
        if west or east:
            start, end = (0 if west else 4), (8 if east else 5)
            for y in (6, 9) if west == 2 else (8,):
                self._rect("fill", color, left + start, top + y, end - start, 1)
        if north or south:
            start, end = (0 if north else 8), (16 if south else 9)
            self._rect("fill", color, left + 4, top + start, 1, end - start)


def _joined(cells: Iterable[SvgCell]) -> Iterator[tuple[int, SvgCell]]:
    """Cells that are text, with the number of their run: one style, no more than a space apart."""
    run, before_x, spaces = 0, -1, 0
    before_ink: Ink | None = None
    for cell in cells:
        x, char, ink, wide = cell
        drawn = char in _SHADES or char in _ARMS or char in _FROM_BELOW or char in _FROM_LEFT
        if drawn or char in "█▐▀":
            continue
        if char == " " and not ink.underline:
            spaces += 1
            if x == before_x and ink == before_ink and spaces < 3:
                yield run, cell
                before_x = x + wide
            continue
        if x != before_x or ink != before_ink:
            run += 1
        yield run, cell
        before_x, before_ink, spaces = x + wide, ink, 0


def _hex(color: Color | None, default: str, *, foreground: bool) -> str:
    if color is None or color.type == ColorType.DEFAULT:
        return default
    red, green, blue = color.get_truecolor(SVG_EXPORT_THEME, foreground=foreground)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _short(number: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return letters[number] if number < 26 else letters[number // 26 - 1] + letters[number % 26]


def _pattern(name: str, kind: str, color: str) -> str:
    """A shade: a quarter, half or three quarters of the dots."""
    dots = {"░": "M0 0h1v1h-1z", "▒": "M0 0h1v1h-1zM1 1h1v1h-1z", "▓": "M0 0h2v1h-1v1h-1z"}[kind]
    return (
        f'<pattern id="{name}" width="2" height="2" patternUnits="userSpaceOnUse">'
        f'<path d="{dots}" fill="{color}"/></pattern>'
    )
