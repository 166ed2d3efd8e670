"""The tree of who waits for whom: its rows, opened and closed, live and frozen."""

from dataclasses import replace

import pytest

from loopviz.clock import MS, SECOND
from loopviz.tui.commands import rows as commands
from loopviz.tui.commands import travel
from loopviz.tui.draw.glyphs import ASCII
from loopviz.tui.state.view_state import LIVE
from tests.model.findings.stories import HOLDS, WAITS, request
from tests.model.snapshot.test_wait_tree import (
    EVENT,
    LOCK,
    OTHER,
    at_socket,
    awaits,
    begin,
    child,
)
from tests.tui.rendered import RenderedView
from tests.tui.stage import beyond_ascii


def convoy(story=None, waiters=23):
    """A holder that awaits a socket, and so many that wait for its lock."""
    story = request(story or begin(), 1).acquires(1, LOCK, place=HOLDS).idle(MS)
    for task in range(2, 2 + waiters):
        request(story, task).waits_for(task, LOCK, place=WAITS).idle(MS)
    return story, [at_socket(1)]


def shown(made, *, size=(80, 20), tree=True, **options):
    """The view of tasks over a story and what the probe has read."""
    story, read = made
    rendered = RenderedView("tasks", story, size, **options)
    rendered.run.model.rules.add_awaits(read, story.now_ns)
    rendered.controller.view_state = replace(rendered.controller.view_state, tree=tree)
    rendered.draw()
    return rendered


def test_a_folded_convoy_and_the_holder_below_it():
    rendered = shown(convoy())
    convoy_row, holder = rendered.rows[2:4]
    assert convoy_row.split() == ["-", "GET", "/a", "×23", "░", "lock", "1/1", "23ms", "api.py:20"]
    held = ["held", "by", "#1", "GET", "/a", "─", "await", "socket", "24ms", "db.py:33"]
    assert holder.split() == held
    assert holder.index("held") > convoy_row.index("GET")


def test_the_key_switches_between_tree_and_table():
    rendered = shown(convoy(), tree=False)
    assert "TASKS 24 live · 24 started" in rendered.rows[0]
    commands.tree(rendered.controller)
    assert "TASKS 24 live · who waits for whom" in rendered.rows[0]
    commands.tree(rendered.controller)
    assert "24 started" in rendered.rows[0]


def test_in_another_view_the_key_says_where_the_tree_is():
    rendered = shown(convoy())
    rendered.controller.view_state = replace(rendered.controller.view_state, view=LIVE)
    commands.tree(rendered.controller)
    scene = rendered.controller.next_scene(rendered.story.now_ns)
    assert scene.notice == "The tree of who waits for whom is in the view of tasks: 2."


def test_right_opens_and_left_closes_a_row_then_goes_to_the_one_above():
    rendered = shown(convoy()).choose(("task", 1))
    fold = rendered.keys[0]
    travel.scroll(rendered.controller, -1)
    assert rendered.controller.view_state.row == fold
    travel.scroll(rendered.controller, -1)
    assert rendered.keys == [fold]
    assert "+ GET /a ×23" in rendered.text
    travel.scroll(rendered.controller, 1)
    assert rendered.keys == [fold, ("task", 1)]
    assert not rendered.controller.view_state.frozen


def test_enter_closes_and_opens_several_tasks():
    rendered = shown(convoy())
    rendered.choose(rendered.keys[0])
    commands.enter(rendered.controller)
    assert "held by" not in rendered.text
    commands.enter(rendered.controller)
    assert "held by" in rendered.text


def test_enter_on_a_task_does_what_it_does_in_the_table():
    for tree in (False, True):
        rendered = shown(convoy(), tree=tree).choose(("task", 1))
        rendered.draw()
        commands.enter(rendered.controller)
        assert rendered.controller.view_state.detail
        rendered.draw()
        commands.enter(rendered.controller)
        state = rendered.controller.view_state
        assert (state.view, state.row, state.frozen) == (LIVE, 1, True)


def test_enter_on_a_second_mention_goes_to_the_task():
    story, read = convoy(waiters=1)
    child(story, 50).waits_for(50, OTHER, place=WAITS).acquires(1, OTHER).idle(MS)
    rendered = shown((story, read))
    (again,) = (key for key in rendered.keys if key[0] == "again")
    rendered.choose(again)
    assert "see above" in rendered.text
    commands.enter(rendered.controller)
    assert rendered.controller.view_state.row == ("task", 1)


