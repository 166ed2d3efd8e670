"""How long processes may take to end, in seconds. Those that wait have more than those that end."""

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
"""The app's open requests, once the target was asked to end. uvicorn takes whole seconds."""
TARGET_S = 1.5
"""The target: its requests, and half a second for the app's lifespan. Then the process exits, its
loop blocked or not."""
CLOSE_S = 2.0
"""The children of a run that ends. Those that are left then are killed."""
REPLACED_S = 0.5
"""The same for a run that had been replaced before the last one: it has had time already."""

ORPHANS_S = 1.2
"""The children, if the terminal process was killed. They notice by themselves and end as above;
the guard kills what is left after this, so it gives them their `REQUESTS_S` and little more."""
GUARD_S = 1.0
"""The guard, when nothing is left to clean up. It needs milliseconds, unless it is stopped."""

RETIRED_REQUESTS_S = 4
"""The open requests of a worker that is no longer needed while the others go on serving. uvicorn
takes whole seconds."""
RETIRED_S = 6.0
"""Such a worker: its requests, those just accepted, and the lifespan."""
