"""The tasks view: groups that unfold, troubled tasks on top, and all about the chosen one."""

from dataclasses import replace

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from loopviz.tui.commands import rows as commands
from loopviz.tui.draw.glyphs import ASCII
from loopviz.tui.state.view_state import LIVE
from loopviz.tui.views.tasks.stack import is_library
from loopviz.wire.events import TASK_RAISED, WAIT_GET
from tests.tui.rendered import RenderedView

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

    rendered = RenderedView("tasks", Story().idle(MS))
    rendered.story = rendered.run.story = story
    rendered.run.model = Model([(route, 10.0)])
    return rendered


def test_tasks_stand_in_the_group_of_their_line():
    rendered = RenderedView("tasks", ticking())
    assert "TASKS 4 live · 4 started" in rendered.rows[0]
    group = ["-", "tick", "jobs.py:12", "3", "live", "3.0ms", "0", "18ms"]
    assert rendered.row("tick  jobs.py:12").split() == group
    places = [i for i, row in enumerate(rendered.rows) if row.strip().startswith("#")]
    assert len(places) == 4


def test_a_group_of_few_tasks_is_open_and_enter_folds_it():
    rendered = RenderedView("tasks", ticking()).choose(("group", 2))
    assert "- tick" in rendered.text
    commands.enter(rendered.controller)
    assert "+ tick" in rendered.text
    assert ("task", 3) not in rendered.keys
    commands.enter(rendered.controller)
    assert ("task", 3) in rendered.keys


def test_very_many_tasks_are_one_row_until_they_are_asked_for():
    rendered = RenderedView("tasks", ticking(300))
    assert "300 live" in rendered.row("+ tick")
    assert len(rendered.keys) == 3  # two groups, and the one task of main
    rendered.choose(("group", 2))
    commands.enter(rendered.controller)
    assert len(rendered.keys) > 150
    rendered.controller.move(100_000)
    assert rendered.rows[-1].startswith("▶")


def test_a_large_group_fills_the_rows_that_are_free():
    rendered = RenderedView("tasks", ticking(300), size=(160, 40))
    inner = [row for row in rendered.rows if row.startswith("      #")]
    assert len(rendered.keys) == 38
    assert len(inner) == 35  # but for two groups and the row of those that there is no room for
    assert "and 165 more" in rendered.text  # of the 200 that are listed
    rendered.choose(("more", 2))
    commands.enter(rendered.controller)
    assert len(rendered.keys) > 150
    assert rendered.controller.view_state.row == ("group", 2)
    commands.enter(rendered.controller)
    assert len(rendered.keys) == 3


def test_the_chosen_task_of_a_group_that_fills_the_rest_stays_in_sight():
    rendered = RenderedView("tasks", ticking(60), size=(160, 40))
    rendered.draw()
    last = [key for key in rendered.keys if key[0] == "task" and key[1] > 1][-1]
    rendered.choose(last)
    for number in range(100, 120):
        rendered.story.task(number, TICK, parent=1).step(number, 5 * MS).idle(MS)
    rendered.passes()
    assert last in rendered.keys
    assert len(rendered.keys) == 38


def test_on_a_very_wide_terminal_the_last_seconds_stand_beside_the_whole():
    rendered = RenderedView("tasks", ticking(), size=(200, 56))
    for _ in range(20):
        rendered.story.step(3, 20 * MS)
        rendered.passes().draw()
    assert "busy 5s ready 5s" in rendered.rows[1]
    assert "100ms" in rendered.row("tick  jobs.py:12")


UVICORN = "/venv/lib/python3.11/site-packages/uvicorn"


def served():
    """Requests that wait in the app's code, and two tasks that the server has for itself."""
    story = Story().task(1, f"LifespanOn.main\t{UVICORN}/lifespan/on.py\t78\tmain")
    story.task(2, "serve\t/x/loopviz/lab/target/__main__.py\t116\tserve").idle(MS)
    story.step(1, 50 * MS).step(2, MS)
    for number in (10, 11):
        story.task(number, f"run_asgi\t{UVICORN}/protocols/http/h11_impl.py\t420\trun_asgi")
        story.step(number, MS).request(number, "GET /order").idle(MS)
    return story


def test_the_server_s_own_tasks_are_behind_one_row():
    rendered = named(served(), "GET /order")
    assert [key[0] for key in rendered.keys] == ["group", "server"]
    row = rendered.row("server (2 tasks)")
    assert row.split()[:5] == ["+", "server", "(2", "tasks)", "51ms"]
    rendered.choose(("server", 0))
    commands.enter(rendered.controller)
    assert len(rendered.keys) > 3
    assert "on.py:78" in rendered.text


