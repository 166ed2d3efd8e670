"""A clock that goes on only when it is told to."""

__all__ = ["VirtualClock"]


class VirtualClock:
    """Call it for the time in nanoseconds. A `loopviz.clock.Clock`.

    It starts at 1024 s, where half, quarter and eighth seconds are exact as floats, too.
    """

    def __init__(self, now_ns: int = 1024 * 10**9) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, ns: int) -> None:
        """Let time pass. Raises ValueError for a negative time."""
        if ns < 0:
            raise ValueError(f"time does not go back by {-ns} ns")
        self.now_ns += ns