def deadlock():
    story = request(begin(), 1).acquires(1, LOCK).waits_for(1, OTHER, place=WAITS).idle(MS)
    request(story, 2).acquires(2, OTHER).waits_for(2, LOCK, place=WAITS).idle(2 * SECOND)
    return story, []


def test_a_deadlock_is_an_alarm_and_says_who_waits_for_itself():
    rendered = shown(deadlock())
    assert "2 in a deadlock" in rendered.rows[0]
    assert "↺ waits for itself" in rendered.row("    held by #1")
    alarm = rendered.controller.theme.alarm
    (strip,) = (strip for strip in rendered.draw() if "held by #2" in strip.text)
    assert any(segment.style == alarm and "lock" in segment.text for segment in strip)


def test_the_setter_of_an_event_is_not_made_up():
    story = child(begin(), 1).waits_for(1, EVENT, place=WAITS).idle(MS)
    rendered = shown((story, []), size=(120, 20)).choose(("task", 1))
    assert "░ done: nobody is known who could set it" in rendered.rows[2]
    narrow = shown((child(begin(), 1).waits_for(1, EVENT).idle(MS), [])).choose(("task", 1))
    assert "done: setter not known" in narrow.rows[2]
    assert "nobody is known who could set it" in narrow.row(" waits for  ░")


@pytest.mark.parametrize("size", [(80, 20), (120, 31), (160, 46)], ids=str)
def test_no_word_is_cut_without_a_sign(size):
    story, read = convoy()
    for task in (60, 61):
        story.task(task, "a_coroutine_with_a_very_long_name\t/app/api.py\t30\torder").step(task)
    read += [awaits(60, 61, through="TaskGroup"), at_socket(61)]
    rendered = shown((story.idle(MS), read), size=size)
    whole = "a_coroutine_with_a_very_long_name"
    for row in rendered.rows:
        if "a_corou" in row:
            assert whole in row or "…" in row


def test_a_frozen_tree_stays_and_one_that_was_not_open_is_not_made_up():
    rendered = shown(convoy())
    rendered.controller.freeze()
    rendered.story.step(1, MS).releases(1, LOCK).idle(SECOND)
    assert "held by #1" in rendered.text
    assert rendered.rows[0].endswith("as of the freeze")
    closed = shown(convoy(), tree=False)
    closed.controller.freeze()
    commands.tree(closed.controller)
    assert (
        "The tree is only known live, and was not open at the freeze: 0 goes back." in closed.text
    )
    closed.controller.go_live()
    assert "held by #1" in closed.text


def test_a_filter_keeps_whole_branches_and_a_pin_puts_one_on_top():
    story, read = convoy()
    child(story, 40).idle(MS)
    rendered = shown((story, [*read, at_socket(40)]))
    assert rendered.keys[-1] == ("task", 40)
    rendered.choose(("task", 40))
    rendered.draw()
    commands.pin(rendered.controller)
    assert rendered.keys[0] == ("task", 40)
    rendered.controller.view_state = rendered.controller.view_state.filtered("lock")
    assert len(rendered.keys) == 2
    rendered.controller.view_state = rendered.controller.view_state.filtered("zebra")
    assert 'Nothing in the tree has "zebra" in it: esc shows all.' in rendered.text


def test_the_tree_has_no_other_order():
    rendered = shown(convoy())
    commands.order(rendered.controller)
    scene = rendered.controller.next_scene(rendered.story.now_ns)
    assert scene.notice == "The rows of this view have one order only."
    assert "order" not in scene.offers


def test_the_target_is_asked_only_while_the_tree_is_on_the_screen():
    rendered = shown(convoy(), tree=False)
    assert ("ask_tree",) not in rendered.run.calls
    commands.tree(rendered.controller)
    rendered.draw()
    assert ("ask_tree",) in rendered.run.calls


def test_ascii():
    assert not beyond_ascii(shown(deadlock(), glyphs=ASCII).text)
    assert "@ waits for itself" in shown(deadlock(), glyphs=ASCII).text
