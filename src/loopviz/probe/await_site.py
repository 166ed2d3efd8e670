"""The line at which a suspended task waits, and for what: read from its coroutines at wake-up.

A *place* is the text `what <tab> file <tab> line <tab> function`, and if an installed library waits
there for the user's code, another tab and its name.
"""

from collections.abc import Callable
from types import CodeType, CoroutineType
from typing import Any

from loopviz.probe.places import USER, Places, line_at

__all__ = ["describe_wait", "make_place_of", "passes_on"]

_WHAT = (
    ("/asyncio/tasks.py", "sleep", "sleep"),
    ("/anyio/_backends/_asyncio.py", "sleep", "sleep"),
    ("/asyncio/threads.py", "", "thread"),
    ("/anyio/to_thread.py", "", "thread"),
    ("/concurrency.py", "run_in_threadpool", "thread"),
    ("/asyncio/streams.py", "", "socket"),
    ("/asyncio/selector_events.py", "", "socket"),
    ("/asyncio/subprocess.py", "", "process"),
    ("/asyncio/queues.py", "", "queue"),
    ("/asyncio/base_events.py", "getaddrinfo", "thread"),
    ("/asyncio/base_events.py", "", "socket"),
    ("/httpcore/_backends/", "", "socket"),
    ("/httpcore2/_backends/", "", "socket"),
    ("/httpx2/websockets/", "", "socket"),
    ("/anyio/_backends/_asyncio.py", "SocketStream", "socket"),
    ("/anyio/_backends/_asyncio.py", "UNIXSocketStream", "socket"),
    ("/anyio/_backends/_asyncio.py", "TaskGroup", "task"),
    ("/asyncio/taskgroups.py", "", "task"),
    ("/asyncio/tasks.py", "", "task"),
    ("/asyncio/locks.py", "Lock", "lock"),
    ("/asyncio/locks.py", "Semaphore", "semaphore"),
    ("/asyncio/locks.py", "Condition", "condition"),
    ("/asyncio/locks.py", "Barrier", "barrier"),
    ("/asyncio/locks.py", "Event", "event"),
    ("/anyio/_core/_synchronization.py", "Condition", "condition"),
    ("/anyio/_backends/_asyncio.py", "Event", "event"),
    ("/anyio/_backends/_asyncio.py", "Lock", "lock"),
    ("/anyio/_backends/_asyncio.py", "Semaphore", "semaphore"),
    ("/anyio/streams/memory.py", "", "queue"),
    ("/starlette/middleware/base.py", "", "task"),
    ("/uvicorn/protocols/", "", "socket"),
    ("/aiohttp/streams.py", "", "socket"),
    ("/psycopg/waiting.py", "", "socket"),
    ("/aiosqlite/core.py", "", "thread"),
    ("/asyncpg/", "", "socket"),
    ("-packages/aiohttp/", "", "socket"),
    ("-packages/redis/asyncio/", "", "socket"),
)
"""End of a file (or, ending in /, part of its path), start of a coroutine's qualified name, and
what such a wait is for. The outermost coroutine below the user's that is in the table decides: a
read through a library is a wait for the socket, whatever event the library uses."""


def make_place_of(places: Places, intern: Callable[[str], int]) -> Callable[[Any], int]:
    """Make a function that returns the interned place at which a suspended coroutine waits.

    The line is that of the innermost user coroutine in the chain; without one, of the innermost
    coroutine. The place is 0 for anything but a started coroutine.
    """
    kinds, look_at, coroutine = places.kinds, places.kind, CoroutineType
    known: dict[tuple[int, int, int, int], int] = {}
    kept: list[CodeType] = []  # keeps the ids in the keys from being reused

    def place_of(outer: Any) -> int:
        at = outer if type(outer) is coroutine else None
        user = innermost = None
        depth = 0
        while type(at) is coroutine:
            code = at.cr_code
            if (kinds.get(id(code)) or look_at(code)) == USER:
                user, depth = at, 0
            innermost = at
            depth += 1
            at = at.cr_await
        if innermost is None:
            return 0
        line_of = user or innermost
        frame = line_of.cr_frame
        if frame is None:
            return 0
        key = (id(line_of.cr_code), frame.f_lasti, id(innermost.cr_code), depth)
        place = known.get(key)
        if place is None:
            kept.extend((line_of.cr_code, innermost.cr_code))
            if user is not None and passes_on(user, places):
                place = known[key] = intern(describe_wait(innermost, user))
            else:
                place = known[key] = intern(describe_wait(line_of))
        return place

    return place_of


def passes_on(coroutine: Any, places: Places) -> bool:
    """True for a suspended ASGI app that awaits another one: the wait is none of its own."""
    if not places.is_app(coroutine.cr_code):
        return False
    at = coroutine.cr_await
    while type(at) is CoroutineType:
        if places.is_app(at.cr_code):
            return True
        at = at.cr_await
    return False


def describe_wait(line_of: Any, outer: Any = None) -> str:
    """The place of a suspended coroutine: what it awaits, at the line of that instruction.

    What it awaits is looked for from `outer` on, if that is given.
    """
    code: CodeType = line_of.cr_code
    what, inner = "future", outer or line_of
    while what == "future" and type(inner) is CoroutineType:
        what = _what(inner.cr_code)
        inner = inner.cr_await
    line = line_at(code, line_of.cr_frame.f_lasti)
    place = f"{what}\t{code.co_filename}\t{line}\t{code.co_qualname}"
    library = _library(line_of.cr_await)
    return f"{place}\t{library}" if library else place


def _library(called: Any) -> str:
    """The installed package whose coroutine the user's code awaits; empty if it is not one."""
    if type(called) is not CoroutineType:
        return ""
    file = called.cr_code.co_filename.replace("\\", "/")
    _, found, inside = file.rpartition("/site-packages/")
    return inside.partition("/")[0].removesuffix(".py") if found else ""


def _what(code: CodeType) -> str:
    file, name = code.co_filename.replace("\\", "/"), code.co_qualname
    for part, start, what in _WHAT:
        inside = part in file if part.endswith("/") else file.endswith(part)
        if inside and name.startswith(start):
            return what
    return "future"
