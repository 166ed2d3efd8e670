"""Texts that are too long: they lose whole clauses, so that what is left can be read."""

import re
from collections.abc import Sequence

from loopviz.tui.draw.text import cell_width, fit, wrap

__all__ = ["shortened", "wrap_code", "wrap_within"]

_CLAUSE = re.compile(r"(?=; | # |: | in (?!a row|all\b|total\b)|, )")
"""Before each clause."""

SHORT_CELLS = 16
"""Words of code up to this long stay whole."""

_AFTER_BRACKETS = re.compile(r"(?<=[(\[{])(?=[^)\]}.])")
_BEFORE_DOTS = re.compile(r"(?<=[\w)\]])(?=\.[A-Za-z_])")
"""Where a line of code may be broken, beside its spaces; at dots only if nothing else helps."""

_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"))


def wrap_within(text: str, rows: int, width: int) -> list[str]:
    """The text wrapped, if it fits on that many rows; else nothing."""
    lines = wrap(text, width)
    return lines if len(lines) <= rows else []


def shortened(text: str, rows: int, width: int, more: str, *, silent: bool = False) -> list[str]:
    """The first clauses, as many as fit on that many rows, then `more`: the rest is left out.

    The first one is cut if need be. `silent`: what is left out is only detail, and not told.
    """
    if rows < 1:
        return []
    if lines := wrap_within(text, rows, width):
        return lines
    end_mark = "" if silent else more
    ends = [found.start() for found in reversed([*_CLAUSE.finditer(text)])]
    for end in ends:
        clauses = text[:end].rstrip(" ,:;")
        if clauses and _closed(clauses) and (lines := wrap_within(clauses + end_mark, rows, width)):
            return lines
    lines = wrap(text, width - cell_width(more))
    return [*lines[: rows - 1], f"{lines[rows - 1]}{more}"]


def wrap_code(text: str, rows: int, width: int, more: str) -> list[str]:
    """Code on that many rows at most, broken between its words; what does not fit ends in `more`.

    Words are broken at brackets only where that saves a row. Rows after the first are indented by
    two cells.
    """
    if cell_width(text) <= width:
        return [text]
    words = re.findall(r"\s*\S+", text)
    lines = _filled(_atoms(words, width - 2), width)
    if all(cell_width(word.strip()) <= width - 2 for word in words):
        whole = _filled(words, width)
        lines = whole if len(whole) <= len(lines) else lines
    if len(lines) > rows:
        lines = [*lines[: rows - 1], "".join(lines[rows - 1 :])]
    texts = [line.rstrip() for line in lines]
    texts = [texts[0], *(f"  {text.lstrip()}" for text in texts[1:])]
    return [fit(text, min(cell_width(text), width), more) for text in texts]


def _filled(parts: Sequence[str], width: int) -> list[str]:
    """The parts in rows; all but the first have room for two cells less."""
    lines: list[str] = []
    for part in parts:
        room = width if len(lines) < 2 else width - 2
        if lines and cell_width((lines[-1] + part).strip()) <= room:
            lines[-1] += part
        else:
            lines.append(part)
    return lines


def _atoms(words: Sequence[str], width: int) -> list[str]:
    """The parts that stay whole, each with the spaces before it."""
    atoms = []
    for word in words:
        for part in _AFTER_BRACKETS.split(word) if cell_width(word) > SHORT_CELLS else (word,):
            atoms += [part] if cell_width(part) <= width else _BEFORE_DOTS.split(part)
    return atoms


def _closed(text: str) -> bool:
    """True if no bracket or quote is left open, so no code is torn."""
    return text.count('"') % 2 == 0 and all(text.count(a) == text.count(b) for a, b in _PAIRS)
