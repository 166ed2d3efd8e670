"""How fast the reading side is: ring → columns, and events → model."""

import statistics
import tempfile
import time
from pathlib import Path

from loopviz.clock import SECOND
from loopviz.collector import RingReader
from loopviz.model.model import Model
from loopviz.wire.events import RECORD, RECORD_SIZE, Kind, tag
from loopviz.wire.ring import HEADER_SIZE, RingFile

REQUESTS, ROUNDS = 20_000, 5


def measure() -> dict[str, object]:
    """Records and events per second, medians; the events are those of plain requests."""
    with tempfile.TemporaryDirectory() as folder:
        ring = RingFile(Path(folder) / "loop.ring")
        count = _write_requests(ring)
        decode, model = [], []
        for _ in range(ROUNDS):
            reader = RingReader(ring.path)
            start = time.perf_counter()
            events, _ = reader.read()
            decode.append(count / (time.perf_counter() - start))
            fed = Model()
            start = time.perf_counter()
            for at in range(0, len(events), 200):  # as a screen takes them: some each frame
                fed.feed(events[at : at + 200], reader.strings)
            fed.snapshot(int(events["at"][-1]), 5 * SECOND)
            model.append(count / (time.perf_counter() - start))
            reader.close()
        ring.close()
    return {
        "records_per_s": statistics.median(decode),
        "events_per_s": statistics.median(model),
    }


def _write_requests(ring: RingFile) -> int:
    """Requests as uvicorn serves them: read, a task, one step, idle. 9 records each."""
    route, site = ring.intern("GET /ping"), ring.intern("run\ta.py\t1\trun")
    at, seq = SECOND, 0

    def put(kind: Kind, a: int = 0, who: int = 0, b: int = 0) -> None:
        nonlocal at, seq
        at += 20_000
        offset = HEADER_SIZE + seq * RECORD_SIZE
        seq += 1
        RECORD.pack_into(ring.buffer, offset, at, a, tag(kind, who, b), seq)

    for task in range(1, REQUESTS + 1):
        put(Kind.POLLED, at, 0, 1)
        put(Kind.CALLBACK, at, 0, site)
        put(Kind.TASK_START, 0, task, site)
        put(Kind.POLLED, at)
        put(Kind.STEP, at, task)
        put(Kind.REQUEST_START, at - 100_000, task, route)
        put(Kind.REQUEST_END, 200, task, route)
        put(Kind.TASK_END, 0, task)
        put(Kind.IDLE)
    return seq
