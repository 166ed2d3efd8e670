"""Texts that are too long: they lose whole clauses, so that what is left can be read."""

import re

from loopviz.tui.draw.text import cell_width, wrap

__all__ = ["shortened", "wrap_within"]

_CLAUSE = re.compile(r"(?=; | # |, each |: | in (?!a row|all\b|total\b)|, )")
"""Before each clause."""

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


def _closed(text: str) -> bool:
    """True if no bracket or quote is left open, so no code is torn."""
    return text.count('"') % 2 == 0 and all(text.count(a) == text.count(b) for a, b in _PAIRS)
