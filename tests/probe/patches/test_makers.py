"""Which primitives are a library's own: how it waits for its I/O, and no resources of the app."""

import asyncio

import anyio
import pytest

from loopviz.probe.patches import rename
from loopviz.wire.events import Kind
from tests.probe.patches.recorded import resources


def code_in(file, source):
    """Functions as if they were in that file."""
    space = {"asyncio": asyncio, "anyio": anyio}
    exec(compile(source, file, "exec"), space)
    return space


LIBRARY = "/venv/lib/python3/site-packages/wire/protocol.py"


@pytest.mark.parametrize("what", ["asyncio.Event", "anyio.Event"])
def test_an_event_of_a_library_is_no_resource(watched, what):
    """It is how the library waits for its socket: the request awaits, at the user's line."""
    library = code_in(
        LIBRARY,
        f"async def read(loop):\n"
        f"    event = {what}()\n"
        f"    loop.call_later(1, event.set)\n"
        f"    await event.wait()",
    )

    async def main():
        await library["read"](asyncio.get_running_loop())

    recording = watched(main())
    assert recording.of(Kind.RESOURCE, Kind.WAIT) == []
    line = main.__code__.co_firstlineno + 1
    place = f"event\t{__file__}\t{line}\t{main.__qualname__}\twire"
    assert place in [event.text for event in recording.of(Kind.STEP)]


def test_an_event_in_a_dataclass_of_a_library_is_no_resource(watched):
    """Its constructor is compiled from a string."""
    library = code_in(
        LIBRARY,
        "from dataclasses import dataclass, field\n"
        "@dataclass\n"
        "class Frame:\n"
        "    done: asyncio.Event = field(default_factory=asyncio.Event)\n"
        "async def read(loop):\n"
        "    frame = Frame()\n"
        "    loop.call_later(1, frame.done.set)\n"
        "    await frame.done.wait()",
    )

    async def main():
        await library["read"](asyncio.get_running_loop())

    assert watched(main()).of(Kind.RESOURCE) == []


def test_a_queue_in_which_a_server_keeps_a_websockets_messages_is_no_resource(watched):
    library = code_in(LIBRARY, "def connected(): return asyncio.Queue()")

    async def main():
        queue = library["connected"]()
        queue.put_nowait("x")
        await queue.get()

    assert watched(main()).of(Kind.RESOURCE, Kind.QUEUE_SIZE, Kind.WAIT) == []


@pytest.mark.parametrize("what", ["asyncio.Lock", "anyio.Lock"])
def test_a_lock_that_a_library_makes_for_itself_is_no_resource(watched, what):
    """The one in an object that user code makes is a part of that object."""
    library = code_in(
        LIBRARY,
        f"class Cache:\n"
        f"    def __init__(self): self.lock = {what}()\n"
        f"    def connect(self): self.own = {what}()",
    )
    lines = []

    async def main():
        cache = library["Cache"]()
        lines.append(main.__code__.co_firstlineno + 1)
        cache.connect()
        for lock in (cache.lock, cache.own):
            async with lock:
                pass

    recording = watched(main())
    assert [(row[0], row[3]) for row in resources(recording).values()] == [(what, lines[0])]


def test_an_event_made_before_the_probe_is_whose_who_awaits_it(loop, probe_of, recording):
    library = code_in(LIBRARY, "async def read(event): await event.wait()")
    wait_for = code_in(asyncio.tasks.__file__, "async def wait_for(wait): await wait")["wait_for"]
    events = [asyncio.Event() for _ in range(4)]
    probe = probe_of(loop)

    async def main():
        for event in events:
            asyncio.get_running_loop().call_later(1, event.set)
        await asyncio.gather(
            library["read"](events[0]),
            wait(events[1]),
            wait_for(events[2].wait()),  # as `asyncio.wait_for` from Python 3.12 on
            asyncio.wait_for(events[3].wait(), 9),
        )

    async def wait(event):
        await event.wait()

    loop.run(main())
    probe.uninstall()
    seen = recording(probe)
    assert [row[0] for row in resources(seen).values()] == ["asyncio.Event"] * 3
    assert len(seen.of(Kind.WAIT)) == 3


@pytest.mark.parametrize("kind", ["asyncio.Event", "anyio.Event"])
def test_an_event_of_a_subclass_is_whose_the_object_is(watched, kind):
    base = "asyncio.Event" if kind == "asyncio.Event" else "object"
    library = code_in(
        LIBRARY,
        f"class Signal({base}):\n"
        f"    def __init__(self):\n"
        f"        super().__init__()\n"
        f"        self.inner = anyio.Event() if {base} is object else self",
    )

    async def main():
        signal = library["Signal"]()
        asyncio.get_running_loop().call_later(1, signal.inner.set)
        await signal.inner.wait()

    assert [row[0] for row in resources(watched(main())).values()] == [kind]


def test_a_name_makes_a_resource_of_a_librarys_event(watched):
    library = code_in(LIBRARY, "def make(): return asyncio.Event()")

    async def main():
        event = library["make"]()
        rename(event, "started")
        asyncio.get_running_loop().call_later(1, event.set)
        await event.wait()

    recording = watched(main())
    assert [row[:2] for row in resources(recording).values()] == [("asyncio.Event", "started")]
    assert len(recording.of(Kind.WAIT)) == 1
