"""A clock that advances only on request."""

__all__ = ["VirtualClock"]


class VirtualClock:
    """A `loopviz.clock.Clock`: call it for the time in nanoseconds.

    It starts at 1024 s, where halves, quarters and eighths of a second are exact as floats.
    """

    def __init__(self, now_ns: int = 1024 * 10**9) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, ns: int) -> None:
        """Lets time pass. Raises ValueError if `ns` is negative."""
        if ns < 0:
            raise ValueError(f"time does not go back by {-ns} ns")
        self.now_ns += ns
