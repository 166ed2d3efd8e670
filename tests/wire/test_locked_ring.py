"""The ring into which several threads write."""

from loopviz.engine.collector import RingReader
from loopviz.wire.events import Kind
from loopviz.wire.ring import LockedRing


def test_the_locked_ring(tmp_path):
    ring = LockedRing(tmp_path / "x.ring", capacity=8)
    ring.write(Kind.MARK, text="fix:a=on", at=5)
    ring.write(Kind.STALL, a=1, task_id=2, text="0:1")
    ring.write(Kind.MARK, text="fix:a=on", at=7)
    reader = RingReader(tmp_path / "x.ring")
    (first, second, third), lost = reader.read()
    assert (first.tolist(), third.tolist()) == ((5, 0, 0, 1, 12), (7, 0, 0, 1, 12))
    assert second.tolist()[1:] == (1, 2, 2, 11)
    assert second["at"] > 0
    assert lost == 0
    assert reader.strings == ["", "fix:a=on", "0:1"]


def test_the_locked_ring_from_many_threads(tmp_path):
    import threading

    ring = LockedRing(tmp_path / "x.ring", capacity=4096)

    def write(who):
        for i in range(500):
            ring.write(Kind.MARK, a=i, task_id=who, text=f"{who}:{i % 50}", at=1)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = RingReader(tmp_path / "x.ring")
    records, _ = reader.read()
    assert len(records) == 2000
    assert len(reader.strings) == 201
    for who in range(4):
        mine = records[records["task_id"] == who]
        assert mine["a"].tolist() == list(range(500))
        assert [reader.strings[b] for b in mine["b"]] == [f"{who}:{i % 50}" for i in range(500)]
