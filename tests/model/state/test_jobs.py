"""Worker jobs, in whichever order the two rings tell of them."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED

POOL = "ThreadPoolExecutor"
FUNCTION = "resize\t/app/img.py\t9\tresize"


def started():
    return Story().resource(1, POOL, 2, name="default executor").task(5, "handler").step(5)


def the_row(model):
    (row,) = model.trace.resources.groups.values()
    return row.shown


def two_workers(tell):
    """Three jobs of 10 ms on two workers; `tell(story)` after each event."""
    story = started()
    for job in (1, 2, 3):
        tell(story.job(job, 1, FUNCTION, by=5))
    tell(story.runs(MS).job_starts(1, 1, "worker-0"))
    tell(story.job_starts(2, 1, "worker-1"))
    story.idle(9 * MS)
    tell(story.job_ends(1, 1).job_ends(2, 1, TASK_RAISED))
    tell(story.idle(MS).job_starts(3, 1, "worker-0"))
    story.idle(10 * MS).job_ends(3, 1)
    return story.idle(9 * MS)


@pytest.mark.parametrize("at_once", [True, False])
def test_jobs_of_a_pool(at_once):
    model = Model()
    story = two_workers((lambda story: story.feed(model)) if not at_once else (lambda story: story))
    story.feed(model)
    (view,) = model.builder.jobs()
    assert (view.name, view.queued, view.running) == ("default executor", 0, ())
    assert (view.finished, view.raised) == (3, 1)
    assert (view.queued_times.count, view.queued_times.max_ns) == (3, 11 * MS)
    assert (view.run_times.count, view.run_times.max_ns) == (3, 10 * MS)
    assert model.trace.jobs.open == {}
    row = the_row(model)
    assert (row.in_use, row.waiting, row.max_in_use) == (0, 0, 2)
    used, queued = row.means(story.now_ns)
    assert used * 30 == pytest.approx(9 + 9 + 10)
    assert queued * 30 == pytest.approx(1 + 1 + 11)
    assert row.waited.quantiles().count == 3


def test_what_runs_and_what_waits_now():
    story = started().job(1, 1, FUNCTION, by=5).job(2, 1, FUNCTION)
    model = Model()
    story.runs(MS).job_starts(1, 1, "worker-7").feed(model)
    (view,) = model.builder.jobs()
    assert view.queued == 1
    (worker,) = view.running
    assert (worker.worker, worker.job, worker.task) == ("worker-7", "resize", 5)
    assert worker.since_ns == story.now_ns
    (resource,) = model.snapshot(story.now_ns, SECOND).resources
    assert (resource.in_use.now, resource.waiting.now, resource.capacity) == (1, 1, 2)


def test_a_job_that_is_cancelled_before_it_starts():
    story, model = started().job(1, 1).runs(MS), Model()
    story.feed(model)
    story.job_ends(1, 1, TASK_CANCELLED).feed(model)
    row = the_row(model)
    assert (row.waiting, row.in_use, model.trace.jobs.open) == (0, 0, {})


def test_after_a_loss_nothing_runs_for_ever():
    story, model = started().job(1, 1).job(2, 1).runs(MS), Model()
    story.feed(model)
    story.job_starts(1, 1).feed(model)
    model.lost_aux(4)
    (view,) = model.builder.jobs()
    assert (view.queued, view.running) == (0, ())
    story.job_ends(1, 1).runs(MS).idle(MS).feed(model)
    row = the_row(model)
    assert (row.in_use, row.waiting) == (0, 0)


def test_memory_is_bounded_if_ends_are_never_told():
    model = Model()
    story = started()
    for job in range(1, 60_000):
        story.job(job, 1)
    story.feed(model)
    assert len(model.trace.jobs.open) == 50_000
    row = the_row(model)
    assert row.waiting == 50_000


def test_a_limiter_s_units_are_its_occupancy_though_jobs_hang_on_it():
    """anyio's: the task acquires a token, then the job is submitted."""
    model = Model()
    story = Story().resource(1, "anyio.CapacityLimiter", 40).task(5).step(5).acquires(5, 1, 1)
    story.job(1, 1).job_starts(1, 1).idle(10 * MS).job_ends(1, 1).idle(MS)
    story.step(5).releases(5, 1, 0).idle(9 * MS).feed(model)
    (view,) = model.snapshot(story.now_ns, SECOND).resources
    assert (view.in_use.max, view.in_use.now, view.waiting.max) == (1, 0, 0)
    assert view.in_use.mean == pytest.approx(11 / 20)
    (jobs,) = model.builder.jobs()
    assert (jobs.finished, jobs.run_times.max_ns) == (1, 10 * MS)
