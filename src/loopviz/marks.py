"""Marks and spans that a program puts into its own code; nothing happens while nobody watches."""

from contextlib import AbstractContextManager
from typing import Protocol

__all__ = ["Watcher", "mark", "span", "watch"]


class Watcher(Protocol):
    """What records them; no method raises."""

    def mark(self, text: str) -> None:
        """Record a mark, in any thread."""

    def span(self, name: str, *, begins: bool) -> None:
        """Record the beginning or the end of a span, in any thread."""


_watcher: Watcher | None = None


def watch(watcher: Watcher | None) -> None:
    """Let it record from now on; None: nobody does."""
    global _watcher  # noqa: PLW0603 - a global is the cheapest to look at
    _watcher = watcher


def mark(text: str) -> None:
    """Mark this moment on the timeline: `loopviz.mark("deploy")`. In any thread."""
    if _watcher is not None:
        _watcher.mark(text)


def span(name: str) -> AbstractContextManager[None]:
    """A phase of the request that runs it: `with loopviz.span("render"):`. In any thread.

    Spans may be nested, and hold an `await`. Outside of a request nothing is recorded.
    """
    return _NOTHING if _watcher is None else _Span(_watcher, name)


class _Nothing(AbstractContextManager[None]):
    __slots__ = ()

    def __exit__(self, *_: object) -> None:
        pass


class _Span(AbstractContextManager[None]):
    __slots__ = ("_name", "_watcher")

    def __init__(self, watcher: Watcher, name: str) -> None:
        self._watcher, self._name = watcher, name

    def __enter__(self) -> None:
        self._watcher.span(self._name, begins=True)

    def __exit__(self, *_: object) -> None:
        self._watcher.span(self._name, begins=False)


_NOTHING = _Nothing()
