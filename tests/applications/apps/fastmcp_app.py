"""An MCP server of FastMCP over HTTP. A client in a process of its own calls its tools."""

import asyncio
import hashlib
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter
from fastmcp import Context, FastMCP
from starlette.responses import PlainTextResponse

from loopviz.scenario import Load, Scenario

NOTES = [f"note {n}: {hashlib.sha256(b'%d' % n).hexdigest()}" for n in range(5_000)]


@asynccontextmanager
async def lifespan(_server):
    client = Path(__file__).with_name("_fastmcp_client.py")
    process = subprocess.Popen([sys.executable, client, os.environ["LOOPVIZ_URL"]])
    try:
        yield
    finally:
        process.terminate()
        process.wait(5)


mcp = FastMCP("notes", lifespan=lifespan)


@mcp.tool
async def search(text: str) -> list[str]:
    """An index answers: a wait."""
    await asyncio.sleep(0.02)
    return [note for note in NOTES[:500] if text in note]


@mcp.tool
def count(text: str) -> int:
    """Sync code."""
    return sum(text in note for note in NOTES)


@mcp.tool
async def summarize(ctx: Context) -> str:
    """Reports its progress while it works."""
    for part in range(5):
        await asyncio.sleep(0.03)
        await ctx.report_progress(part + 1, 5)
    return "all is well"


@mcp.resource("notes://{number}")
async def note(number: int) -> str:
    return NOTES[int(number)]


@mcp.custom_route("/health", methods=["GET"])
async def health(_request):
    return PlainTextResponse("ok")


app = mcp.http_app(path="/mcp")

scenario = Scenario(
    title="fastmcp",
    lesson="Tools over HTTP.",
    look=("Is every finding true?",),
    router=APIRouter(),
    middleware=[lambda _: app],
    load=[Load("GET /health", rps=20)],
)