def test_so_they_are_in_the_tree():
    rendered = named(served(), "GET /order")
    rendered.controller.view_state = replace(rendered.controller.view_state, tree=True)
    rendered.draw()
    assert rendered.keys[-1] == ("server", 0)
    assert rendered.row("server (2 tasks)").split()[:2] == ["+", "server"]
    closed = len(rendered.keys)
    rendered.choose(("server", 0))
    assert "They accept connections" in " ".join(rendered.text.split())
    commands.enter(rendered.controller)
    assert len(rendered.keys) == closed + 2


def test_of_a_filter_no_row_is_behind_another():
    rendered = named(served(), "GET /order")
    rendered.controller.view_state = rendered.controller.view_state.filtered("serve")
    assert rendered.rows[2].split()[:2] == ["-", "serve"]


def test_if_there_is_only_the_server_its_tasks_are_shown():
    story = Story().task(1, f"LifespanOn.main\t{UVICORN}/lifespan/on.py\t78\tmain").step(1, MS)
    rendered = RenderedView("tasks", story.idle(MS))
    assert "- server (1 task)" in rendered.text
    assert "on.py:78" in rendered.text


def test_the_line_of_a_group_is_the_app_s():
    """Never the server's, which makes the tasks of all routes at one line."""
    rendered = named(served(), "GET /order").choose(("group", 3))
    rendered.draw()
    assert rendered.view.location(rendered.controller.scene) is None
    rendered = named(requests(), "GET /order")
    (group,) = (key for key in rendered.keys if key[0] == "group")
    rendered.choose(group).draw()
    where = rendered.view.location(rendered.controller.scene)
    assert (where.path, where.line) == ("/app/db.py", 20)


@pytest.mark.parametrize(
    ("path", "library"),
    [
        ("/venv/lib/python3.11/site-packages/uvicorn/server.py", True),
        ("/venv/lib/python3.11/site-packages/loopviz/lab/target/__main__.py", True),
        ("/venv/lib/python3.11/site-packages/loopviz/_scenarios/block.py", False),
        ("/home/me/app/main.py", False),
    ],
)
def test_installed_code_is_not_the_app_s_but_for_lessons(path, library):
    assert is_library(Location(file="x.py", line=1, function="f", path=path)) is library


def test_below_a_short_table_stands_the_detail_of_the_chosen_one_or_the_first():
    rendered = RenderedView("tasks", ticking())
    (head,) = (row for row in rendered.rows if row.startswith("──"))
    assert head.startswith("── tick ─ 3 live, 3 started")
    rendered.choose(("task", 3))
    assert any(row.startswith("── #3 tick ─ ") for row in rendered.rows)


def test_requests_are_grouped_by_their_route_and_say_what_they_wait_for():
    rendered = named(requests(), "GET /order")
    row = rendered.row("+ GET /order")
    assert "8 live" in row
    assert row.endswith("pool ×7")
    rendered.choose(("group", 2))
    commands.enter(rendered.controller)
    queueing = [row for row in rendered.rows if "░ queues" in row]
    assert len(queueing) == 7
    assert all("pool" in row for row in queueing)


def test_troubled_tasks_stand_on_top_with_a_word():
    story = ticking(2).step(2, MS).end(2, TASK_RAISED).idle(MS).never_retrieved(2, "ValueError: no")
    story.destroyed(3).idle(MS)
    rendered = RenderedView("tasks", story, size=(118, 20))
    top = rendered.rows[2:5]
    assert "IN TROUBLE" in top[0]
    assert "! last 2" in top[0]
    assert "! lost" in top[1]
    assert "! raised" in top[2]
    assert top[2].endswith("never retrieved")
    assert "1 lost · 1 never retrieved" in rendered.rows[0]
    rendered.choose(("task", 2))
    commands.enter(rendered.controller)
    assert "ValueError: no (nobody retrieved it)" in rendered.row("raised   ")


def test_of_many_in_trouble_the_last_three_are_shown_until_they_are_opened():
    story = ticking(9)
    for number in range(2, 8):
        story.destroyed(number)
    rendered = RenderedView("tasks", story.idle(MS)).choose(("trouble", 0))
    assert sum("! lost" in row for row in rendered.rows) == 3
    commands.enter(rendered.controller)
    assert sum("! lost" in row for row in rendered.rows) == 6


