"""Texts that are too long: they lose whole clauses, so that what is left can be read."""

import re

from loopviz.tui.draw.text import cell_width, fit, wrap

__all__ = ["shortened", "wrap_code", "wrap_within"]

_CLAUSE = re.compile(r"(?=; | # |, each |: | in (?!a row|all\b|total\b)|, )")
"""Before each clause."""

SHORT_CELLS = 16
"""Words of code up to this long stay whole."""

_AFTER_BRACKETS = re.compile(r"(?<=[(\[{])(?=[^)\]}])")
_BEFORE_DOTS = re.compile(r"(?<=[\w)\]])(?=\.[A-Za-z_])")
"""Where a line of code may be broken, beside its spaces; at dots only if nothing else helps."""

_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))


def wrap_within(text: str, rows: int, width: int) -> list[str]:
    """The text wrapped, if it fits on that many rows; else nothing."""
    lines = wrap(text, width)
    return lines if len(lines) <= rows else []


def shortened(text: str, rows: int, width: int, more: str) -> list[str]:
    """The first clauses, as many as fit on that many rows. The first one is cut if need be."""
    if rows < 1:
        return []
    if lines := wrap_within(text, rows, width):
        return lines
    ends = [found.start() for found in reversed([*_CLAUSE.finditer(text)])]
    for end in ends:
        clauses = text[:end].rstrip(" ,:;")
        if clauses and _closed(clauses) and (lines := wrap_within(clauses, rows, width)):
            return lines
    lines = wrap(text, width - cell_width(more))
    return [*lines[: rows - 1], f"{lines[rows - 1]}{more}"]


def wrap_code(text: str, rows: int, width: int, more: str) -> list[str]:
    """Code on that many rows at most, broken between its words; what does not fit ends in `more`.

    Rows after the first are indented by two cells.
    """
    lines: list[str] = []
    line = ""
    for atom in _atoms(text, width - 2):
        joined = line + atom
        if cell_width(joined.rstrip()) <= width or not line.strip():
            line = joined
        else:
            lines.append(line.rstrip())
            line = f"  {atom.lstrip()}"
    lines.append(line.rstrip())
    if len(lines) > rows:
        last = " ".join((lines[rows - 1], *(line.strip() for line in lines[rows:])))
        lines = [*lines[: rows - 1], last]
    return [fit(line, min(cell_width(line), width), more) for line in lines]


def _atoms(text: str, width: int) -> list[str]:
    """The parts that stay whole, each with the spaces before it."""
    atoms = []
    for word in re.findall(r"\s*\S+", text):
        for part in _AFTER_BRACKETS.split(word) if cell_width(word) > SHORT_CELLS else (word,):
            atoms += [part] if cell_width(part) <= width else _BEFORE_DOTS.split(part)
    return atoms


def _closed(text: str) -> bool:
    """True if no bracket or quote is left open, so no code is torn."""
    return text.count('"') % 2 == 0 and all(text.count(a) == text.count(b) for a, b in _PAIRS)
