"""Tasks: where they come from, what they wait for, and how they end."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.snapshot import State
from loopviz.model.state.observer import Observer
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED, TASK_RAISED

T0 = 1024 * SECOND
SITE = "fetch\t/app/api.py\t12\thandler"


def fed(story):
    model = Model()
    story.feed(model)
    return model


def tasks_of(model, story):
    return model.builder.tasks(story.now_ns)


class Listener(Observer):
    """Notes what it hears."""

    def __init__(self):
        self.heard = []

    def task_ended(self, task, at):
        self.heard.append(("ended", task.number, task.outlived_ns, len(task.waits)))

    def never_retrieved(self, number, error, task, at):
        self.heard.append(("never_retrieved", number, error, task and task.number))


def listening(story):
    model = Model()
    listener = model.trace.observer = model.trace.tasks.observer = Listener()
    story.feed(model)
    return model, listener


def test_a_task_that_is_older_than_the_probe_waits_until_its_first_step():
    story = Story().task(1, "main").suspended(1, "event\t/app/api.py\t15\tmain").idle(5 * MS)
    model = fed(story)
    (view,) = tasks_of(model, story).tasks
    assert (view.state, view.place.line, view.place_what) == (State.AWAIT, 15, "event")
    assert (view.waiting_ns, view.ready_ns) == (5 * MS, 0)
    story.step(1, MS, waited=0).feed(model)
    (view,) = tasks_of(model, story).tasks
    assert (view.waiting_ns, view.ready_ns, view.busy_ns) == (5 * MS, 0, MS)


def test_a_task_in_full():
    story = Story().task(1, "main").task(2, SITE, parent=1, name="refresh").runs(MS)
    story.step(2, 2 * MS, waited=MS).idle(3 * MS).runs(4 * MS)
    story.step(2, MS, waited=2 * MS, place="sleep\t/app/api.py\t15\tfetch", woken_by=1).idle(5 * MS)
    model = fed(story)
    _, view = tasks_of(model, story).tasks
    assert (view.number, view.label, view.parent, view.request) == (2, "refresh", 1, 0)
    assert (view.site.line, view.site.function) == (12, "handler")
    assert (view.state, view.since_ns) == (State.AWAIT, story.now_ns - 5 * MS)
    assert (view.place.line, view.place_what, view.waits_for) == (15, "sleep", "")
    assert (view.steps, view.waker, view.outcome, view.orphan) == (2, 1, "", False)
    assert (view.busy_ns, view.ready_ns, view.waiting_ns) == (3 * MS, 3 * MS, 10 * MS)
    story.step(2, MS).end(2, TASK_RAISED).idle(MS).feed(model)
    (task,) = model.trace.tasks.ended
    view = model.builder.task(task, story.now_ns + SECOND)
    assert (view.state, view.outcome, view.since_ns) == (None, "raised", story.now_ns - MS)
    assert view.busy_ns + view.ready_ns + view.waiting_ns == task.ended_ns - T0


@pytest.mark.parametrize(
    ("story", "state"),
    [
        (Story().task(1), State.READY),
        (Story().task(1).step(1), State.RUN),
        (Story().task(1).step(1).idle(MS), State.AWAIT),
    ],
)
def test_states_of_a_live_task(story, state):
    model = fed(story)
    (view,) = model.builder.tasks(story.now_ns + 5 * MS).tasks
    assert view.state is state
    assert view.busy_ns + view.ready_ns + view.waiting_ns == story.now_ns + 5 * MS - T0


def test_a_child_that_outlives_its_parent():
    story = Story().task(1, "handler").step(1).task(2, "left", parent=1).task(3, "kept", parent=1)
    story.step(3, MS).end(3).step(1, MS).end(1).idle(5 * MS)
    model, listener = listening(story)
    assert model.trace.tasks.outlived_parent == 1
    (view,) = tasks_of(model, story).tasks
    assert (view.label, view.orphan, view.outlived_ns) == ("left", True, 0)
    story.step(2, 2 * MS).end(2).idle(MS).feed(model)
    assert listener.heard == [("ended", 3, 0, 0), ("ended", 1, 0, 0), ("ended", 2, 7 * MS, 0)]
    (view,) = tasks_of(model, story).troubled
    assert (view.label, view.orphan, view.outlived_ns) == ("left", True, 7 * MS)
    assert model.trace.tasks.outlived_parent == 1


def test_a_child_that_ends_right_after_its_parent_did_not_outlive_it():
    """`amqtt` has many: Tasks called them in trouble, by 0.0 ms, and no rule told of them."""
    story = Story().task(1).step(1).task(2, parent=1).task(3, parent=1).end(1).idle(MS)
    story.step(2, 3 * MS).end(2).step(3, 2 * MS).end(3).idle(MS)
    model, listener = listening(story)
    assert listener.heard == [("ended", 1, 0, 0), ("ended", 2, 0, 0), ("ended", 3, 6 * MS, 0)]
    assert [task.number for task in tasks_of(model, story).troubled] == [3]
    assert model.trace.tasks.outlived_parent == 1


def test_a_task_that_ends_in_the_same_step_as_its_parent_is_no_orphan():
    """An eager one, say: it was over before its parent was."""
    story = Story().task(1).step(1).task(2, parent=1).end(2).end(1).idle(MS)
    model, listener = listening(story)
    assert [number for _, number, *_ in listener.heard] == [2, 1]
    assert model.trace.tasks.outlived_parent == 0


def test_an_exception_that_nobody_retrieved():
    story = Story().task(1, "job").step(1, MS).end(1, TASK_RAISED).idle(MS)
    story.never_retrieved(1, "ValueError: no").never_retrieved(77, "KeyError: 1")
    model, listener = listening(story)
    assert listener.heard[1:] == [
        ("never_retrieved", 1, "ValueError: no", 1),
        ("never_retrieved", 77, "KeyError: 1", None),
    ]
    assert model.trace.tasks.never_retrieved == 2
    (view,) = tasks_of(model, story).troubled
    assert (view.outcome, view.never_retrieved) == ("raised", "ValueError: no")


def test_a_task_that_is_lost_while_it_waits():
    story = Story().task(1, "job").resource(5, "asyncio.Event").step(1).waits_for(1, 5)
    story.idle(20 * MS).destroyed(1).idle(MS)
    model, listener = listening(story)
    assert listener.heard == [("ended", 1, 0, 1)]
    view = tasks_of(model, story)
    assert (view.lost, view.live) == (1, 0)
    (task,) = view.troubled
    assert (task.outcome, task.waiting_ns) == ("lost", 20 * MS)
    assert model.trace.resources.live[5].waiters == {}


def test_counts():
    story = Story().task(1).step(1).end(1, TASK_RAISED).task(2).step(2).end(2, TASK_CANCELLED)
    story.end(9, TASK_CANCELLED).idle(MS)  # one that we never heard of
    view = tasks_of(fed(story), story)
    assert (view.started, view.raised, view.cancelled, view.live) == (2, 1, 2, 0)
    model = fed(story.mark("scenario:x"))
    assert model.trace.tasks.started == 0


def test_the_request_a_task_works_for():
    story = Story().task(1).step(1).request(1, "GET /a").task(2, "child", parent=1)
    story.task(3, "grandchild", parent=2).runs(MS).response(1, "GET /a").idle(MS)
    model = fed(story)
    views = tasks_of(model, story).tasks
    assert [(v.label, v.request) for v in views] == [("GET /a", 1), ("child", 1), ("grandchild", 1)]


def test_an_eager_request_runs_within_another_s_callback():
    """Python 3.12's eager tasks: no step is recorded until it has waited."""
    story = Story().idle(MS).callback("data_received", MS).task(1).request(1, "GET /a")
    story.runs(2 * MS).idle(3 * MS).step(1, MS).response(1, "GET /a").end(1).idle(MS)
    model = fed(story)
    (request,) = model.snapshot(story.now_ns, SECOND).requests
    assert [((b - a) // MS, state) for a, b, state in request.spans] == [
        (2, State.RUN),
        (3, State.AWAIT),
        (1, State.RUN),
    ]
    (task,) = model.trace.tasks.ended
    assert (task.busy_ns, task.waiting_ns) == (3 * MS, 3 * MS)


def test_an_eager_request_that_never_waits():
    story = Story().callback("data_received", MS).task(1).request(1, "GET /a").runs(2 * MS)
    story.response(1, "GET /a").end(1).runs(MS).idle(MS)
    model, listener = listening(story)
    assert listener.heard == [("ended", 1, 0, 0)]
    (request,) = model.snapshot(story.now_ns, SECOND).requests
    assert [((b - a) // MS, state) for a, b, state in request.spans] == [(2, State.RUN)]
    (task,) = model.trace.tasks.ended
    assert task.busy_ns + task.waiting_ns == task.ended_ns - task.started_ns


def test_a_request_whose_end_was_never_told_ends_with_its_task():
    story = Story().task(1).step(1).request(1, "GET /a").idle(MS).destroyed(1).task(2).step(2)
    story.request(2, "GET /b").runs(MS).end(2).idle(MS)
    model = fed(story)
    assert model.trace.requests.open == {}
    first, second = model.snapshot(story.now_ns, SECOND).requests
    assert (first.open, first.status, first.waiting_ns) == (False, 0, MS)
    assert (second.open, second.status, second.busy_ns) == (False, 0, MS)


def test_after_a_loss_a_task_that_is_heard_of_again_keeps_its_name():
    story = Story().task(1, "consumer").task(2, "gone").step(1, MS).idle(MS)
    model = fed(story)
    model.lost(10, story.now_ns)
    assert model.trace.tasks.live == {}
    story.runs(SECOND).step(1, 2 * MS, waited=MS).feed(model)
    (view,) = model.builder.tasks(story.now_ns).tasks
    assert (view.label, view.started_ns) == ("consumer", T0)
    assert view.busy_ns + view.ready_ns + view.waiting_ns == 3 * MS  # what was seen of it
    story.idle(400 * SECOND).feed(model)
    story.idle(SECOND).feed(model)
    assert 2 not in model.trace.tasks._doubtful


def test_very_many_tasks():
    story = Story()
    for number in range(1, 1001):
        story.task(number, f"t{number}")
    model = fed(story)
    view = tasks_of(model, story)
    assert view.live == 1000
    numbers = [task.number for task in view.tasks]
    assert numbers == [*range(1, 101), *range(901, 1001)]


def test_a_chain_of_tasks_is_not_kept():
    """Each starts the next and ends: for ever."""
    import gc

    from loopviz.model.state.entities import Task

    def alive():
        gc.collect()
        return sum(type(thing) is Task for thing in gc.get_objects())

    others = alive()
    story, model = Story().task(1).step(1), Model()
    for number in range(2, 10_000):
        story.task(number, parent=number - 1).end(number - 1).step(number, 5 * MS)
    story.idle(MS).feed(model)
    assert model.trace.tasks.outlived_parent == 9_998
    assert alive() - others <= 2000 + 2


def test_one_in_trouble_is_told_however_many_end_well_after_it():
    story = Story().task(1, "bad").step(1, MS).end(1, TASK_RAISED).idle(MS)
    story.never_retrieved(1, "KeyError: 1").never_retrieved(1, "KeyError: 1")
    for number in range(2, 2500):
        story.task(number, "fine").step(number, 1).end(number)
    model, _ = listening(story.idle(MS))
    assert [task.label for task in tasks_of(model, story).troubled] == ["bad"], "and once"


def test_of_many_in_trouble_the_last_are_told_the_newest_first():
    story = Story()
    for number in range(1, 61):
        story.task(number).step(number, 1).destroyed(number)
    model, _ = listening(story.idle(MS))
    assert [task.number for task in tasks_of(model, story).troubled] == [*range(60, 10, -1)]
    model.mark(story.now_ns, "scenario:other")
    assert tasks_of(model, story).troubled == ()
