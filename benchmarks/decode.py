"""How fast the reading side is: ring → columns, and events → model; and its memory."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loopviz.clock import SECOND
from loopviz.engine.collector import RingReader
from loopviz.model.events import EVENT_TYPE
from loopviz.model.model import Model
from loopviz.wire.events import RECORD, RECORD_SIZE, Kind, tag
from loopviz.wire.ring import CAPACITY, HEADER_SIZE, RingFile

ROUNDS = 5
FRAME = 200
"""Events a batch: as a screen takes them, some each frame."""
LONG_NS, PER_S = 600 * SECOND, 20_000

Put = Callable[..., None]


def measure() -> dict[str, object]:
    """Records and events per second, medians; the events are those of two kinds of requests."""
    results: dict[str, object] = {}
    for name, write in (("events_per_s", plain_request), ("rich_events_per_s", rich_request)):
        with tempfile.TemporaryDirectory() as folder:
            ring = RingFile(Path(folder) / "loop.ring")
            count = _fill(ring, write)
            decode, model = [], []
            for _ in range(ROUNDS):
                reader = RingReader(ring.path)
                start = time.perf_counter()
                events, _ = reader.read()
                decode.append(count / (time.perf_counter() - start))
                assert len(events) == count
                fed = Model()
                start = time.perf_counter()
                for at in range(0, len(events), FRAME):
                    fed.feed(events[at : at + FRAME], reader.strings)
                fed.snapshot(int(events["at"][-1]), 5 * SECOND)
                model.append(count / (time.perf_counter() - start))
                reader.close()
            ring.close()
        results["records_per_s"] = statistics.median(decode)
        results[name] = statistics.median(model)
    return results | memory()


def memory(lasting_ns: int = LONG_NS) -> dict[str, object]:
    """Ten minutes of 20,000 events/s, fed as fast as it goes: RSS after the first, and the last."""
    strings = ["", *TEXTS]
    model, began = Model(), _rss_mb()
    fed = 0
    after: list[float] = []
    at = SECOND
    step = SECOND // PER_S
    batches = _batches(rich_request, at, step)
    minute = at + 60 * SECOND
    for events in batches:
        model.feed(events, strings)
        fed += len(events)
        at = int(events["at"][-1])
        if at >= minute:
            model.snapshot(at, 6 * SECOND)
            after.append(_rss_mb() - began)
            minute += 60 * SECOND
        if at >= SECOND + lasting_ns:
            break
    return {"fed": fed, "rss_mb": after}


TEXTS = [
    "GET /ping",
    "run\ta.py\t1\trun",
    "asyncio.Semaphore\t\tapp.py\t7\t",
    "sqlalchemy.pool\t\tapp.py\t9\t",
    "\tapp.py\t20\treport",
    "socket\tapp.py\t21\treport",
    "upstream.example",
    "endpoint",
]
ROUTE, SITE, SEMAPHORE, POOL, PLACE, SOCKET, HOST, ENDPOINT = range(1, 9)


def plain_request(put: Put, task: int) -> None:
    """A request as uvicorn serves it: read, a task, one step, idle. 9 records."""
    at = put(Kind.POLLED, 0, 0, 1)
    put(Kind.CALLBACK, at, 0, SITE)
    put(Kind.TASK_START, 0, task, SITE)
    at = put(Kind.POLLED, at)
    put(Kind.STEP, at, task)
    put(Kind.REQUEST_START, at - 100_000, task, ROUTE)
    put(Kind.REQUEST_END, 200, task, ROUTE)
    put(Kind.TASK_END, 0, task)
    put(Kind.IDLE)


def rich_request(put: Put, task: int) -> None:
    """One that takes a semaphore and a connection, calls out, and has a child. 42 records."""
    if task % 1000 == 1:
        put(Kind.RESOURCE, 1 << 32 | 10, 0, SEMAPHORE)
        put(Kind.RESOURCE, 2 << 32 | 5, 0, POOL)
    at = put(Kind.POLLED, 0, 0, 1)
    put(Kind.CALLBACK, at, 0, SITE)
    put(Kind.TASK_START, 0, task, SITE)
    at = put(Kind.POLLED, at)
    at = put(Kind.STEP, at, task)
    put(Kind.REQUEST_START, at - 100_000, task, ROUTE)
    put(Kind.PHASE, 0, task, ENDPOINT)
    put(Kind.ACQUIRED, 1, task, 1)
    at = put(Kind.WAIT, 2, task, PLACE)
    put(Kind.IDLE)
    at = put(Kind.POLLED, at, 0, 1)
    put(Kind.CALLBACK, at, 0, SITE)
    at = put(Kind.STEP, at, task, PLACE)
    put(Kind.WOKEN, task - 1, task)
    put(Kind.ACQUIRED, 2, task, 1)
    for _ in range(3):
        put(Kind.IDLE)
        at = put(Kind.POLLED, at, 0, 1)
        put(Kind.CALLBACK, at, 0, SITE)
        at = put(Kind.STEP, at, task, SOCKET)
    put(Kind.RELEASED, 2, task, 0)
    put(Kind.HTTP_CALL, PLACE << 32 | 200, task, HOST)
    put(Kind.TASK_START, task << 32, task | 1 << 24, SITE)
    put(Kind.STEP, at, task | 1 << 24)
    put(Kind.TASK_END, 0, task | 1 << 24)
    at = put(Kind.STEP, at, task, SOCKET)
    put(Kind.RELEASED, 1, task, 0)
    put(Kind.PHASE, 0, task)
    put(Kind.REQUEST_END, 200 | 512 << 16, task, ROUTE)
    put(Kind.TASK_END, 0, task)
    put(Kind.IDLE)
    put(Kind.POLLED, at, 0, 1)
    put(Kind.CALLBACK, at, 0, SITE)
    put(Kind.TIMER, at - 50_000, 0, 0)


def _fill(ring: RingFile, request: Callable[[Put, int], None]) -> int:
    """Requests until the ring is nearly full; how many records."""
    for text in TEXTS:
        ring.intern(text)
    at, seq, task = SECOND, 0, 0

    def put(kind: Kind, a: int = 0, task_id: int = 0, b: int = 0) -> int:
        nonlocal at, seq
        at += 20_000
        seq += 1
        offset = HEADER_SIZE + seq * RECORD_SIZE
        RECORD.pack_into(ring.buffer, offset, at, a, tag(kind, task_id, b), seq)
        return at

    while seq < CAPACITY * 3 // 4:
        task += 1
        request(put, task)
    return seq


def _batches(
    request: Callable[[Put, int], None], at: int, step_ns: int
) -> Iterator[NDArray[np.void]]:
    """Batches without end, an event every `step_ns`: one is made, and moved on in time."""
    rows: list[tuple[int, int, int, int, int]] = []

    def put(kind: Kind, a: int = 0, task_id: int = 0, b: int = 0) -> int:
        nonlocal at
        at += step_ns
        rows.append((at, a, task_id, b, kind))
        return at

    task = 0
    while True:
        while len(rows) < 10 * FRAME:
            task = task % 0xFFFFFF + 1
            request(put, task)
        yield np.array(rows, EVENT_TYPE)
        rows.clear()


def _rss_mb() -> float:
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * 4096 / 2**20
    import resource  # noqa: PLC0415 - the peak, where the present cannot be had

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
