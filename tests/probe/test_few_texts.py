"""A ring has room for some 1 MiB of texts: what a program makes without end may not fill it."""

import asyncio
import gc

import pytest

from loopviz.probe.asgi import watch_requests
from loopviz.probe.few_texts import FewTexts
from loopviz.probe.recorder import current
from loopviz.wire.events import Kind

MANY = 3000


def test_beyond_the_most_there_is_another_text():
    texts = FewTexts(2)
    assert [texts.keep(each, "…") for each in "abcab"] == ["a", "b", "…", "a", "b"]


async def streams(at):
    """An app without routes that the probe knows, and responses of no known length."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    async def send(message):
        pass

    scope = {"type": "http", "method": "GET", "path": f"/news/about-{at}", "headers": []}
    await watch_requests(app, streams.hooks)(scope, None, send)


async def errors(at):
    async def fails():
        raise ValueError(f"there is no item {at}")

    asyncio.create_task(fails())  # noqa: RUF006 - so that nobody retrieves the exception
    await asyncio.sleep(0.001)


async def hosts(at):
    current().http_call(200, f"host-{at}.example")


@pytest.mark.parametrize(
    ("what", "kind", "last", "most"),
    [
        (streams, Kind.STREAM_OPENED, "GET /news/{…}", 2100),
        (errors, Kind.EXCEPTION_NEVER_RETRIEVED, "ValueError", 250),
        (hosts, Kind.HTTP_CALL, "…", 1100),
    ],
)
def test_a_program_with_texts_without_end_does_not_fill_the_ring(
    loop, probe_of, recording, what, kind, last, most
):
    async def main():
        for at in range(MANY):
            await what(at)

    probe = probe_of(loop, capacity=1 << 16)
    loop.set_exception_handler(lambda *_: None)
    streams.hooks = probe.hooks
    loop.run(main())
    gc.collect()
    probe.uninstall()
    seen = recording(probe)
    texts = [event.text for event in seen.of(kind)]
    assert len(texts) == MANY
    assert texts[-1] == last
    assert len(seen.strings) < most
