"""Time limits for ending, in seconds. A process that waits for another has the longer limit."""

__all__ = [
    "CLOSE_S",
    "GUARD_S",
    "LOOPLESS_AGAIN_S",
    "LOOPLESS_S",
    "ORPHANS_S",
    "PROGRAM_AGAIN_S",
    "PROGRAM_S",
    "REPLACED_S",
    "REQUESTS_S",
    "RETIRED_REQUESTS_S",
    "RETIRED_S",
    "RETIRED_UNREAD_S",
    "TARGET_S",
]

REQUESTS_S = 1
"""Limit for the app's open requests when the target ends. uvicorn takes whole seconds."""
TARGET_S = 1.5
"""Limit for the target: its requests, and half a second for the app's lifespan. Then the process
exits, even if its loop is blocked."""
CLOSE_S = 2.0
"""Limit for the children of a run that ends. Those left after it are killed."""
REPLACED_S = 0.5
"""`CLOSE_S` for a run that was replaced before the last one, and so has had time already."""
PROGRAM_AGAIN_S, PROGRAM_S = 3.0, 5.0
"""Limits for a program of the user's own after SIGINT: then it gets a second one, as servers that
wait for their connections expect; then it is killed."""
LOOPLESS_AGAIN_S, LOOPLESS_S = 10.0, 15.0
"""The same while none of its loops is open, so its end goes on: a Celery worker without jobs takes
6 s."""

ORPHANS_S = 1.2
"""Limit for the children if the terminal process was killed. They notice that and end as above; the
guard kills those left, so this allows their `REQUESTS_S` and little more."""
GUARD_S = 1.0
"""Limit for the guard once nothing is left to clean up: milliseconds, unless it is stopped."""

RETIRED_REQUESTS_S = 4
"""Limit for the open requests of a worker that is no longer needed, while others go on serving.
uvicorn takes whole seconds."""
RETIRED_UNREAD_S = 3.0
"""Limit for the first request on a connection that such a worker has accepted: its loop may be
late, and so may the client be."""
RETIRED_S = 9.0
"""Limit for such a worker: those two limits, and the lifespan."""
