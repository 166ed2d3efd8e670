"""The bytes of a route's requests."""

import mimetypes
from pathlib import Path
from urllib.parse import quote

from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.config import STREAMS, split_route
from loopviz.wire.samples import SENT_HEADER

__all__ = ["BODIES", "NUMBER", "RequestTemplate", "content"]

NUMBER = "{n}"
BODIES = ("POST", "PUT", "PATCH")
"""Methods whose requests have a body."""
_IN_A_TARGET = "/?:@!$&'()*+,;=%[]~"
"""What is not percent-encoded in a path and its query; `%`: it may be encoded already."""


class RequestTemplate:
    """The bytes of a route's requests, but for the arrival's number and the time."""

    def __init__(
        self, route: LoadInfo, netloc: bytes, *, reuse: bool = True, more: tuple[str, ...] = ()
    ) -> None:
        """`more`: headers that the route's kind needs. `reuse=False`: a connection for each."""
        method, path = split_route(route.route)
        self._sends = method in BODIES
        method = "GET" if method in STREAMS else method
        target = [quote(part, safe=_IN_A_TARGET).encode() for part in _without_fragment(path)]
        headers = [b"host: " + netloc, *_headers(route, more)]
        if not reuse:
            headers.append(b"connection: close")
        self._body = content(route).split(NUMBER.encode())
        head = b"\r\n".join([b" HTTP/1.1", *headers, b""])
        self._parts = [method.encode() + b" " + target[0], *target[1:]]
        self._parts[-1] += head

    def at(self, number: int, sent_ns: int) -> bytes:
        """The request of the arrival with that number."""
        digits = b"%d" % number
        head, body = digits.join(self._parts), b""
        if self._sends:
            body = digits.join(self._body)
            head += b"content-length: %d\r\n" % len(body)
        return b"%b%b: %d\r\n\r\n%b" % (head, SENT_HEADER, sent_ns, body)


def content(route: LoadInfo) -> bytes:
    """What the route's requests, or its messages, consist of; `{n}` is in its place."""
    return Path(route.body).read_bytes() if route.body else route.text.encode()


def _headers(route: LoadInfo, more: tuple[str, ...]) -> list[bytes]:
    """The route's own, and what a client says anyway unless they do."""
    own = [header.encode() for header in (*more, *route.headers)]
    given = {header.partition(b":")[0].lower() for header in own}
    usual = {b"accept": b"*/*", b"user-agent": b"loopviz"}
    if split_route(route.route)[0] in BODIES and (route.body or route.text):
        kind = mimetypes.guess_type(route.body)[0] if route.body else "application/json"
        kind = kind or "application/octet-stream"
        usual[b"content-type"] = kind.encode()
    return [*(b"%b: %b" % each for each in usual.items() if each[0] not in given), *own]


def _without_fragment(path: str) -> list[str]:
    """The path and query, cut where the number goes."""
    return path.partition("#")[0].split(NUMBER)
