"""What a program says of itself in a run: its marks and log records, counted by their text."""

from collections.abc import Iterator
from dataclasses import dataclass

from loopviz.model.snapshot import Mark

__all__ = ["SaidSums", "SaidTable"]

TEXTS = 100
"""How many different texts are kept; those of further ones are not."""
OTHERS = "…"


@dataclass(slots=True)
class SaidSums:
    """One text: how often it was said, and when."""

    mark: Mark
    """The first one."""
    count: int
    last_ns: int


class SaidTable:
    """In the order in which they were first said."""

    def __init__(self) -> None:
        self._by_text: dict[tuple[str, str, str], SaidSums] = {}

    def begin(self) -> None:
        """The run's counts begin anew."""
        self._by_text.clear()

    def add(self, mark: Mark) -> None:
        """Count what was said."""
        key = mark.kind, mark.level, mark.text
        if key not in self._by_text and len(self._by_text) >= TEXTS:
            key = mark.kind, mark.level, OTHERS
        sums = self._by_text.get(key)
        if sums is None:
            self._by_text[key] = SaidSums(mark, 1, mark.at_ns)
        else:
            sums.count += 1
            sums.last_ns = max(sums.last_ns, mark.at_ns)

    def items(self) -> Iterator[tuple[tuple[str, str, str], SaidSums]]:
        """`(kind, level, text)` of each, `…` for all that were not kept, and its sums."""
        yield from self._by_text.items()
