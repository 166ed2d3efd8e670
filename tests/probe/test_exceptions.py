"""Exceptions that go through a watched app: what was raised, where, and that it goes on."""

import asyncio

import pytest
from fastapi import FastAPI, HTTPException

from loopviz.probe.asgi import watch_requests
from loopviz.probe.exceptions import describe_error, raised_at
from loopviz.wire.events import Kind
from loopviz.wire.samples import SENT_HEADER


@pytest.fixture
def serve(loop, probe_of, recording):
    """Serve a request with the app: what was sent, what it raised, and the recording."""

    def run(app, times=1):
        probe = probe_of(loop)
        sent, caught = [], []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "http.request"}

        async def serving():
            scope = {"type": "http", "method": "GET", "path": "/", "query_string": b""}
            for number in range(times):
                headers = [(SENT_HEADER, str(number).encode())]
                try:
                    await watch_requests(app, probe.hooks)(
                        scope | {"headers": headers}, receive, send
                    )
                except Exception as error:  # noqa: BLE001 - whatever the app raises
                    caught.append(error)

        loop.run(serving())
        probe.uninstall()
        return sent, caught, recording(probe)

    return run


def failed(seen):
    """The text, file, line and function of each record."""
    return [
        (event.text, *seen.strings[event.a].split("\t")[1:])
        for event in seen.of(Kind.REQUEST_EXCEPTION)
    ]


def no_luck(here):
    raise ValueError(f"no luck\nat {here} ")


def test_the_line_and_the_words(serve, here):
    async def app(scope, receive, send):
        no_luck("all")

    sent, (error,), seen = serve(app)
    line = no_luck.__code__.co_firstlineno + 1
    assert failed(seen) == [("ValueError: no luck at all", __file__, str(line), "no_luck")]
    assert seen.kinds.index(Kind.REQUEST_EXCEPTION) < seen.kinds.index(Kind.REQUEST_END)
    assert (type(error), sent) == (ValueError, [])


def test_under_fastapi(serve):
    """Starlette answers 500, and raises it again."""
    app = FastAPI()

    @app.get("/")
    async def endpoint():
        no_luck("here")

    sent, (error,), seen = serve(app)
    assert sent[0]["status"] == 500
    ((text, file, _, function),) = failed(seen)
    assert (text, file, function) == ("ValueError: no luck at here", __file__, "no_luck")
    (end,) = seen.of(Kind.REQUEST_END)
    assert end.a & 0xFFFF == 500
    assert isinstance(error, ValueError)


def test_what_the_app_handles_is_none(serve):
    app = FastAPI()

    @app.get("/")
    async def endpoint():
        raise HTTPException(503)

    sent, caught, seen = serve(app)
    assert (sent[0]["status"], caught, failed(seen)) == (503, [], [])


def test_cancellation_is_none(loop, probe_of, recording):
    async def app(scope, receive, send):
        await asyncio.sleep(10)

    async def main():
        probe = probe_of(loop)
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        task = asyncio.ensure_future(watch_requests(app, probe.hooks)(scope, None, None))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        probe.uninstall()
        return recording(probe)

    assert failed(loop.run(main())) == []


def test_messages_that_never_repeat_are_left_out_in_the_end(serve):
    async def app(scope, receive, send):
        raise KeyError(scope["headers"][0][1])

    _, caught, seen = serve(app, times=300)
    texts = [event.text for event in seen.of(Kind.REQUEST_EXCEPTION)]
    assert len(caught) == len(texts) == 300
    assert texts[0] == "KeyError: b'0'"
    assert texts[250] == "KeyError"
    assert len(set(texts)) == 201


def test_an_exception_whose_words_raise(serve):
    class OddError(Exception):
        def __str__(self):
            raise RuntimeError

    async def app(scope, receive, send):
        raise OddError

    _, (error,), seen = serve(app)
    assert isinstance(error, OddError)
    assert failed(seen)[0][0] == "tests.OddError"
    assert seen.of(Kind.HOOK_FAILED) == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError(), "ValueError"),
        (ValueError("x" * 500), "ValueError: " + "x" * 200),
        (TimeoutError("t"), "TimeoutError: t"),
        (HTTPException(500, "boo"), "fastapi.HTTPException: 500: boo"),
        (ExceptionGroup("g", [ExceptionGroup("h", [KeyError(1)]), OSError()]), "KeyError: 1"),
    ],
)
def test_what_an_exception_says(error, text):
    assert describe_error(error) == text


def test_the_line_of_a_group_is_that_of_its_first(here):
    try:
        try:
            line = here() + 1
            raise KeyError(1)  # noqa: TRY301
        except KeyError as first:
            raise ExceptionGroup("g", [first]) from None
    except ExceptionGroup as group:
        code, raised_line = raised_at(group)
        assert (code.co_name, raised_line) == (
            "test_the_line_of_a_group_is_that_of_its_first",
            line,
        )
    assert raised_at(ExceptionGroup("g", [KeyError()])) is None
