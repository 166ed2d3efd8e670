"""Names and texts that a terminal would obey, and a scenario that is full of them."""

BAD = "\x1b]0;t\x07\x9b31m\u202e\u200b\x7f\r\n\u2028"
SHOWN = r"\x1b]0;t\x07\x9b31m\u202e\u200b\x7f\r \u2028"
"""How a line says it."""
ROUTE = "GET /\u202e\x9b"
"""A path with an escape sequence cannot be requested, one with these can be."""

SCENARIO = f"""
import asyncio, os, sys, time
import loopviz
from fastapi import APIRouter
from loopviz.scenario import Counter, Fix, Load, Scenario

BAD = {BAD!r}
router = APIRouter()
lock = asyncio.Lock()
loopviz.name(lock, BAD)
count = Counter({BAD!r}, {BAD!r})
scenario = Scenario(
    title={BAD!r}, lesson={BAD!r}, look=({BAD!r},), router=router, counters=[count],
    fixes=[Fix("one", {BAD!r}, {BAD!r})], load=[Load({ROUTE!r}, rps=12, arrivals="constant")],
)
Evil = type(BAD, (Exception,), {{}})
exec(compile("def hold():\\n    time.sleep(0.06)\\n", BAD, "exec"))


@router.get({ROUTE.partition(" ")[2]!r}, name=BAD)
async def evil():
    asyncio.create_task(fails(), name=BAD)
    async with lock:
        hold()
        await asyncio.sleep(0.05)
    count.value += 1
    raise Evil(BAD)


async def fails():
    raise Evil(BAD)
"""

LAST_WORDS = f"""
import os
os.write(2, {BAD.replace(chr(10), "")!r}.encode())
os._exit(7)
from loopviz.scenario import *
scenario = Scenario(title="t", lesson="l", look=(), router=None, load=[])
"""


def unsafe(text):
    """The characters of it that may not reach a terminal."""
    return {c for c in text if c != "\n" and not c.isprintable()}
