"""The resources view: the crowded first, the quiet folded, holders and waiters of the chosen."""

from dataclasses import replace

import pytest

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from loopviz.tui.commands import rows as commands
from loopviz.tui.draw.glyphs import ASCII
from loopviz.wire.events import WAIT_GET
from tests.tui.rendered import RenderedView

POOL, LOCK, QUEUE, QUIET = 5, 6, 7, 8
TASK = "order\t/app/api.py\t9\tserve"


def crowded(waiting=3):
    """A pool of two that is full, a lock that is held, a queue with items, a quiet lock."""
    story = Story().idle(MS)
    story.resource(POOL, "sqlalchemy.pool", 2, name="pool", made_at="/app/db.py\t7\tstart")
    story.resource(LOCK, "asyncio.Lock", 1, made_at="/app/state.py\t3\tstart")
    story.resource(QUEUE, "asyncio.Queue", 0, made_at="/app/mail.py\t4\tstart")
    story.resource(QUIET, "asyncio.Lock", 1, made_at="/app/other.py\t1\tstart")
    for number in (1, 2):
        story.task(number, "order\t/app/api.py\t9\tserve").step(number, MS)
        story.acquires(number, POOL, number).idle(MS)
    story.step(1, MS, place="socket\t/app/db.py\t30\tquery").acquires(1, LOCK).idle(MS)
    for number in range(3, 3 + waiting):
        story.task(number, "order\t/app/api.py\t9\tserve").step(number, MS)
        story.waits_for(number, POOL, place="\t/app/db.py\t20\torder").idle(MS)
    story.task(99, "mail\t/app/mail.py\t5\trun").step(99, MS).waits_for(
        99, QUEUE, direction=WAIT_GET
    )
    return story.idle(MS).queue_size(QUEUE, 12).idle(MS)


def names(rendered):
    return [name for _, name in rendered.keys]


LOW = (80, 11)
"""Too low a panel for all of them and a detail."""


def test_the_most_crowded_stands_on_top_and_the_quiet_are_folded():
    rendered = RenderedView("resources", crowded(), size=LOW)
    assert "RESOURCES 4 known · 3 tasks wait for pool" in rendered.rows[0]
    assert names(rendered) == ["pool", "/app/mail.py:4 Queue", ""]
    assert "██████ 2/2 FULL" in rendered.row("   pool ")
    assert "12 items" in rendered.row("Queue")
    assert "+ 2 quiet ones" in rendered.text


def test_where_there_is_room_the_quiet_are_shown_and_the_first_in_detail():
    rendered = RenderedView("resources", crowded())
    assert "- 2 quiet ones" in rendered.text
    assert names(rendered)[3:] == ["/app/state.py:3 Lock", "/app/other.py:1 Lock"]
    assert rendered.rows[7].startswith("── pool ─ sqlalchemy.pool ─")
    head = rendered.rows.index(rendered.row("held by"))
    assert "waited for by" in rendered.rows[head]
    line = rendered.rows[head + 1]
    assert line[:40].split() == ["14ms", "#1", "order", "last", "db.py:30"]
    assert line[40:].split() == ["8.0ms", "#3", "order", "db.py:20"]


def test_what_nobody_waits_for_has_no_columns_and_no_curve_of_waiting():
    story = Story().idle(MS).resource(1, "asyncio.Semaphore", 5, made_at="/app/a.py\t1\tf")
    story.task(1, TASK).step(1, MS).acquires(1, 1).idle(MS)
    rendered = RenderedView("resources", story)
    assert "p99" not in rendered.text
    assert "wait 60s" not in rendered.text
    assert "use 60s" in rendered.text
    story.task(2, TASK).step(2, MS).waits_for(2, 1).idle(MS)
    assert "wait 60s" in rendered.passes().text


