"""Double presses of a key, the first of which closes a box."""

__all__ = ["DoublePress"]

REPEAT_S = 0.5
"""The longest time between two presses of a double press; as long as Textual's double click."""


class DoublePress:
    """Remembers the key that has closed a box.

    A key that is pressed twice, or kept down, closes the box and does nothing else: the second `q`
    would end loopviz, the second `esc` would let a frozen picture go, the second `enter` would open
    a row. Any other key is meant for what is below the box, however soon it comes.
    """

    def __init__(self) -> None:
        self._key, self._time_s = "", 0.0

    def closed(self, key: str, time_s: float) -> None:
        """The key pressed at that time has closed a box."""
        self._key, self._time_s = key, time_s

    def repeats(self, key: str, time_s: float) -> bool:
        """True if this press repeats the one that has closed the box."""
        again = key == self._key and time_s - self._time_s < REPEAT_S
        self._key, self._time_s = (key, time_s) if again else ("", 0.0)
        return again