@pytest.mark.parametrize(
    ("order", "first"),
    [("busy", "#3"), ("waiting", "#2"), ("ready", "#4"), ("steps", "#4"), ("oldest", "#2")],
)
def test_orders(order, first):
    story = ticking()
    story.step(3, 9 * MS).idle(MS)
    for _ in range(3):
        story.callback("x", 2 * MS).step(4, waited=2 * MS).polls()
    rendered = RenderedView("tasks", story.idle(MS))
    rendered.controller.view_state = replace(
        rendered.controller.view_state, orders={"tasks": rendered.view.ORDERS.index(order)}
    )
    inner = [row.split()[0] for row in rendered.rows if row.startswith("      #")]
    assert next(name for name in inner if name != "#1") == first


def test_the_filter_finds_tasks_and_groups():
    rendered = RenderedView("tasks", ticking())
    rendered.controller.view_state = rendered.controller.view_state.filtered("Tick")
    assert 'only "tick"' in rendered.rows[0]
    assert not any(row.startswith(("  - main", "  + main")) for row in rendered.rows)
    rendered.controller.view_state = rendered.controller.view_state.filtered("#3")
    assert [key for key in rendered.keys if key[0] == "task"] == [("task", 3)]
    rendered.controller.view_state = rendered.controller.view_state.filtered("nothing like it")
    assert 'No task has "nothing like it" in it: esc shows all.' in rendered.text


def test_a_pinned_task_stays_on_top():
    rendered = RenderedView("tasks", ticking())
    rendered.controller.view_state = replace(
        rendered.controller.view_state, pins=frozenset({("task", 4)})
    )
    assert rendered.rows[2].startswith("*     #4")
    assert sum("#4" in row for row in rendered.rows) == 1


def test_all_about_a_task():
    story = ticking().resource(5, "asyncio.Lock", 1, made_at=POOL).step(3, MS).acquires(3, 5)
    story.idle(2 * MS).step(3, MS, waited=MS, place=SLEEP, woken_by=1).idle(5 * MS)
    rendered = RenderedView("tasks", story, size=(80, 24)).choose(("task", 3))
    commands.enter(rendered.controller)
    text = rendered.text
    assert "#3 tick  ─ waits for sleep 5.0ms" in text
    assert "made at    /app/jobs.py:12 main" in text
    assert "holds      Lock" in text
    assert "tree       #1 main → #3" in text
    assert "woken by   #1 main" in text
    assert "/app/jobs.py:15 tick" in text
    assert "steps of its group tick" in text
    rendered.choose(("task", 1))
    commands.enter(rendered.controller)
    assert "children   #2 tick, #3 tick, #4 tick" in rendered.text


def test_the_shares_of_its_life_sum_to_the_whole():
    story = ticking(1).step(2, 17 * MS).idle(33 * MS)
    rendered = RenderedView("tasks", story).choose(("task", 2))
    commands.enter(rendered.controller)
    row = rendered.row("busy 3")
    shares = [int(word[:-1]) for word in row.split() if word.endswith("%")]
    assert abs(sum(shares) - 100) <= 1
    bar = rendered.rows[2]
    assert set(bar.strip()) == {"█", "─"}
    assert len(bar.strip()) == 78


def test_the_await_stack_is_asked_for_and_libraries_are_folded():
    def library(line):
        file = "starlette/routing.py"
        return Location(file=file, line=line, function="app", path=f"/lib/site-packages/{file}")

    rendered = RenderedView("tasks", ticking(), size=(80, 24)).choose(("task", 3))
    own = Location(file="app/jobs.py", line=15, function="tick", path="/app/jobs.py")
    sleep = Location(
        file="asyncio/tasks.py",
        line=649,
        function="sleep",
        path="/usr/lib/python3.11/asyncio/tasks.py",
    )
    rendered.run.stacks[3] = (*map(library, (10, 20, 30)), own, sleep)
    commands.enter(rendered.controller)
    rows = rendered.rows
    at = next(i for i, row in enumerate(rows) if "await stack" in row)
    assert [row.strip() for row in rows[at + 1 : at + 4]] == [
        "3 frames of starlette",
        "app/jobs.py:15 tick",
        "asyncio/tasks.py:649 sleep",
    ]
    assert rendered.view.location(rendered.controller.scene) == own


def test_while_frozen_the_stack_is_not_asked_for_but_kept():
    rendered = RenderedView("tasks", ticking(), size=(80, 24)).choose(("task", 3))
    rendered.run.stacks[3] = (
        Location(file="app/jobs.py", line=15, function="tick", path="/app/jobs.py"),
    )
    commands.enter(rendered.controller)
    rendered.draw()
    rendered.controller.freeze()
    rendered.passes()
    rendered.run.calls.clear()
    assert "as it was at the freeze" in rendered.text
    assert "as of the freeze" in rendered.rows[0]
    assert ("ask_stack", 3) not in rendered.run.calls


