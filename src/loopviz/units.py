"""Durations in the forms in which they are shown, one for each place."""

from loopviz.clock import MS, SECOND

__all__ = ["duration", "duration_text", "took"]


def duration(ns: int, space: str = "") -> str:
    """In a cell: `0.4ms`, `212ms`, `1.3s`; `space` goes between the figure and its unit."""
    ms = ns / MS
    if ms < 9.95:
        return f"{ms:.1f}{space}ms"
    if ms < 999.5:
        return f"{ms:.0f}{space}ms"
    return f"{ms / 1000:.1f}{space}s" if ms < 99_950 else f"{ms / 1000:.0f}{space}s"


def took(ns: int) -> str:
    """In a cell, where short is not nothing: `0`, `<0.1ms`, `0.1ms`, then as `duration`."""
    if 0 < ns < MS // 20:
        return "<0.1ms"
    return duration(ns) if ns else "0"


def duration_text(ns: int) -> str:
    """In a sentence, to the millisecond: `50 ms`, `1.9 s`."""
    return f"{ns / MS:.0f} ms" if ns < SECOND else f"{ns / SECOND:.1f} s"