def test_enter_shows_the_quiet_ones():
    rendered = RenderedView("resources", crowded(), size=LOW).choose(("quiet", ""))
    commands.enter(rendered.controller)
    assert "- 2 quiet ones" in rendered.text
    assert "1/1 HELD" in rendered.row("state.py:3")
    assert "0/1" in rendered.row("other.py:1")
    commands.enter(rendered.controller)
    assert "other.py:1" not in rendered.text


def test_without_any_others_the_quiet_ones_are_shown_at_once():
    story = Story().idle(MS).resource(1, "asyncio.Lock", 1, made_at="/app/a.py\t1\tf").idle(MS)
    rendered = RenderedView("resources", story)
    assert names(rendered) == ["/app/a.py:1 Lock"]


def test_what_waits_counts_now_and_at_most():
    story = crowded().step(3, MS).wait_over(3, POOL).idle(MS)
    rendered = RenderedView("resources", story)
    row = rendered.row("   pool ").split()
    assert "2/3" in row
    assert row[row.index("2/3") + 1] == "1"  # gave up


@pytest.mark.parametrize(
    ("order", "first"),
    [("waiting", "pool"), ("in use", "pool"), ("p99", "/app/state.py:3 Lock"), ("resource", "")],
)
def test_orders(order, first):
    story = crowded().step(40, MS).waits_for(40, LOCK).idle(20 * MS)
    story.step(1, MS).releases(1, LOCK).step(40, MS).acquires(40, LOCK).idle(MS)
    rendered = RenderedView("resources", story)
    places = {"resources": rendered.view.ORDERS.index(order)}
    rendered.controller.view_state = replace(rendered.controller.view_state, orders=places)
    assert names(rendered)[0] == (first or "/app/mail.py:4 Queue")


def test_the_filter_shows_quiet_ones_too():
    rendered = RenderedView("resources", crowded())
    rendered.controller.view_state = rendered.controller.view_state.filtered("Lock")
    assert names(rendered) == ["/app/state.py:3 Lock", "/app/other.py:1 Lock"]
    rendered.controller.view_state = rendered.controller.view_state.filtered("full")
    assert names(rendered) == ["pool"]
    rendered.controller.view_state = rendered.controller.view_state.filtered("none such")
    assert 'No resource has "none such" in it: esc shows all.' in rendered.text


def test_a_pinned_one_stays_on_top():
    rendered = RenderedView("resources", crowded())
    lock = ("resource", "/app/state.py:3 Lock")
    rendered.controller.view_state = replace(rendered.controller.view_state, pins=frozenset({lock}))
    assert rendered.keys[0] == lock
    assert rendered.rows[2].startswith("*")


def test_all_about_one():
    rendered = RenderedView("resources", crowded(), size=(80, 24)).choose(("resource", "pool"))
    commands.enter(rendered.controller)
    text = rendered.text
    assert "pool  sqlalchemy.pool" in text
    assert "2/2 FULL  mean" in text
    assert "made at    db.py:7 start" in text
    line = rendered.rows[rendered.rows.index(rendered.row("held by")) + 1]
    assert line[:40].split() == ["14ms", "#1", "order", "last", "db.py:30"]
    assert line[40:].split() == ["8.0ms", "#3", "order", "db.py:20"]
    assert rendered.view.location(rendered.controller.scene).line == 30  # where its first holder is


def test_of_many_waiters_it_says_how_many_more():
    rendered = RenderedView("resources", crowded(60), size=(80, 20)).choose(("resource", "pool"))
    commands.enter(rendered.controller)
    shown_ones = sum("db.py:20" in row for row in rendered.rows)
    more = int(rendered.row("more").split()[1])
    assert shown_ones + more == 60


