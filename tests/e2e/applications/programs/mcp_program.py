"""An MCP server over streamable HTTP, with sessions, and answers as server-sent events."""

import asyncio

import _log  # noqa: F401

try:
    from mcp.server.mcpserver import MCPServer as Server  # from 2.0 on
except ImportError:
    from mcp.server.fastmcp import FastMCP as Server

server = Server("notes")


@server.tool()
async def search(text: str) -> str:
    """Find a note."""
    await asyncio.sleep(0.005)
    return f"a note of {text}"


@server.tool()
def count(text: str) -> int:
    """Count letters."""
    return len(text)


app = server.streamable_http_app()
