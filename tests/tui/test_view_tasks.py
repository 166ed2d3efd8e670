"""The tasks view: groups that unfold, troubled tasks on top, and all about the chosen one."""

from dataclasses import replace

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from loopviz.tui.commands import rows as commands
from loopviz.tui.draw.glyphs import ASCII
from loopviz.tui.state.view_state import LIVE
from loopviz.wire.events import TASK_RAISED, WAIT_GET

from .shown import Shown

TICK = "tick\t/app/jobs.py\t12\tmain"
SLEEP = "sleep\t/app/jobs.py\t15\ttick"
POOL = "/app/db.py\t7\tstart"


def ticking(count=3):
    """A parent and so many children that sleep; each ran for 1 ms."""
    story = Story().task(1, "main\t/app/jobs.py\t3\trun").step(1, MS)
    for number in range(2, 2 + count):
        story.task(number, TICK, parent=1)
    story.idle(MS)
    for number in range(2, 2 + count):
        story.step(number, MS).idle(MS)
    return story


def requests(count=8):
    """So many requests that queue for a pool of one, which the first of them has."""
    story = Story().idle(MS).resource(5, "sqlalchemy.pool", 1, name="pool", made_at=POOL)
    for number in range(10, 10 + count):
        story.task(number, "run\t/app/server.py\t9\trun").step(number, MS)
        story.request(number, "GET /order")
        if number == 10:
            story.acquires(number, 5)
        else:
            story.waits_for(number, 5, place="\t/app/db.py\t20\torder")
        story.idle(MS)
    return story


def named(story, route):
    """Shown, with a load that knows the route."""
    from loopviz.model.model import Model

    shown = Shown("tasks", Story().idle(MS))
    shown.story = shown.controller.story = story
    shown.controller.model = Model([(route, 10.0)])
    return shown


def test_tasks_stand_in_the_group_of_their_line():
    shown = Shown("tasks", ticking())
    assert "TASKS 4 live · 4 started" in shown.rows[0]
    group = ["-", "tick", "jobs.py:12", "3", "live", "3.0ms", "0", "18ms"]
    assert shown.row("tick  jobs.py:12").split() == group
    places = [i for i, row in enumerate(shown.rows) if row.strip().startswith("#")]
    assert len(places) == 4


def test_a_group_of_few_tasks_is_open_and_enter_folds_it():
    shown = Shown("tasks", ticking()).choose(("group", 2))
    assert "- tick" in shown.text
    commands.enter(shown.desk)
    assert "+ tick" in shown.text
    assert ("task", 3) not in shown.keys
    commands.enter(shown.desk)
    assert ("task", 3) in shown.keys


def test_very_many_tasks_are_one_row_until_they_are_asked_for():
    shown = Shown("tasks", ticking(300))
    assert "300 live" in shown.row("+ tick")
    assert len(shown.keys) == 3  # two groups, and the one task of main
    shown.choose(("group", 2))
    commands.enter(shown.desk)
    assert len(shown.keys) > 150
    shown.desk.move(100_000)
    assert shown.rows[-1].startswith("▶")


def test_a_large_group_fills_the_rows_that_are_free():
    shown = Shown("tasks", ticking(300), size=(160, 40))
    inner = [row for row in shown.rows if row.startswith("      #")]
    assert len(shown.keys) == 38
    assert len(inner) == 35  # but for two groups and the row of those that there is no room for
    assert "and 165 more" in shown.text  # of the 200 that are listed
    shown.choose(("more", 2))
    commands.enter(shown.desk)
    assert len(shown.keys) > 150
    assert shown.desk.look.row == ("group", 2)
    commands.enter(shown.desk)
    assert len(shown.keys) == 3


def test_the_chosen_task_of_a_group_that_fills_the_rest_stays_in_sight():
    shown = Shown("tasks", ticking(60), size=(160, 40))
    shown.paint()
    last = [key for key in shown.keys if key[0] == "task" and key[1] > 1][-1]
    shown.choose(last)
    for number in range(100, 120):
        shown.story.task(number, TICK, parent=1).step(number, 5 * MS).idle(MS)
    shown.passes()
    assert last in shown.keys
    assert len(shown.keys) == 38


def test_below_a_short_table_stands_the_detail_of_the_chosen_one_or_the_first():
    shown = Shown("tasks", ticking())
    (head,) = (row for row in shown.rows if row.startswith("──"))
    assert head.startswith("── tick ─ 3 live of 3 started")
    shown.choose(("task", 3))
    assert any(row.startswith("── #3 tick ─ ") for row in shown.rows)