def test_workers_and_their_jobs():
    story = Story().idle(MS).resource(9, "ThreadPoolExecutor", 2, name="default executor")
    story.task(1, "serve\t/app/a.py\t1\tf").step(1, MS)
    for job in (1, 2, 3):
        story.job(job, 9, "crunch\t/app/a.py\t5\tcrunch", by=1)
    story.idle(2 * MS).job_starts(1, 9, "worker thread").job_starts(2, 9, "worker thread")
    story.idle(5 * MS).job_ends(1, 9).idle(MS)
    rendered = RenderedView("resources", story, size=(80, 24))
    rendered.choose(("resource", "default executor"))
    commands.enter(rendered.controller)
    assert "jobs 1 finished, 1 queued" in rendered.text
    assert "queued for p50 2.0ms" in rendered.text
    assert "ran for    p50 5.0ms" in rendered.text
    assert rendered.row("crunch for #1 serve").split()[0] == "6.0ms"


def test_the_last_minute_is_drawn_to_scale():
    story = crowded()
    rendered = RenderedView("resources", story.idle(30 * SECOND), size=(100, 30))
    curve = rendered.row("60s in use").split("in use")[-1].rpartition("top")[0].strip(" ")
    assert set(curve) == {"█"}
    assert 15 <= len(curve) <= 45


def test_on_a_wide_terminal_the_chosen_one_has_charts_over_time():
    """What waits, and what is in use, on one axis; as long as it was seen, at most a minute."""
    rendered = RenderedView("resources", crowded(), size=(160, 44))
    assert "── pool ─ last 10 s ──" in rendered.text
    assert "60s in use" not in rendered.text
    rendered.passes(15 * SECOND)
    rows = rendered.rows
    assert "last 20 s" in rendered.text
    (axis,) = (n for n, row in enumerate(rows) if row.lstrip().startswith("╷-20s"))
    assert rows[axis].split("│")[0].split() == ["╷-20s", "╷-16s", "╷-12s", "╷-8s", "╷-4s", "now"]
    (held,) = (n for n, row in enumerate(rows) if "in use, 2 at most, of 2" in row)
    bars = [row.split("│")[0][8:].rstrip() for row in rows[held + 1 : axis]]
    assert {len(bar) - len(bar.lstrip()) for bar in bars} == {len(bars[0]) - len(bars[0].lstrip())}
    assert all(set(bar.strip()) == {"█"} for bar in bars)


def test_without_room_there_are_no_charts():
    rendered = RenderedView("resources", crowded(), size=(160, 12))
    assert "last 10 s" not in rendered.text
    assert "60s in use" in rendered.text


def test_while_frozen_times_are_those_of_the_freeze():
    rendered = RenderedView("resources", crowded(), size=(80, 24)).choose(("resource", "pool"))
    commands.enter(rendered.controller)
    rendered.draw()
    before = rendered.row("#1 order")
    rendered.controller.freeze()
    rendered.passes()
    assert "as of the freeze" in rendered.rows[0]
    assert rendered.row("#1 order") == before


def test_the_bar_under_the_cursor_is_no_negative():
    rendered = RenderedView("resources", crowded()).choose(("resource", "pool"))
    theme = rendered.controller.theme
    (strip,) = (strip for strip in rendered.draw() if "FULL" in strip.text)
    styles = {segment.text: segment.style for segment in strip}
    assert styles["██████"] is theme.alarm
    assert next(style for text, style in styles.items() if "FULL" in text) is theme.cursor


def test_ascii_has_no_other_signs():
    rendered = RenderedView("resources", crowded(), size=(160, 40), glyphs=ASCII)
    assert all(row.isascii() for row in rendered.rows)


@pytest.mark.parametrize("size", [(60, 8), (80, 3), (119, 30), (120, 30), (200, 50)])
def test_it_fits_any_size(size):
    rendered = RenderedView("resources", crowded(30), size=size).choose(("resource", "pool"))
    rendered.draw()
    commands.enter(rendered.controller)
    rendered.draw()


def test_before_the_first_event_it_says_so():
    rendered = RenderedView("resources", Story())
    assert "No resource yet: no lock, queue, pool or executor was used." in rendered.text
