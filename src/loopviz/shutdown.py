"""Time limits for ending, in seconds. A process that waits for another has the longer limit."""

__all__ = [
    "CLOSE_S",
    "GUARD_S",
    "ORPHANS_S",
    "REPLACED_S",
    "REQUESTS_S",
    "RETIRED_REQUESTS_S",
    "RETIRED_S",
    "TARGET_S",
]

REQUESTS_S = 1
"""For the app's open requests, once the target is asked to end. uvicorn takes whole seconds."""
TARGET_S = 1.5
"""For the target: its requests, and half a second for the app's lifespan. Then the process exits,
even if its loop is blocked."""
CLOSE_S = 2.0
"""For the children of a run that ends. Those left after this are killed."""
REPLACED_S = 0.5
"""The same for a run that was replaced before the last one, and so has had time already."""

ORPHANS_S = 1.2
"""For the children, if the terminal process was killed. They notice that and end as above; the
guard kills those left after this, so it allows their `REQUESTS_S` and little more."""
GUARD_S = 1.0
"""For the guard, once nothing is left to clean up. It takes milliseconds unless it is stopped."""

RETIRED_REQUESTS_S = 4
"""For the open requests of a worker that is no longer needed, while the others go on serving.
uvicorn takes whole seconds."""
RETIRED_S = 6.0
"""For such a worker: its requests, those just accepted, and the lifespan."""
