"""What the terminal and its children say to each other, a JSON object a line.

Down (the child's standard input): `{"do": "fix", "key": "to_thread", "on": true}`,
`{"do": "rate", "factor": 1.5}`, `{"do": "aim", "url": "http://127.0.0.1:4711"}`, `{"do": "quit"}`,
`{"do": "leave"}` (a worker that others make superfluous: finish what was accepted, then quit),
`{"do": "stack", "task": 17}` (where is that task?).
The end of the pipe means that the parent is gone, and so should the child be.

Up (a pipe the child was given): `{"is": "ready", …}`, `{"is": "failed", "why": "one sentence"}`
(with `"machine": true` if it was refused room, permission, files or processes),
`{"is": "stack", "task": 17, "frames": […]}` (outermost first; null: there is no such task),
and from the load `{"is": "samples", …}`; see `Sample`.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

__all__ = ["CONNECTION", "LEFT", "SENT_HEADER", "TIMEOUT", "Sample", "encode", "messages"]

SENT_HEADER = b"x-loopviz-sent"
"""Our load says in it when it sent a request, in nanoseconds of the monotonic clock."""

TIMEOUT, CONNECTION, LEFT = 0, -1, -2
"""`Sample.status` of a request that got no response; LEFT: its client went away on purpose."""


class Sample(NamedTuple):
    """One request as the load saw it. Times are nanoseconds of the monotonic clock."""

    route: int
    """Index into the load's list of routes."""
    scheduled_ns: int
    sent_ns: int
    done_ns: int
    status: int
    """HTTP status, or `TIMEOUT`, `CONNECTION` (refused, reset, closed half-way), `LEFT`."""


def encode(message: dict[str, Any]) -> bytes:
    """One message as a line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def messages(stream: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Each message until the stream ends; a line that is no JSON object is passed over."""
    for line in stream:
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict):
            yield message
