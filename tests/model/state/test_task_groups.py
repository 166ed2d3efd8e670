"""Groups of tasks: by line and by route, what their steps took, and that they are bounded."""

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.testing import Story

TICK = "tick\t/app/jobs.py\t12\tmain"


def groups_of(story, model=None):
    model = model or Model()
    story.feed(model)
    return {group.label: group for group in model.builder.tasks(story.now_ns).groups}


def test_tasks_of_one_line_are_a_group():
    story = Story().task(1, "main").task(2, TICK, parent=1).task(3, TICK, parent=1).idle(MS)
    for _ in range(3):
        story.callback("x", 2 * MS).step(2, MS, waited=2 * MS).idle(MS)
    story.step(3, 5 * MS).end(3).idle(10 * MS)
    model = Model()
    tick = groups_of(story, model)["tick"]
    assert (tick.live, tick.started, tick.route, tick.site.line) == (1, 2, False, 12)
    assert (tick.busy_ns, tick.ready_ns) == (8 * MS, 6 * MS)
    assert (tick.steps.quantiles.count, tick.steps.quantiles.max_ns) == (4, 5 * MS)
    assert (tick.delays.quantiles.count, tick.delays.quantiles.max_ns) == (4, 2 * MS)
    assert sum(tick.steps.buckets) == 4
    tasks = [*model.trace.tasks.ended, *model.trace.tasks.live.values()]
    lives = {2: story.now_ns - 1024 * SECOND, 3: 18 * MS}
    assert tick.waiting_ns == sum(lives.values()) - tick.busy_ns - tick.ready_ns
    assert {task.group.number for task in tasks if task.number > 1} == {tick.number}
    views = model.builder.tasks(story.now_ns).tasks
    assert {view.number: view.group for view in views}[2] == tick.number


def test_requests_are_grouped_by_the_load_s_route():
    story = Story().idle(MS)
    for number in (1, 2):
        story.task(number, "run").step(number, MS).request(number, f"GET /items/{number}")
        story.runs(MS).response(number, "GET /items/{item_id}").end(number).idle(MS)
    groups = groups_of(story, Model([("GET /items/{n}", 5.0)]))
    assert list(groups) == ["GET /items/{n}"]
    assert (groups["GET /items/{n}"].started, groups["GET /items/{n}"].live) == (2, 0)


def test_of_other_requests_the_route_is_known_at_their_end():
    story = Story().idle(MS).task(1, "run").step(1, MS).request(1, "GET /a/17").idle(MS)
    model = Model()
    assert groups_of(story, model)["run"].live == 1
    story.step(1, 3 * MS).response(1, "GET /a/{id}").end(1).idle(SECOND)
    groups = groups_of(story, model)
    assert (groups["GET /a/{id}"].started, groups["GET /a/{id}"].live) == (1, 0)
    assert "run" not in groups


def test_what_was_counted_begins_anew_with_the_scenario():
    story = Story().task(1, TICK).step(1, MS).idle(MS)
    model = Model()
    groups_of(story, model)
    story.mark("scenario:x").feed(model)
    story.runs(SECOND).step(1, 2 * MS).idle(MS)
    tick = groups_of(story, model)["tick"]
    assert (tick.live, tick.started, tick.steps.quantiles.count) == (1, 0, 1)


def test_after_a_loss_only_those_that_are_heard_of_live():
    story = Story().task(1, TICK).task(2, TICK).step(1, MS).idle(MS)
    model = Model()
    story.feed(model)
    model.lost(5, story.now_ns)
    story.runs(SECOND).step(2, MS).idle(MS)
    tick = groups_of(story, model)["tick"]
    assert tick.live == 1
    story.step(2, MS).end(2).idle(SECOND)
    assert groups_of(story, model)["tick"].live == 0


def test_very_many_lines_share_a_group():
    story = Story()
    for number in range(1, 1001):
        story.task(number, f"job{number}\t/app/jobs.py\t{number}\tmain")
    groups = groups_of(story.idle(MS))
    assert len(groups) == 201
    assert groups["other tasks"].live == 800


def test_what_was_noted_does_not_pile_up():
    story, model = Story().task(1, TICK), Model()
    for _ in range(1000):
        story.step(1, MS).idle(MS).feed(model)
    group = model.trace.tasks.live[1].group
    assert len(group.steps) <= 50
    assert group.step_times.count + len(group.steps) == 1000


def test_recent_times_are_those_of_the_last_seconds():
    story, model = Story().task(1, TICK).idle(MS), Model()
    groups_of(story.step(1, 700 * MS), model)
    for _ in range(100):
        story.callback("x", 3 * MS).step(1, 2 * MS, waited=3 * MS).idle(95 * MS)
        tick = groups_of(story, model)["tick"]
    assert 5 * SECOND <= tick.recent.steps * 100 * MS <= 5500 * MS
    assert tick.recent.busy_ns == tick.recent.steps * 2 * MS
    assert tick.recent.ready_ns == tick.recent.steps * 3 * MS
    assert tick.busy_ns == 900 * MS
    of = tick.recent.busy_ns + tick.recent.ready_ns + tick.recent.waiting_ns
    assert 5 * SECOND <= of <= 5500 * MS


def test_the_pace_is_that_of_the_last_seconds():
    story, model = Story().task(1, TICK).idle(MS), Model()
    groups_of(story, model)
    for _ in range(100):
        story.step(1, MS).idle(49 * MS)
        pace = groups_of(story, model)["tick"].steps_per_s
    assert 19 <= pace <= 21
    for _ in range(10):
        pace = groups_of(story.idle(SECOND), model)["tick"].steps_per_s
    assert pace == 0
