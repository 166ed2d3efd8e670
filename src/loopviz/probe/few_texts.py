"""Texts that a program makes without end: a ring has room for some of them only."""

__all__ = ["FewTexts"]


class FewTexts:
    """Keeps the first `most` different texts; in place of a further one comes another."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: set[str] = set()

    def keep(self, text: str, instead: str) -> str:
        """The text, or `instead` if there are too many."""
        if text not in self._kept:
            if len(self._kept) >= self._most:
                return instead
            self._kept.add(text)
        return text
