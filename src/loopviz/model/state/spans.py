"""Compact sequences, of which very many are kept."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

from loopviz.model.snapshot.types import Span, State

__all__ = ["LazyTuple", "Spans"]

_STATES = (State.RUN, *State)

T = TypeVar("T")


class Spans(Sequence[Span]):
    """Spans without gaps, oldest first: span i is in `states[i]` until `times[i]`.

    It does not change, and is equal to any sequence of the same spans.
    """

    __slots__ = ("start_ns", "states", "times")

    def __init__(self, start_ns: int, times: "array[int]", states: bytes) -> None:
        """`times` and `states` may not change afterwards."""
        self.start_ns = start_ns
        self.times = times
        self.states = states

    def __len__(self) -> int:
        return len(self.states)

    def __iter__(self) -> Iterator[Span]:
        start = self.start_ns
        for end, state in zip(self.times, self.states, strict=True):
            yield start, end, _STATES[state]
            start = end

    @overload
    def __getitem__(self, index: int) -> Span: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Span, ...]: ...

    def __getitem__(self, index: int | slice) -> Span | tuple[Span, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        state, end = self.states[index], self.times[index]
        before = index % len(self.states) - 1
        return self.times[before] if before >= 0 else self.start_ns, end, _STATES[state]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def until(self, end_ns: int, slow_ns: int) -> "Spans":
        """The spans as known at `end_ns`: a step that had not lasted `slow_ns` was not slow."""
        last = bisect_left(self.times, end_ns)
        if last == len(self.times):
            return self
        times, states = self.times[: last + 1], bytearray(self.states[: last + 1])
        times[last] = end_ns
        start = times[last - 1] if last else self.start_ns
        if states[last] in (State.BLOCKING, State.GIL) and end_ns - start < slow_ns:
            states[last] = State.RUN
        return Spans(self.start_ns, times, bytes(states))


class LazyTuple(Sequence[T], Generic[T]):
    """A tuple made on first use, from something that does not change."""

    __slots__ = ("_made", "_make", "_of")

    def __init__(self, make: Callable[[Any], tuple[T, ...]], of: object) -> None:
        self._make, self._of = make, of
        self._made: tuple[T, ...] | None = None

    @property
    def _items(self) -> tuple[T, ...]:
        if self._made is None:
            self._made = self._make(self._of)
            self._of = None
        return self._made

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...

    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        return self._items[index]

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._items == tuple(other)

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return repr(self._items)
