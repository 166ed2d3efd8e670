"""The entries of the list: findings, and counters that ought to stay 0."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.style import Style

from loopviz.clock import SECOND
from loopviz.model.snapshot import CounterValue, Finding
from loopviz.output import lowered
from loopviz.tui.draw.text import cell_width, clean, duration, elapsed
from loopviz.tui.panels.histogram import compact
from loopviz.tui.panels.places import file_line
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import Column
from loopviz.tui.state.view_state import Key

__all__ = ["COLUMNS", "Entry", "columns_for", "entries", "seen_text"]

_WORDS = ("ERROR", "counter", "warning", "over")
PLACE_CELLS, MAX_NAME_CELLS = 14, 26
"""The narrowest place column, and the widest columns of places and findings."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row; a finding or a counter."""

    key: Key
    word: str
    """Its state: `ERROR`, `warning`, `counter`; `over` if it was not seen lately."""
    title: str
    last: str
    """The time since it was last seen."""
    finding: Finding | None = None
    counter: CounterValue | None = None

    @property
    def over(self) -> bool:
        return self.word == "over"

    @property
    def ended(self) -> str:
        """`ended 12 s ago`, or that a counter no longer rises; empty for what goes on."""
        if not self.over:
            return ""
        if self.finding is None:
            return "no longer rises"
        return f"ended {self.last.removesuffix(' ago')} ago"


def entries(scene: Scene) -> list[Entry]:
    """Worst first: errors, counters that rise, warnings; then what is over.

    What happened once comes after the scenario's own counters.
    """
    snapshot = scene.snapshot
    if snapshot is None:
        return []
    found = [_of_finding(finding, scene) for finding in snapshot.findings]
    found += [
        _of_counter(counter) for counter in snapshot.counters if counter.bad and counter.value
    ]
    return sorted(found, key=_rank)


def _rank(entry: Entry) -> int:
    if entry.word == "ERROR" and entry.finding is not None and entry.finding.once:
        return _WORDS.index("warning")
    return _WORDS.index(entry.word)


def seen_text(last_ns: int, scene: Scene) -> str:
    """`now`, `12 s ago`, `3 min`: before this moment, or before the freeze."""
    ago = (scene.frozen_at_ns or scene.end_ns) - last_ns
    if ago < 2 * SECOND:
        return "now"
    return f"{elapsed(ago)} ago" if ago < 100 * SECOND else elapsed(ago)


def _of_finding(finding: Finding, scene: Scene) -> Entry:
    where = finding.location
    place = (where.path, where.line, where.function) if where else finding.sentence
    word = "ERROR" if finding.severity == "error" else "warning"
    return Entry(
        (finding.rule, place),
        "over" if scene.is_stale(finding) else word,
        lowered(clean(finding.title)),
        seen_text(finding.last_ns, scene),
        finding,
    )


def _of_counter(counter: CounterValue) -> Entry:
    rises = counter.recent > 0
    last = "now" if rises else "earlier"
    word = "counter" if rises else "over"
    return Entry(("counter", counter.key), word, clean(counter.title), last, counter=counter)


def _place(entry: Entry) -> str:
    """`block.py:64`."""
    return file_line(entry.finding.location if entry.finding else None) or "-"


def _count(entry: Entry) -> str:
    of = entry.finding.count if entry.finding else entry.counter.value if entry.counter else 0
    return compact(of)


def _worst(entry: Entry) -> str:
    return duration(entry.finding.worst_ns) if entry.finding and entry.finding.worst_ns else "-"


def _victims(entry: Entry) -> str:
    return compact(entry.finding.victims) if entry.finding and entry.finding.victims else "-"


def _heat(entry: Entry, scene: Scene) -> Style:
    theme = scene.theme
    if entry.over:
        return theme.dim
    return theme.warm if entry.word == "warning" else theme.alarm


def _calm(entry: Entry, scene: Scene) -> Style:
    return scene.theme.dim if entry.over else scene.theme.text


COLUMNS = (
    Column(
        "state",
        7,
        lambda entry: entry.word,
        "ERROR; warning; counter: the endpoints count what no rule sees; over: not seen lately",
        _heat,
        left=True,
    ),
    Column("finding", 16, lambda entry: entry.title, "what is wrong", _calm, left=True, wide=True),
    Column("place", PLACE_CELLS, _place, "the culprit's line", _calm, left=True, spare=1),
    Column("count", 5, _count, "how often it happened", _calm),
    Column("worst", 6, _worst, "how long it took at its worst", _calm, spare=2),
    Column("victims", 7, _victims, "requests that waited for it", _calm, spare=3),
    Column("seen", 8, lambda entry: entry.last, "when it was seen last", _calm, left=True),
)


def columns_for(found: Sequence[Entry]) -> tuple[Column, ...]:
    """The columns, with room for the longest names."""
    names = max((cell_width(entry.title) for entry in found), default=0)
    places = max((cell_width(_place(entry)) for entry in found), default=0)
    sizes = {"finding": min(names, MAX_NAME_CELLS), "place": min(places, MAX_NAME_CELLS)}
    return tuple(replace(c, width=max(c.width, sizes.get(c.title, 0))) for c in COLUMNS)
