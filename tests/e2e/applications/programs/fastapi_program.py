"""FastAPI under OpenTelemetry, Sentry and aiomonitor at once: each of them hooks tasks, too."""

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import ClassVar

import _log
import aiomonitor
import sentry_sdk
from fastapi import FastAPI, WebSocket
from opentelemetry import trace
from opentelemetry.instrumentation.asyncio import AsyncioInstrumentor
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult


class Names(SpanExporter):
    """Keeps the names of spans: how many there are depends on the moment."""

    seen: ClassVar[set[str]] = set()

    def export(self, spans):
        self.seen.update(span.name for span in spans)
        return SpanExportResult.SUCCESS


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(Names()))
trace.set_tracer_provider(provider)
AsyncioInstrumentor().instrument()
errors = set()
sentry_sdk.init(
    dsn="http://key@127.0.0.1:9/1",  # nobody is there
    before_send=lambda event, hint: errors.add(event["event_id"]) if len(errors) < 10 else None,
    before_send_transaction=lambda event, hint: None,
    traces_sample_rate=1.0,
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def lifespan(app):
    ports = {"termui_port": free_port(), "webui_port": free_port(), "console_enabled": False}
    with aiomonitor.Monitor(asyncio.get_running_loop(), hook_task_factory=True, **ports):
        yield
    _log.log.info("lifespan is over")


app = FastAPI(lifespan=lifespan)


@app.get("/items/{number}")
async def item(number: int):
    await asyncio.gather(asyncio.sleep(0.002), asyncio.sleep(0.003))
    if number == 7:
        raise KeyError("seven")
    return {"number": number}


@app.get("/traced")
async def traced():
    """Which spans requests have had, and whether Sentry was told of errors."""
    return {"spans": sorted(Names.seen), "errors": len(errors) > 0}


@app.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    while (text := await socket.receive_text()) != "bye":
        await socket.send_text(text.upper())
    await socket.close()


FastAPIInstrumentor.instrument_app(app)
