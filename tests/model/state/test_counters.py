"""What the scenario's endpoints count: from the target's thread to the snapshot."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.engine.collector import RingReader
from loopviz.lab.target.counters import Counting
from loopviz.model.model import Model
from loopviz.model.snapshot import CounterValue
from loopviz.model.snapshot.present import RECENT_NS
from loopviz.model.snapshot.types import HISTORY_STEPS
from loopviz.model.state.counters import Counters
from loopviz.scenario import Counter
from loopviz.testing import Story
from loopviz.wire.events import Kind
from loopviz.wire.ring import LockedRing

COUNTERS = [("charges", "charges made", False), ("extra", "charges too many", True)]


def seen(model, now):
    return model.snapshot(now, SECOND).counters


def fed(*parts):
    """A model fed `(after how long, key, value)`; and the time then."""
    model, story = Model(counters=COUNTERS), Story()
    for after_ns, key, value in parts:
        story.idle(after_ns).counts(key, value)
    return model, story.idle(MS).feed(model).now_ns


def test_they_come_in_the_scenarios_order_with_the_newest_value():
    model, now = fed((0, "extra", 0), (0, "charges", 3), (SECOND, "charges", 7))
    assert seen(model, now) == (
        CounterValue(key="charges", title="charges made", bad=False, value=7, recent=7),
        CounterValue(key="extra", title="charges too many", bad=True, value=0, recent=0),
    )
    assert model.counters.values() == {"charges": 7, "extra": 0}


def test_recent_is_the_change_over_the_last_seconds():
    model, now = fed((0, "charges", 5), (SECOND, "charges", 9), (SECOND, "charges", 20))
    early = now - 2 * SECOND - MS  # when it became 5
    for at, recent in (
        (now, 20),
        (early + RECENT_NS - 1, 20),
        (early + RECENT_NS, 15),
        (early + RECENT_NS + SECOND, 11),
        (early + RECENT_NS + 2 * SECOND, 0),
    ):
        (charges, _) = model.counters.snapshot(at - RECENT_NS, at)
        assert (charges.value, charges.recent) == (20, recent)


def test_it_is_still_if_it_has_had_one_value_for_that_time():
    model, now = fed((0, "charges", 5), (SECOND, "charges", 9), (SECOND, "charges", 5))
    changed = now - MS

    def still(start, end):
        return model.counters.snapshot(start, end)[0].still

    assert still(changed + MS, changed + 4 * SECOND)
    assert not still(changed - MS, changed + SECOND)
    assert not still(changed - 3 * SECOND // 2, changed + SECOND), "it came back to the same"
    assert not still(changed - 9 * SECOND, changed - 5 * SECOND), "it was not there"
    assert not model.counters.snapshot(changed, changed + SECOND)[1].still, "no value has come"


def test_its_history_has_the_values_of_the_last_ten_seconds():
    model, now = fed((0, "charges", 5), (SECOND, "charges", 9), (SECOND, "charges", 20))
    (charges, extra) = model.counters.snapshot(now - RECENT_NS, now)
    assert len(charges.history) == HISTORY_STEPS + 1
    assert charges.history[-6:] == (0, 5, 5, 9, 9, 20)
    assert set(extra.history) == {0}
    later = now + 20 * SECOND
    (charges, _) = model.counters.snapshot(later - RECENT_NS, later)
    assert set(charges.history) == {20}
    other, _ = fed((0, "charges", 5), (SECOND, "charges", 9), (SECOND, "charges", 20))
    model.counters.join(other.counters)
    (both, _) = model.counters.snapshot(now - RECENT_NS, now)
    assert both.history[-3:] == (18, 18, 40)


def test_one_may_fall_and_be_negative():
    model, now = fed((0, "charges", 4), (6 * SECOND, "charges", -3))
    assert seen(model, now)[0].value == -3
    assert seen(model, now)[0].recent == -7


def test_a_value_outlives_what_is_forgotten():
    model, now = fed((0, "charges", 5), (SECOND, "charges", 6), *[(SECOND, "x", 1)] * 200)
    assert seen(model, now)[0] == CounterValue(
        key="charges", title="charges made", bad=False, value=6, recent=0
    )


def test_what_was_not_told_is_not_known():
    model, now = fed((0, "nobody knows", 1), (0, "charges", 1))
    assert model.counters.values() == {"charges": 1, "extra": None}
    assert seen(model, now)[1].value == 0


def test_those_of_several_workers_are_added_up():
    (one, now), (two, _) = fed((0, "charges", 5), (0, "extra", 1)), fed((0, "charges", 4))
    alone = seen(one, now)
    one.counters.join(two.counters)
    assert one.counters.snapshot(now - RECENT_NS, now) == (
        CounterValue(key="charges", title="charges made", bad=False, value=9, recent=9),
        CounterValue(key="extra", title="charges too many", bad=True, value=1, recent=1),
    )
    assert [counter.value for counter in alone] == [5, 1]


def test_of_many_workers_that_have_ended_the_sums_remain():
    run, now = fed((0, "charges", 5))
    for _ in range(40):
        other = Counters(COUNTERS)
        other.update(now - SECOND, "charges", 2)
        run.counters.join(other)
    run.counters.join(Counters(COUNTERS))  # and one that has not counted yet
    (charges, extra) = run.counters.snapshot(now - SECOND // 2, now)
    assert (charges.value, charges.recent, charges.history[-1]) == (85, 5, 85)
    assert (charges.still, extra.still) == (False, False), "the first began a moment ago"
    (charges, extra) = run.counters.snapshot(now, now + SECOND)
    assert (charges.value, charges.still) == (85, True)


# In the target


@pytest.fixture
def aux(tmp_path):
    ring = LockedRing(tmp_path / "aux.ring")
    yield ring
    ring.close()


def written(aux):
    reader = RingReader(aux.path)
    records, _ = reader.read()
    values = [
        (reader.strings[record["b"]], int(record["a"]))
        for record in records
        if record["kind"] == Kind.COUNTER
    ]
    reader.close()
    return values


def test_only_changes_are_told(aux):
    charges, extra = Counter("charges", "charges made"), Counter("extra", "too many", bad=True)
    counting = Counting([charges, extra], aux)
    counting.write()
    charges.value += 2
    counting.write()
    counting.write()
    extra.value = -(2**40)
    charges.value = 3.5  # the author's mistake, not ours
    counting.write()
    assert written(aux) == [("charges", 0), ("extra", 0), ("charges", 2), ("extra", -(2**40))]


def test_the_last_values_are_told_at_the_stop(aux):
    charges = Counter("charges", "charges made")
    counting = Counting([charges], aux)
    counting.start()
    charges.value = 41
    charges.value += 1
    counting.stop()
    assert written(aux)[-1] == ("charges", 42)


def test_nothing_to_count_needs_no_thread(aux):
    counting = Counting([], aux)
    counting.start()
    counting.stop()
    assert written(aux) == []
