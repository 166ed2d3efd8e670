"""An event as the model takes it: a row of a NumPy array, or the tuple it turns into."""

import numpy as np

__all__ = ["EVENT_TYPE", "Event"]

EVENT_TYPE = np.dtype([("at", "i8"), ("a", "i8"), ("who", "i4"), ("b", "i4"), ("kind", "i4")])
"""The columns; `wire.events` says what they mean for each kind."""

Event = tuple[int, int, int, int, int]
"""at, a, who, b, kind."""