def test_requests_are_grouped_by_their_route_and_say_what_they_wait_for():
    shown = named(requests(), "GET /order")
    row = shown.row("+ GET /order")
    assert "8 live" in row
    assert row.endswith("pool ×7")
    shown.choose(("group", 2))
    commands.enter(shown.desk)
    queueing = [row for row in shown.rows if "░ queues" in row]
    assert len(queueing) == 7
    assert all("pool" in row for row in queueing)


def test_troubled_tasks_stand_on_top_with_a_word():
    story = ticking(2).step(2, MS).end(2, TASK_RAISED).idle(MS).never_retrieved(2, "ValueError: no")
    story.destroyed(3).idle(MS)
    shown = Shown("tasks", story, size=(118, 20))
    top = shown.rows[2:5]
    assert "IN TROUBLE" in top[0]
    assert "! last 2" in top[0]
    assert "! lost" in top[1]
    assert "! raised" in top[2]
    assert top[2].endswith("never retrieved")
    assert "1 lost · 1 never retrieved" in shown.rows[0]
    shown.choose(("task", 2))
    commands.enter(shown.desk)
    assert "ValueError: no (nobody retrieved it)" in shown.row("raised   ")


def test_of_many_in_trouble_the_last_three_are_shown_until_they_are_opened():
    story = ticking(9)
    for number in range(2, 8):
        story.destroyed(number)
    shown = Shown("tasks", story.idle(MS)).choose(("trouble", 0))
    assert sum("! lost" in row for row in shown.rows) == 3
    commands.enter(shown.desk)
    assert sum("! lost" in row for row in shown.rows) == 6


@pytest.mark.parametrize(
    ("order", "first"),
    [("busy", "#3"), ("waiting", "#2"), ("ready", "#4"), ("steps", "#4"), ("oldest", "#2")],
)
def test_orders(order, first):
    story = ticking()
    story.step(3, 9 * MS).idle(MS)
    for _ in range(3):
        story.callback("x", 2 * MS).step(4, waited=2 * MS).polls()
    shown = Shown("tasks", story.idle(MS))
    shown.desk.look = replace(shown.desk.look, orders={"tasks": shown.view.ORDERS.index(order)})
    inner = [row.split()[0] for row in shown.rows if row.startswith("      #")]
    assert next(name for name in inner if name != "#1") == first


def test_the_filter_finds_tasks_and_groups():
    shown = Shown("tasks", ticking())
    shown.desk.look = shown.desk.look.filtered("Tick")
    assert 'only "tick"' in shown.rows[0]
    assert not any(row.startswith(("  - main", "  + main")) for row in shown.rows)
    shown.desk.look = shown.desk.look.filtered("#3")
    assert [key for key in shown.keys if key[0] == "task"] == [("task", 3)]
    shown.desk.look = shown.desk.look.filtered("nothing like it")
    assert 'No task has "nothing like it" in it: esc shows all.' in shown.text


def test_a_pinned_task_stays_on_top():
    shown = Shown("tasks", ticking())
    shown.desk.look = replace(shown.desk.look, pins=frozenset({("task", 4)}))
    assert shown.rows[2].startswith("*     #4")
    assert sum("#4" in row for row in shown.rows) == 1


def test_all_about_a_task():
    story = ticking().resource(5, "asyncio.Lock", 1, made_at=POOL).step(3, MS).acquires(3, 5)
    story.idle(2 * MS).step(3, MS, waited=MS, place=SLEEP, woken_by=1).idle(5 * MS)
    shown = Shown("tasks", story, size=(80, 24)).choose(("task", 3))
    commands.enter(shown.desk)
    text = shown.text
    assert "#3 tick  ─ waits for sleep 5.0ms" in text
    assert "made at    /app/jobs.py:12 main" in text
    assert "holds      Lock" in text
    assert "tree       #1 main → #3" in text
    assert "woken by   #1 main" in text
    assert "/app/jobs.py:15 tick" in text
    assert "steps of its group tick" in text
    shown.choose(("task", 1))
    commands.enter(shown.desk)
    assert "children   #2 tick, #3 tick, #4 tick" in shown.text


def test_the_shares_of_its_life_sum_to_the_whole():
    story = ticking(1).step(2, 17 * MS).idle(33 * MS)
    shown = Shown("tasks", story).choose(("task", 2))
    commands.enter(shown.desk)
    row = shown.row("busy 3")
    shares = [int(word[:-1]) for word in row.split() if word.endswith("%")]
    assert abs(sum(shares) - 100) <= 1
    bar = shown.rows[2]
    assert set(bar.strip()) == {"█", "─"}
    assert len(bar.strip()) == 78


