"""What the start or the end of a program waits for, in words."""

from collections import Counter
from collections.abc import Sequence

from loopviz.model.names import Naming, parse_site
from loopviz.wire.blocker import CONNECTION, LIFESPAN, REQUEST, RUNS, THREAD, Blocker

__all__ = ["blocker_words"]

SHOWN = 2
"""Of several that are waited for at once, so many are named."""
CODE = 60
"""Characters of a line of code."""


def blocker_words(blockers: Sequence[Blocker], naming: Naming) -> str:
    """``task consume at app.py:41 `await queue.get()` ``; empty without blockers."""
    chains: list[str] = []
    for blocker in blockers:
        words = _words(blocker, naming)
        if blocker.depth and chains:
            chains[-1] += f", which awaits {words}"
        else:
            chains.append(words)
    counts = Counter(chains)
    told = [
        words if count == 1 else f"{words} ({count} times)"
        for words, count in list(counts.items())[:SHOWN]
    ]
    if more := len(counts) - SHOWN:
        told += [f"{more} more"] if more > 0 else []
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}" if told else ""


def _words(blocker: Blocker, naming: Naming) -> str:
    where = _where(blocker.place, naming)
    if blocker.kind == CONNECTION:
        return "a connection that its client keeps open"
    if blocker.kind == RUNS:
        return f"{where}, which blocks the loop"
    what = {
        LIFESPAN: "the lifespan",
        REQUEST: f"a request in {blocker.name}",
        THREAD: f"the thread {blocker.name}",
    }.get(blocker.kind, f"the task {blocker.name}")
    return f"{what} at {where}" if where else what


def _where(place: str, naming: Naming) -> str:
    """``app.py:41 `await queue.get()` ``."""
    if not place:
        return ""
    site, location = parse_site(place), naming.location(place)
    code = naming.line(site.path, site.line).strip()
    code = f"{code[:CODE]}…" if len(code) > CODE else code
    return f"{location.file}:{location.line}" + (f" `{code}`" if code else "")
