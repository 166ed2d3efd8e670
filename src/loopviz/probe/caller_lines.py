"""Lines of the user's code that call a patched primitive, as numbers of interned places."""

from collections.abc import Callable
from types import CodeType, FrameType

from loopviz.probe.places import PLACES, USER

__all__ = ["CallerLines"]


class CallerLines:
    """The place of each instruction of the user's that was met, in one ring's strings."""

    def __init__(self, intern: Callable[[str], int]) -> None:
        self._intern = intern
        self._places: dict[tuple[int, int], int] = {}
        self._kept: list[CodeType] = []
        """Keeps the code objects alive whose ids are keys."""

    def of(self, frame: FrameType | None) -> int:
        """The place at which the frame is; 0 for None."""
        if frame is None:
            return 0
        known = self._places.get((id(frame.f_code), frame.f_lasti))
        return self._add(frame) if known is None else known

    def near(self, frame: FrameType | None) -> int:
        """The place of that frame or one of the next two outwards; 0 if none is the user's.

        A quick look on the way to a unit that is free: further out may be any number of frames.
        """
        kinds = PLACES.kinds
        for _ in range(3):
            if frame is None:
                return 0
            code = frame.f_code
            if (kinds.get(id(code)) or PLACES.kind(code)) == USER:
                return self._places.get((id(code), frame.f_lasti)) or self._add(frame)
            frame = frame.f_back
        return 0

    def _add(self, frame: FrameType) -> int:
        code = frame.f_code
        self._kept.append(code)
        text = f"\t{code.co_filename}\t{frame.f_lineno}\t{code.co_qualname}"
        place = self._places[id(code), frame.f_lasti] = self._intern(text)
        return place