def test_the_await_stack_is_asked_for_and_libraries_are_folded():
    def library(line):
        file = "starlette/routing.py"
        return Location(file, line, "app", f"/lib/site-packages/{file}")

    shown = Shown("tasks", ticking(), size=(80, 24)).choose(("task", 3))
    own = Location("app/jobs.py", 15, "tick", "/app/jobs.py")
    sleep = Location("asyncio/tasks.py", 649, "sleep", "/usr/lib/python3.11/asyncio/tasks.py")
    shown.controller.stacks[3] = (*map(library, (10, 20, 30)), own, sleep)
    commands.enter(shown.desk)
    rows = shown.rows
    at = next(i for i, row in enumerate(rows) if "await stack" in row)
    assert [row.strip() for row in rows[at + 1 : at + 4]] == [
        "3 frames of starlette",
        "app/jobs.py:15 tick",
        "asyncio/tasks.py:649 sleep",
    ]
    assert shown.view.where(shown.desk.scene) == own


def test_while_frozen_the_stack_is_not_asked_for_but_kept():
    shown = Shown("tasks", ticking(), size=(80, 24)).choose(("task", 3))
    shown.controller.stacks[3] = (Location("app/jobs.py", 15, "tick", "/app/jobs.py"),)
    commands.enter(shown.desk)
    shown.paint()
    shown.desk.freeze()
    shown.passes()
    shown.controller.calls.clear()
    assert "as it was at the freeze" in shown.text
    assert "as of the freeze" in shown.rows[0]
    assert ("ask_stack", 3) not in shown.controller.calls


def test_the_chosen_task_stays_once_it_has_ended():
    shown = Shown("tasks", ticking()).choose(("task", 3))
    shown.paint()
    shown.story.step(3, MS).end(3)
    shown.passes()
    assert "· ended" in shown.row("▶     #3")
    shown.choose(("task", 4))
    assert "#3" not in shown.text


def test_enter_shows_the_request_of_a_task_in_the_live_view():
    shown = named(requests(), "GET /order").choose(("task", 12))
    shown.paint()
    commands.enter(shown.desk)
    assert shown.desk.look.detail
    assert "#3: enter shows it in the live view" in shown.text
    commands.enter(shown.desk)
    assert (shown.desk.look.view, shown.desk.look.chosen[LIVE]) == (LIVE, 3)
    assert shown.desk.look.frozen


def test_on_a_wide_terminal_table_and_detail_stand_side_by_side():
    shown = Shown("tasks", ticking(), size=(160, 40)).choose(("group", 2))
    assert "3 live of 3 started" in shown.rows[1]
    assert "/app/jobs.py:12 main" in shown.text
    assert "p99 step" in shown.rows[1]


def test_ascii_has_no_other_signs():
    story = ticking(2).step(2, MS).end(2, TASK_RAISED).idle(MS).never_retrieved(2, "ValueError: no")
    shown = Shown("tasks", story, size=(160, 40), glyphs=ASCII).choose(("task", 3))
    assert all(row.isascii() for row in shown.rows)


def test_what_the_app_says_is_cleaned():
    story = ticking(1).task(9, "x\x1b[31my\t/app/a.py\t1\tf").step(9, MS).idle(MS)
    shown = Shown("tasks", story)
    assert "\x1b" not in shown.text
    assert r"x\x1b[31my" in shown.text


@pytest.mark.parametrize("size", [(60, 8), (80, 3), (119, 30), (120, 30), (200, 50)])
def test_it_fits_any_size(size):
    shown = Shown("tasks", ticking(40), size=size).choose(("task", 3))
    for _ in range(3):
        shown.paint()
        commands.enter(shown.desk)


def test_before_the_first_event_there_is_nothing_to_fail_on():
    shown = Shown("tasks", Story())
    shown.controller.changed = {}
    assert "No tasks yet." in shown.text
    assert shown.view.where(shown.desk.scene) is None


def test_seconds_pass_and_a_group_has_a_pace():
    shown = Shown("tasks", ticking(), size=(160, 40)).choose(("group", 2))
    shown.paint()
    for _ in range(40):
        shown.story.step(3, MS).idle(49 * MS)
    assert "20 steps/s" in shown.text
    assert shown.story.now_ns > SECOND


def test_the_chosen_one_in_trouble_stays_while_others_come():
    story = ticking(12).destroyed(2).idle(MS)
    shown = Shown("tasks", story).choose(("task", 2))
    for number in range(3, 9):
        shown.story.destroyed(number)
    shown.passes()
    assert [row.split()[0] for row in shown.rows if "! lost" in row][-1] == "▶"
    assert ("task", 2) in shown.keys


def test_a_consumer_without_work_is_idle_and_does_not_queue():
    story = ticking(1).resource(5, "asyncio.Queue", 3, made_at=POOL).step(2, MS)
    shown = Shown("tasks", story.waits_for(2, 5, direction=WAIT_GET).idle(MS))
    assert "─ idle" in shown.row("#2")
