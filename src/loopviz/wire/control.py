"""What the terminal and its children say to each other, a JSON object a line.

Down (the child's standard input): `{"do": "fix", "key": "to_thread", "on": true}`,
`{"do": "rate", "factor": 1.5}`, `{"do": "aim", "url": "http://127.0.0.1:4711"}`, `{"do": "quit"}`,
`{"do": "leave"}` (a worker that others make superfluous: finish what was accepted, then quit),
`{"do": "stack", "task": 17}` (where is that task?).
The end of the pipe means that the parent is gone, and so should the child be.

Up (a pipe the child was given): `{"is": "ready", …}`, `{"is": "failed", "why": "one sentence"}`
(with `"machine": true` if it was refused room, permission, files or processes),
`{"is": "stack", "task": 17, "frames": […]}` (outermost first; null: there is no such task),
and from the load `{"is": "samples", …}`; see `wire.samples`.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["encode", "messages"]


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
