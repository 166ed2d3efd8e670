"""Resources: who holds, who waits, how long, and how full they were."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.model.state.resource_groups import Occupancy
from loopviz.model.stats.series import Envelope
from loopviz.testing import Story
from loopviz.wire.events import WAIT_GET

T0 = 1024 * SECOND
SEMAPHORE = "asyncio.Semaphore"


def fed(story, **options):
    model = Model(**options)
    story.feed(model)
    return model


def resources_of(model, now):
    return model.snapshot(now, 60 * SECOND).resources


class Bar:
    """An independent model of one semaphore: a queue, and the time that each count lasted."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.holders, self.queue = [], []
        self.used, self.queued = Counter(), Counter()  # count -> ns
        self.waits, self.given_up = [], []

    def passes(self, ns):
        self.used[len(self.holders)] += ns
        self.queued[len(self.queue)] += ns


programs = st.lists(
    st.tuples(
        st.integers(0, 2),  # which semaphore
        st.integers(1, 6),  # which task
        st.sampled_from(["go", "go", "leave", "tick"]),
        st.integers(0, 30),  # and so long passes
    ),
    max_size=80,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(program=programs, portion=st.integers(1, 20))
def test_occupancy_is_that_of_an_independent_model_at_every_event(program, portion):
    story, bars = Story(), [Bar(1), Bar(2), Bar(3)]
    seen, model = [], Model()
    for task in range(1, 7):
        story.task(task, f"worker{task}")
    for number, bar in enumerate(bars, 1):
        story.resource(number, SEMAPHORE, bar.capacity, made_at=f"app.py\t{number}\t")
    story.step(1)
    began = story.now_ns
    for index, task, word, ms in program:
        bar, number = bars[index], index + 1
        waiting = [who for who, _ in bar.queue]
        if word == "go" and task not in bar.holders and task not in waiting:
            if len(bar.holders) < bar.capacity:
                bar.holders.append(task)
                story.acquires(task, number, len(bar.holders))
            else:
                bar.queue.append((task, story.now_ns))
                story.waits_for(task, number, place=f"\tapp.py\t{task}\tf")
        elif word == "leave" and task in bar.holders:
            bar.holders.remove(task)
            story.releases(task, number, len(bar.holders))
            if bar.queue:
                heir, since = bar.queue.pop(0)
                bar.waits.append(story.now_ns - since)
                bar.holders.append(heir)
                story.acquires(heir, number, len(bar.holders))
        elif word == "leave" and task in waiting:
            since = dict(bar.queue)[task]
            bar.queue.remove((task, since))
            bar.given_up.append(story.now_ns - since)
            story.wait_over(task, number)
        for bar in bars:
            bar.passes(ms * MS)
        story.runs(ms * MS)
        if len(seen) % portion == 0:
            story.feed(model)
            check_now(model, bars)
        seen.append(word)
    story.feed(model)
    check_now(model, bars)
    for number, bar in enumerate(bars, 1):
        row = model.trace.resources.live[number].group
        lasted = story.now_ns - began
        assert row.max_in_use == max([*bar.used, len(bar.holders)])
        if lasted:
            used, queued = row.means(story.now_ns)
            assert used * lasted == pytest.approx(sum(n * ns for n, ns in bar.used.items()))
            assert queued * lasted == pytest.approx(sum(n * ns for n, ns in bar.queued.items()))
        assert row.waited.quantiles().count == len(bar.waits)
        assert row.waited.max_ns == max(bar.waits, default=0)
        assert row.gave_up == row.given_up.quantiles().count == len(bar.given_up)
        assert row.given_up.max_ns == max(bar.given_up, default=0)


def check_now(model, bars):
    for number, bar in enumerate(bars, 1):
        resource = model.trace.resources.live[number]
        assert (resource.in_use, resource.group.in_use) == (len(bar.holders),) * 2
        assert sorted(resource.holders) == sorted(bar.holders)
        assert [wait.task.number for wait in resource.waiters] == [task for task, _ in bar.queue]
        assert [wait.began_ns for wait in resource.waiters] == [since for _, since in bar.queue]
        assert resource.group.waiting == len(bar.queue)


def busy_gate():
    """Task 1 holds the only unit for 30 ms; 2 and 3 wait, 3 gives up after 10."""
    story = Story().resource(7, "asyncio.Lock", 1, made_at="/app/db.py\t17\t<module>")
    for task, name in ((1, "writer"), (2, "reader"), (3, "hasty")):
        story.task(task, name)
    story.step(1).acquires(1, 7).idle(5 * MS)
    for task in (2, 3):
        story.step(task).waits_for(task, 7, place=f"\t/app/api.py\t{task}0\tget").idle(5 * MS)
    return story


def test_the_view_of_a_lock_with_holder_and_waiters():
    story = busy_gate()
    model = fed(story, naming=Naming([("/app", "")]))
    (view,) = resources_of(model, story.now_ns)
    assert (view.name, view.kind, view.capacity) == ("db.py:17 Lock", "asyncio.Lock", 1)
    assert (view.in_use.now, view.in_use.max, view.instances) == (1, 1, 1)
    assert (view.waiting.now, view.waiting.max) == (2, 2)
    assert view.waiting.mean == pytest.approx((5 + 2 * 5) / 15)
    assert [(h.task, h.label, h.since_ns - T0) for h in view.holders] == [(1, "writer", 0)]
    waiters = [(w.task, w.label, (w.since_ns - T0) // MS, w.location.line) for w in view.waiters]
    assert waiters == [(2, "reader", 5, 20), (3, "hasty", 10, 30)]
    story.step(3).wait_over(3, 7).idle(5 * MS).step(1).releases(1, 7).step(2)
    story.acquires(2, 7).idle(5 * MS).step(2).releases(2, 7).idle(5 * MS).feed(model)
    present = model._present
    present._figures = type(present._figures)()
    (view,) = resources_of(model, story.now_ns)
    assert view.waited.count == view.given_up.count == 1
    assert (view.waited.max_ns, view.given_up.max_ns) == (15 * MS, 5 * MS)
    assert view.holders == view.waiters == ()
    assert (view.in_use.now, view.waiting.now) == (0, 0)
    track = dict(zip(view.waiting_track.times_ns.tolist(), view.waiting_track.values, strict=True))
    assert max(track.values()) == 2
    assert list(track.values())[-1] == 0


def test_a_live_task_says_what_it_waits_for_and_what_it_holds():
    story = busy_gate()
    model = fed(story, naming=Naming([("/app", "")]))
    writer, reader, _ = model.snapshot(story.now_ns, SECOND).tasks.tasks
    assert (writer.holds, writer.waits_for) == (("db.py:17 Lock",), "")
    assert (reader.holds, reader.waits_for) == ((), "db.py:17 Lock")
    assert (reader.place.file, reader.place.line) == ("api.py", 20)
    assert reader.since_ns == T0 + 5 * MS


def test_locks_made_at_one_line_are_one_row():
    story = Story().task(1).task(2).step(1)
    for number in (1, 2, 3):
        story.resource(number, "asyncio.Lock", 1, made_at="a.py\t5\tf")
        story.acquires(1, number).runs(MS)
    story.waits_for(2, 2).idle(MS)
    (view,) = resources_of(fed(story), story.now_ns)
    assert (view.instances, view.capacity, view.in_use.now, view.waiting.now) == (3, 1, 3, 1)


def test_a_new_name_and_a_new_size():
    story = Story().task(1).step(1).resource(1, "anyio.CapacityLimiter", 40).acquires(1, 1)
    story.resource(2, "anyio.CapacityLimiter", 40).resource(1, "anyio.CapacityLimiter", 8)
    model = fed(story)
    (view,) = resources_of(model, story.now_ns)
    assert (view.name, view.instances) == ("CapacityLimiter(8)", 2)
    story.waits_for(1, 2).resource(2, "anyio.CapacityLimiter", 3, name="gate").idle(MS).feed(model)
    rows = {row.display(model.naming): row for row in model.trace.resources.groups.values()}
    assert set(rows) == {"CapacityLimiter(8)", "gate"}
    assert (rows["gate"].waiting, rows["gate"].in_use) == (1, 0)
    other = rows["CapacityLimiter(8)"]
    assert (other.waiting, other.in_use, other.instances) == (0, 1, 1)
    story.resource(1, "anyio.CapacityLimiter", 8, name="default").idle(MS).feed(model)
    assert [row.name for row in model.trace.resources.groups.values()] == ["gate", "default"]


def test_an_idle_consumer_waits_but_nothing_is_crowded():
    story = Story().task(1, "consumer").task(2, "producer").resource(1, "asyncio.Queue", 2)
    story.step(1).waits_for(1, 1, direction=WAIT_GET).step(2).queue_size(1, 1).queue_size(1, 2)
    story.waits_for(2, 1).idle(30 * MS)
    model = fed(story)
    (view,) = resources_of(model, story.now_ns)
    assert (view.idle, view.waiting.now, view.in_use.now, view.in_use.max) == (1, 1, 2, 2)
    assert [w.task for w in view.waiters] == [2]
    story.step(1).wait_over(1, 1, direction=WAIT_GET).queue_size(1, 1).step(2).wait_over(2, 1).idle(
        MS
    )
    story.feed(model)
    row = model.trace.resources.live[1].group
    assert (row.idle, row.waiting, row.in_use, row.gave_up) == (0, 0, 1, 0)
    assert row.waited.quantiles().count == 1


def test_a_task_that_ends_waits_no_more():
    story = busy_gate().step(2).end(2).idle(MS)
    model = fed(story)
    row = model.trace.resources.live[7].group
    assert (row.waiting, row.gave_up) == (1, 1)


def test_units_may_be_given_back_by_another_task_and_taken_before_we_looked():
    story = Story().task(1).task(2).resource(1, SEMAPHORE, 3).step(1)
    story.releases(1, 1, 2)  # three were held, by whom is not known
    story.acquires(1, 1, 3).acquires(1, 1, 3)
    model = fed(story)
    resource = model.trace.resources.live[1]
    assert (resource.in_use, resource.holders[1].units) == (3, 2)
    story.step(2).releases(2, 1, 2).feed(model)
    assert resource.holders[1].units == 1
    story.acquires(2, 1, 3).releases(2, 1, 0).feed(model)  # more were given back than we saw
    assert resource.holders == {}
    assert model.trace.tasks.live[1].holds == []


def test_a_hold_knows_how_long_its_task_was_suspended_meanwhile():
    story = busy_gate().step(1, waited=MS, place="socket\t/app/db.py\t20\tq")
    model = fed(story)
    hold = model.trace.resources.live[7].holders[1]
    assert hold.waited_ns == hold.longest_ns == 14 * MS
    assert model.trace.site(hold.longest[0]).line == 20


def test_a_wait_that_another_task_ends_has_lasted_until_then():
    """httpcore's pool gives a connection to a request within the step of the one before it."""
    story = Story().task(1).task(2).resource(1, "httpcore.pool", 1)
    story.step(1).acquires(1, 1).step(2).idle(MS).step(2).waits_for(2, 1).runs(MS).idle(20 * MS)
    model = Model()
    waits = []
    model.trace.resources.observer.wait_over = waits.append
    story.step(1).releases(1, 1).acquires(2, 1).runs(MS).step(2).runs(MS).idle(MS).feed(model)
    (wait,) = waits
    assert (wait.ended_ns - wait.began_ns, wait.waited_ns) == (21 * MS, 20 * MS)


def test_a_loss_forgets_who_holds_and_who_waits_but_not_how_many():
    story = busy_gate()
    model = fed(story)
    model.lost(3, story.now_ns)
    story.step(1).releases(1, 7, 0).idle(MS).feed(model)
    resource = model.trace.resources.live[7]
    assert (resource.in_use, resource.group.waiting, resource.waiters) == (0, 0, {})
    assert model.trace.tasks.live[1].holds == []


def test_an_unknown_resource_is_named_once_it_is_introduced():
    story = Story().task(1).step(1).acquires(1, 9, 1)
    model = fed(story)
    (view,) = resources_of(model, story.now_ns)
    assert (view.name, view.kind) == ("resource", "")
    story.resource(9, SEMAPHORE, 1, name="gate").feed(model)
    (row,) = model.trace.resources.groups.values()
    assert (row.name, row.in_use) == ("gate", 1)


def test_begin_counts_waits_and_peaks_anew():
    story = busy_gate().idle(5 * MS).step(3).wait_over(3, 7)
    model = fed(story)
    row = model.trace.resources.live[7].group
    assert (row.max_waiting, row.gave_up) == (2, 1)
    story.mark("scenario:block").idle(10 * MS).feed(model)
    assert (row.max_waiting, row.gave_up, row.waiting, row.max_in_use) == (1, 0, 1, 1)
    assert row.means(story.now_ns) == (1.0, 1.0)


def test_memory_is_bounded_however_many_there_are():
    """A lock for each request, and a name for each hundredth."""
    model, story = Model(), Story().task(1).step(1)
    for number in range(1, 60_001):
        name = f"lock {number}" if number % 50 == 0 else ""
        story.resource(number, name=name).acquires(1, number).releases(1, number)
        if number % 5000 == 0:
            story.feed(model)
    resources = model.trace.resources
    assert len(resources.live) <= 20_000
    assert len(resources.groups) <= 501
    assert sum(row.instances for row in resources.groups.values()) == 60_000
    assert len(model.trace.tasks.live[1].holds) == 0
    assert len(resources_of(model, story.now_ns)) <= 100


# Occupancy and Envelope


changes = st.lists(
    st.tuples(st.integers(0, 50), st.integers(-2, 3), st.integers(-2, 3), st.integers(0, 60)),
    max_size=40,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(changes=changes)
def test_means_are_exact_even_if_some_are_told_late(changes):
    occupancy, now, log = Occupancy(0), 0, []
    for after, used, queued, late in changes:
        now += after
        at = max(now - late, 0)
        occupancy.change(at, used, queued)
        log.append((at, used, queued))
    end = now + 10
    used, queued = occupancy.means(end)
    assert used * end == pytest.approx(sum(n * (end - at) for at, n, _ in log))
    assert queued * end == pytest.approx(sum(n * (end - at) for at, _, n in log))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(steps=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=1, max_size=60))
def test_an_envelope_shows_each_grain_s_peak_and_what_it_came_to(steps):
    envelope, now, noted = Envelope(), T0, []
    for ms, value in steps:
        now += ms * MS
        envelope.note(now, value, 9 - value)
        noted.append((now, value))
    times, values, others = envelope.columns(0)
    assert (np.diff(times) >= 0).all()
    assert values[-1] == noted[-1][1]
    for at, value in noted:
        grain = at // Envelope.GRAIN_NS
        shown = [v for t, v in zip(times, values, strict=True) if t // Envelope.GRAIN_NS == grain]
        assert max(shown) >= value
        assert max(shown) <= max(v for _, v in noted)
    assert others.min() >= 0
    for (at, value), (after, _) in pairwise(noted):
        over = (at // Envelope.GRAIN_NS + 1) * Envelope.GRAIN_NS
        if after > over:  # what it was when the grain was over, until the next change
            assert values[np.searchsorted(times, over, side="right") - 1] == value


def test_an_envelope_s_memory_goes_with_time_not_with_changes():
    envelope = Envelope()
    for i in range(100_000):
        envelope.note(T0 + i * 1000, i % 7, i % 3)
    times, *_ = envelope.columns(0)
    assert len(times) <= 2 * 11 + 2


def test_two_of_one_name_are_told_apart_by_where_they_were_made():
    """A name is known only after a while: that the object has it is looked up later."""
    story = Story().idle(MS)
    story.resource(1, "asyncio.Queue", name="jobs", made_at="/app/mail.py\t9\tstart")
    story.resource(2, "asyncio.Queue", made_at="/app/thumbs.py\t7\tstart")
    story.resource(2, "asyncio.Queue", name="jobs", made_at="/app/thumbs.py\t7\tstart")
    model = fed(story, naming=Naming([("/app", "app")]))
    named = {r.name for r in resources_of(model, story.now_ns)}
    assert named == {"jobs (app/mail.py:9)", "jobs (app/thumbs.py:7)"}
