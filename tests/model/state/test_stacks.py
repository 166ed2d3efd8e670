"""When a target is asked where a task is, and what is known of it."""

from loopviz.clock import MS, SECOND
from loopviz.model.names import Naming
from loopviz.model.state.stacks import Stacks

T0 = 1024 * SECOND


def frames(*lines):
    return [f"\t/app/api.py\t{line}\thandler" for line in lines]


def test_it_is_asked_four_times_a_second_once_it_answers():
    stacks = Stacks(Naming([("/app", "app")]))
    assert stacks.due(7, T0)
    assert stacks.last(7) is None
    assert not stacks.due(7, T0 + 1900 * MS)  # the answer is missing: no more of the same
    assert stacks.due(7, T0 + 2 * SECOND)
    stacks.answered(7, frames(12, 15))
    assert [(place.file, place.line) for place in stacks.last(7)] == [
        ("app/api.py", 12),
        ("app/api.py", 15),
    ]
    assert not stacks.due(7, T0 + 2249 * MS)
    assert stacks.due(7, T0 + 2250 * MS)
    assert len(stacks.last(7)) == 2  # until the new answer


def test_another_task_is_asked_for_soon_and_old_answers_are_not_its():
    stacks = Stacks(Naming())
    assert stacks.due(7, T0)
    assert not stacks.due(8, T0 + 100 * MS)
    assert stacks.due(8, T0 + 250 * MS)
    stacks.answered(7, frames(12))
    assert (stacks.last(7), stacks.last(8)) == (None, None)


def test_a_task_that_has_ended_has_none():
    stacks = Stacks(Naming())
    stacks.due(7, T0)
    stacks.answered(7, None)
    assert stacks.last(7) == ()
