"""The collector: from the rings of a folder into a model."""

import pytest

from loopviz.engine.collector import Collector
from loopviz.model.model import Model
from loopviz.wire.events import RECORD, RECORD_SIZE, Kind, tag
from loopviz.wire.ring import HEADER_SIZE, LockedRing, RingFile

T0 = 1024 * 10**9


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "loop.ring", tmp_path / "aux.ring"


def put(ring, seq, kind, at, a=0, task_id=0, b=0):
    offset = HEADER_SIZE + seq % ring.capacity * RECORD_SIZE
    RECORD.pack_into(ring.buffer, offset, at, a, tag(kind, task_id, b), seq)


def test_it_waits_for_the_files(paths):
    model = Model()
    collector = Collector(*paths, model)
    collector.drain()
    loop = RingFile(paths[0], capacity=64)
    collector.drain()
    aux = LockedRing(paths[1])
    put(loop, 1, Kind.IDLE, T0)
    aux.write(Kind.MARK, text="fix:a=on", at=T0)
    collector.drain()
    assert model.health().events == 2
    assert model.phases.fixes == {"a"}
    collector.drain()
    assert model.health().events == 2
    collector.close()
    collector.close()


def test_it_may_look_while_a_ring_is_just_being_made(paths, monkeypatch):
    """Between any two steps of the target's: the file is whole, or as good as not there."""
    import loopviz.wire.ring as module

    model = Model()
    collector = Collector(*paths, model)
    looks = []

    def looking_first(function):
        def look_and_call(*args):
            collector.drain()
            looks.append(function)
            return function(*args)

        return look_and_call

    class Looking:
        """A module, with a look before each of its functions."""

        def __init__(self, real):
            self._real = real

        def __getattr__(self, name):
            found = getattr(self._real, name)
            return looking_first(found) if callable(found) else found

    for name in ("os", "mmap"):
        monkeypatch.setattr(module, name, Looking(getattr(module, name)))
    for name in ("monotonic_ns", "wall_ns"):
        monkeypatch.setattr(module, name, looking_first(getattr(module, name)))
    loop = RingFile(paths[0], capacity=64)
    LockedRing(paths[1])
    put(loop, 1, Kind.IDLE, T0)
    assert len(looks) >= 6
    collector.drain()
    assert model.health().events == 1


def test_a_loss_is_counted_and_marked_where_it_was(paths):
    loop, _aux = RingFile(paths[0], capacity=64), LockedRing(paths[1])
    model = Model()
    collector = Collector(*paths, model)
    for seq in range(1, 201):
        put(loop, seq, Kind.IDLE, T0 + seq)
    collector.drain()
    collector.drain()
    health = model.health()
    assert health.events + health.dropped_events == 200
    assert health.dropped_events >= 136
    (mark,) = model.snapshot(T0 + 10**9, 10**9).marks
    assert (mark.kind, mark.text) == ("gap", f"{health.dropped_events} events lost")
    assert mark.at_ns == T0 + health.dropped_events + 1


def test_a_loss_without_a_record_after_it_is_marked_too(paths, monkeypatch):
    """Lapped while it copied: nothing could be kept, and the gap is drawn all the same."""
    import loopviz.engine.collector as module

    loop, _aux = RingFile(paths[0], capacity=64), LockedRing(paths[1])
    model = Model()
    collector = Collector(*paths, model)
    put(loop, 1, Kind.IDLE, T0)
    collector.drain()
    for seq in range(2, 50):
        put(loop, seq, Kind.IDLE, T0 + seq)
    unpack = module.unpack

    def overtaken(records):
        monkeypatch.setattr(module, "unpack", unpack)
        for seq in range(50, 120):
            put(loop, seq, Kind.IDLE, T0 + seq)
        return unpack(records)

    monkeypatch.setattr(module, "unpack", overtaken)
    collector.drain()
    dropped = model.health().dropped_events
    assert dropped > 0
    marks = model.snapshot(T0 + 10**9, 10**9).marks
    assert [mark.kind for mark in marks] == ["gap"]


def test_what_the_side_ring_loses_is_counted_too(paths):
    RingFile(paths[0], capacity=64)
    aux = LockedRing(paths[1], capacity=16)
    model = Model()
    collector = Collector(*paths, model)
    for i in range(40):
        aux.write(Kind.STALL, a=i + 1, text="0:1", at=T0)
    collector.drain()
    collector.drain()
    health = model.health()
    assert health.events + health.dropped_events == 40


def test_strings_that_were_lost_are_counted(paths):
    loop, aux = RingFile(paths[0], capacity=64), LockedRing(paths[1])
    model = Model()
    collector = Collector(*paths, model)
    for ring in (loop, aux):
        for i in range(300):
            ring.intern(f"{i}" + "x" * 4090)
    collector.drain()
    kept = 2 * (2**20 // (4 + 4096))
    assert model.health().lost_strings == pytest.approx(600 - kept, abs=4)
