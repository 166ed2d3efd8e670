"""What the tests of requests serve."""

import asyncio

from loopviz.wire.samples import SENT_HEADER


def http(path="/ping", sent=None, **more):
    headers = [(b"host", b"x")] + ([(SENT_HEADER, sent)] if sent is not None else [])
    return {"type": "http", "method": "GET", "path": path, "headers": headers} | more


async def answers(scope, receive, send):
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await asyncio.sleep(0.25)
    await send({"type": "http.response.body", "body": b"x"})
