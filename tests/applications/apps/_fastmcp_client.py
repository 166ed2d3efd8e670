"""`python _fastmcp_client.py URL`: clients that call an MCP server's tools until they are ended."""

import asyncio
import sys

from fastmcp import Client

CLIENTS = 4


async def main(url: str) -> None:
    await asyncio.gather(*(use(url, n) for n in range(CLIENTS)))


async def use(url: str, n: int) -> None:
    """Sessions, one after the other."""
    await asyncio.sleep(1 + n / 10)  # until it serves
    while True:
        async with Client(url) as client:
            await client.list_tools()
            for call in range(20):
                await client.call_tool("search", {"text": f"{call:02x}"})
                await client.call_tool("count", {"text": f"{call:02x}"})
                await client.call_tool("summarize", {})
                await client.read_resource(f"notes://{call}")
                await asyncio.sleep(0.1)


asyncio.run(main(f"{sys.argv[1]}/mcp"))
