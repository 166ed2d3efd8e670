"""Durations and sizes as text, in one form for each place."""

from loopviz.clock import MS, SECOND

__all__ = ["duration", "duration_text", "elapsed", "exact", "size_text", "took", "unit_of"]

_UNITS = ((SECOND, "s"), (MS, "ms"), (1_000, "µs"))


def duration(ns: int, space: str = "") -> str:
    """A duration in a cell: `0.4ms`, `212ms`, `1.3s`; `space` goes before the unit."""
    ms = ns / MS
    if ms < 9.95:
        return f"{ms:.1f}{space}ms"
    if ms < 999.5:
        return f"{ms:.0f}{space}ms"
    return f"{ms / 1000:.1f}{space}s" if ms < 99_950 else f"{ms / 1000:.0f}{space}s"


def took(ns: int, space: str = "") -> str:
    """A duration in a cell that tells short from zero: `0`, `<0.1ms`, then as `duration`."""
    if 0 < ns < MS // 20:
        return f"<0.1{space}ms"
    return duration(ns, space) if ns else "0"


def elapsed(ns: int) -> str:
    """Elapsed time in whole seconds or minutes: `12 s`, `3 min`."""
    seconds = max(0, ns) // SECOND
    return f"{seconds} s" if seconds < 100 else f"{seconds // 60} min"


def unit_of(ns: int, *, smallest_ns: int = 1_000) -> tuple[int, str]:
    """The unit for a round time, at least `smallest_ns`: its nanoseconds and its name."""
    return next((size, unit) for size, unit in _UNITS if ns >= size or size == smallest_ns)


def exact(ns: int, *, smallest_ns: int = 1_000) -> str:
    """A round time in full: `100µs`, `2ms`, `1s`; `0.1ms` with `smallest_ns=MS`."""
    size, unit = unit_of(ns, smallest_ns=smallest_ns)
    return f"{ns / size:g}{unit}"


def duration_text(ns: int) -> str:
    """A duration in a sentence, to the millisecond: `50 ms`, `1.9 s`."""
    return f"{ns / MS:.0f} ms" if ns < SECOND else f"{ns / SECOND:.1f} s"


def size_text(size: int) -> str:
    """A size in a sentence: `340 bytes`, `60 kB`, `1.2 MB`, `12 MB`."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return (
                f"{size / unit:.1f} {name}" if size < 9.95 * unit else f"{size / unit:.0f} {name}"
            )
    return f"{size} bytes"