def test_the_chosen_task_stays_once_it_has_ended():
    rendered = RenderedView("tasks", ticking()).choose(("task", 3))
    rendered.draw()
    rendered.story.step(3, MS).end(3)
    rendered.passes()
    assert "· ended" in rendered.row("▶     #3")
    rendered.choose(("task", 4))
    assert "#3" not in rendered.text


def test_enter_shows_the_request_of_a_task_in_the_live_view():
    rendered = named(requests(), "GET /order").choose(("task", 12))
    rendered.draw()
    commands.enter(rendered.controller)
    assert rendered.controller.view_state.detail
    assert "#3: enter shows it in the live view" in rendered.text
    commands.enter(rendered.controller)
    assert (rendered.controller.view_state.view, rendered.controller.view_state.chosen[LIVE]) == (
        LIVE,
        3,
    )
    assert rendered.controller.view_state.frozen


def test_on_a_wide_terminal_table_and_detail_stand_side_by_side():
    rendered = RenderedView("tasks", ticking(), size=(160, 40)).choose(("group", 2))
    rendered.passes()
    assert "3 live, 3 started" in rendered.rows[1]
    assert "/app/jobs.py:12 main" in rendered.text
    assert "p99 step" in rendered.rows[1]
    assert "─ last 5 s ──" in rendered.text
    assert "─ since the start ──" in rendered.text


def test_ascii_has_no_other_signs():
    story = ticking(2).step(2, MS).end(2, TASK_RAISED).idle(MS).never_retrieved(2, "ValueError: no")
    rendered = RenderedView("tasks", story, size=(160, 40), glyphs=ASCII).choose(("task", 3))
    assert all(row.isascii() for row in rendered.rows)


def test_what_the_app_says_is_cleaned():
    story = ticking(1).task(9, "x\x1b[31my\t/app/a.py\t1\tf").step(9, MS).idle(MS)
    rendered = RenderedView("tasks", story)
    assert "\x1b" not in rendered.text
    assert r"x\x1b[31my" in rendered.text


@pytest.mark.parametrize("size", [(60, 8), (80, 3), (119, 30), (120, 30), (200, 50)])
def test_it_fits_any_size(size):
    rendered = RenderedView("tasks", ticking(40), size=size).choose(("task", 3))
    for _ in range(3):
        rendered.draw()
        commands.enter(rendered.controller)


def test_before_the_first_event_there_is_nothing_to_fail_on():
    rendered = RenderedView("tasks", Story())
    rendered.run.changed = {}
    assert "No tasks yet." in rendered.text
    assert rendered.view.location(rendered.controller.scene) is None


def test_seconds_pass_and_a_group_has_a_pace():
    rendered = RenderedView("tasks", ticking(), size=(160, 40)).choose(("group", 2))
    rendered.draw()
    for _ in range(40):
        rendered.story.step(3, MS).idle(49 * MS)
    assert "20 steps/s" in rendered.text
    assert rendered.story.now_ns > SECOND


def test_the_chosen_one_in_trouble_stays_while_others_come():
    story = ticking(12).destroyed(2).idle(MS)
    rendered = RenderedView("tasks", story).choose(("task", 2))
    for number in range(3, 9):
        rendered.story.destroyed(number)
    rendered.passes()
    assert [row.split()[0] for row in rendered.rows if "! lost" in row][-1] == "▶"
    assert ("task", 2) in rendered.keys


def test_a_consumer_without_work_is_idle_and_does_not_queue():
    story = ticking(1).resource(5, "asyncio.Queue", 3, made_at=POOL).step(2, MS)
    rendered = RenderedView("tasks", story.waits_for(2, 5, direction=WAIT_GET).idle(MS))
    assert "─ idle" in rendered.row("#2")


def test_a_group_s_detail_ends_with_the_function_in_which_most_of_its_tasks_wait(tmp_path):
    app = tmp_path / "app.py"
    app.write_text("first = 1\n\n\nasync def fetch():\n    await one()\n\n\nlast = 3\n")
    story = Story().resource(5, "asyncio.Lock", 1, made_at=POOL)
    for number in (1, 2):
        story.task(number, f"fetch\t{app}\t4\tfetch").step(number, MS)
        story.waits_for(number, 5, place=f"\t{app}\t5\tfetch").idle(MS)
    text = RenderedView("tasks", story, (200, 50)).text
    assert "most of them wait at" in text
    assert "   4 async def fetch():" in text
    assert "▶   5     await one()" in text
    assert "last = 3" not in text
    assert "first = 1" not in text
