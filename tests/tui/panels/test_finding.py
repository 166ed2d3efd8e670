"""The finding panel of narrow terminals: each rule's sentence, the fix to try, and what is on."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from loopviz.clock import SECOND
from loopviz.lab.catalogue import FixInfo
from loopviz.model.snapshot import Comparison, CounterValue
from loopviz.program import Program
from loopviz.tui.draw.glyphs import BLOCKS
from loopviz.tui.draw.palette import theme_named
from loopviz.tui.panels.code import code_around
from loopviz.tui.panels.diagnosis import draw_diagnosis
from loopviz.tui.panels.finding import draw_finding, times_text
from loopviz.tui.panels.layout import PlanInput, make_plan
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.actions import DEFAULT_KEYS
from tests.tui.fake_run import BLOCKING_LINE, SCENARIO, T0, FakeRun

SAID = {
    "slow-callback": "GET /report blocked the loop 212 ms in time.sleep(0.2)",
    "gil-contention": "The loop waited 35 ms for the GIL while a thread ran crunch",
    "ready-delay-high": (
        "Callbacks waited 120 ms for the loop, though none blocked it for long: 4812 steps of "
        "GET /crunch at total += crunch(rounds // 20) took 97% of a second"
    ),
    "pool-exhausted": (
        "All 5 database connections of scenarios/dbpool.py:52 pool(5) were taken: GET /order "
        "waited 1.0 s for one; each is held for 203 ms in await other_service(); 26 gave up"
    ),
    "thread-limiter-exhausted": (
        "All 40 threads of default thread limiter were taken: GET /report waited 1.3 s for one; "
        "each is held for 500 ms in slow_report; 3 gave up"
    ),
    "lock-convoy": (
        "12 tasks queued for scenarios/convoy.py:30 Lock: GET /item waited 1.9 s for a lock "
        "that is held 40 ms at a time in await connection.execute(query)"
    ),
    "lock-held-across-io": (
        "GET /item held scenarios/convoy.py:30 Lock while it waited 40 ms in await "
        "connection.execute(query); up to 31 tasks waited for the lock"
    ),
    "task-never-retrieved": "mail raised ValueError('no address'), and nobody retrieved it",
    "task-outlived-parent": "leg went on for 480 ms after the task that made it",
    "task-lost": (
        "wait_for_ever was destroyed while it waited for scenarios/background.py:12 Event: "
        "nothing referenced it"
    ),
    "unbounded-growth": (
        "scenarios/queue.py:31 Queue grew for 5 s, to 152 items: it has no maxsize"
    ),
    "client-per-request": (
        "GET /price makes its own HTTP client in async with httpx.AsyncClient() as client:: "
        "none is shared"
    ),
    "sequential-awaits": (
        "GET /page waited 10 times in a row, 309 ms in total, in await fetch(n): "
        "these waits could overlap"
    ),
    "cancelled-mid-write": (
        "POST /transfer was cancelled 74 times while it held scenarios/disconnect.py:41 pool(5) "
        "in await connection.execute(credit): what it wrote may be incomplete"
    ),
    "requests-fail": (
        "GET /order raised TimeoutError: QueuePool limit of size 5 overflow 0 reached, connection "
        "timed out, timeout 1.00, in async with engine.connect(): it was answered 500"
    ),
    "retry-storm": (
        "GET /price calls 127.0.0.1:8400 again and again after it failed in await "
        "client.get(url): 62% of these calls are retries"
    ),
}


def panel(
    *,
    width=80,
    height=24,
    on=(),
    ago=0.0,
    comparing=False,
    listed=True,
    fixes=(),
    counters=(),
    comparison=None,
    scenario=None,
    draw=draw_finding,
    **changes,
):
    """The panel's rows for the world's finding, changed."""
    run = FakeRun()
    frame = run.frame(T0 + 5 * SECOND, 6 * SECOND)
    now = frame.snapshot.now_ns
    finding = replace(frame.snapshot.findings[0], **{"last_ns": now - int(ago * SECOND)} | changes)
    found = () if changes.get("rule") == "" else (finding,)
    scenario = replace(SCENARIO, **{"fixes": fixes or SCENARIO.fixes} | (scenario or {}))
    scene = Scene(
        scenario,
        replace(frame.status, fixes_on=frozenset(on)),
        replace(frame.snapshot, findings=found, counters=counters, comparison=comparison),
        now,
        now,
        theme_named("dark"),
        BLOCKS,
        keys=DEFAULT_KEYS,
    )
    contents = PlanInput(comparing=comparing, fixes=len(scene.letters) if listed else 0)
    strips = draw(scene, make_plan(width, height, contents))
    assert draw is not draw_finding or {strip.cell_length for strip in strips} == {width}
    return [strip.text.rstrip() for strip in strips]


@pytest.mark.parametrize("rule", SAID)
def test_each_rules_sentence_is_whole_at_80_columns(rule):
    rows = panel(rule=rule, sentence=SAID[rule], title=rule.replace("-", " "), height=30)
    text = " ".join(" ".join(rows[1:4]).split())
    shown = SAID[rule]
    if shown not in text:  # then names of files are short
        shown = shown.replace("scenarios/", "")
    assert shown in text
    fixes = [row for row in rows if "( )" in row]
    assert [row[:6] for row in fixes] == [" a ( )", " b ( )", " c ( )"]
    assert fixes[0].endswith("◄ press a")
    assert "…" not in rows[0]


def test_a_sentence_that_is_too_long_is_cut_and_the_fixes_stay():
    rows = panel(sentence="word " * 90, comparing=True)
    assert len(rows) == 6
    assert rows[2].endswith("…")
    assert [row[:6] for row in rows[3:]] == [" a ( )", " b ( )", " c ( )"]
    small = panel(sentence="word " * 90, width=60, height=16)
    assert [row[:7] for row in small[1:]] == [" block.", " a ( ) "]


def test_a_place_is_said_once():
    place = f"{BLOCKING_LINE.file}:{BLOCKING_LINE.line}"
    assert panel(sentence=f"{place} Queue grew")[1] == f" {place} Queue grew"
    assert panel(sentence="It grew")[1] == f" {place}  It grew"


def test_the_lesson_gets_what_is_left():
    assert panel(listed=False)[3].startswith(" lesson ")
    assert "lesson" not in " ".join(panel(sentence=SAID["pool-exhausted"]))


def test_a_fix_that_is_on_says_why_it_helps_beside_the_others():
    rows = panel(on=["to_thread"], ago=9, comparing=True)
    assert "ended 9 s ago" in rows[0]
    assert rows[2:] == [
        " a (•) await asyncio.to_thread(...)",
        "       The call still blocks, but only a worker thread: the loop goes on.",
        " b ( ) def instead of async def",
        " c ( ) await an async library",
    ]


def test_what_is_over_says_so_beside_a_long_title_too():
    def title(ago):
        draw = partial(draw_diagnosis, source=unread)
        rows = panel(title="task outlived its parent", ago=ago, width=120, height=35, draw=draw)
        return rows[0].strip("├─ ")

    assert title(0) == "FINDING 1/1  TASK OUTLIVED ITS PARENT"
    assert title(9) == "1/1  TASK OUTLIVED ITS PARENT ─ over"


WRONG = FixInfo("wrong", "more of the same", "It does not.", wrong=True)


def test_a_wrong_fix_says_so_and_the_right_one_has_its_key():
    fixes = (FixInfo("to_thread", "await asyncio.to_thread(...)", "It helps."), WRONG)
    rows = panel(on=["wrong"], fixes=fixes)
    assert rows[2] == " a ( ) await asyncio.to_thread(...)  ◄ press a"
    assert rows[3] == " b (•) more of the same"
    assert rows[4] == "       looks right but is not: It does not."


def test_where_not_all_have_room_there_are_the_one_to_try_and_the_one_that_is_on():
    rows = panel(on=["wrong"], fixes=(*SCENARIO.fixes, WRONG), listed=False)
    assert rows[2:] == [
        " a ( ) await asyncio.to_thread(...)  ◄ press a",
        " d (•) more of the same",
        "       looks right but is not: It does not.",
    ]


def test_one_that_adds_is_told_from_alternatives():
    fixes = (SCENARIO.fixes[0], replace(SCENARIO.fixes[1], adds=True))
    rows = panel(fixes=fixes, on=["plain_def"])
    assert " b [x] + def instead of async def" in rows
    assert any(row.startswith(" a ( ) ") for row in rows)


def test_a_long_fix_never_hides_its_key():
    fixes = (FixInfo("to_thread", "x" * 200, ""),)
    assert any(row.endswith("…  ◄ press a") for row in panel(fixes=fixes))


def test_without_a_fix_it_says_so():
    alone = {"fixes": ()}
    said = panel(suggested_fix="", advice="", scenario=alone, height=24)
    assert " no fix is known for this one" in said
    advice = "`await asyncio.to_thread(time.sleep, 0.05)`"
    row = f" fix {advice.strip('`')}"
    assert row in panel(suggested_fix="", advice=advice, scenario=alone)
    assert "no fix" not in " ".join(panel(suggested_fix="", on=["to_thread"]))


def test_advice_stands_beside_the_fixes():
    rows = panel(suggested_fix="", advice="write `it` so", height=30)
    assert " fix write it so" in rows
    assert [row[:6] for row in rows if "( )" in row] == [" a ( )", " b ( )", " c ( )"]


def test_when_nothing_is_wrong_there_is_something_to_look_at():
    rows = panel(rule="")
    assert rows[0].startswith("── NO FINDING SO FAR ")
    assert rows[1].startswith(" watch LOOP: solid red")
    assert panel(rule="", on=["to_thread"])[1].startswith(" a (•) ")


def test_without_a_finding_a_counter_that_rises_is_the_trouble():
    lost = CounterValue(key="lost", title="lost votes", bad=True, value=1104, recent=9)
    rows = panel(rule="", counters=(lost,))
    assert rows[0].startswith("── LOST VOTES: 1,104 ─ no rule sees it")
    assert rows[1].startswith(" watch ")
    assert rows[-3] == " a ( ) await asyncio.to_thread(...)  ◄ press a"
    on = panel(rule="", counters=(lost,), on=["plain_def"])
    assert "press" not in " ".join(on)
    stands = panel(rule="", counters=(replace(lost, recent=0),))
    assert stands[0].startswith("── NO FINDING SO FAR ")


def unread(_path, _line):
    return ""


@pytest.mark.parametrize("draw", [draw_finding, partial(draw_diagnosis, source=unread)])
def test_after_a_change_of_fixes_nothing_is_wrong_now_whatever_was_found_before(draw):
    """A rule may take back what it has found: a client that leaves is no trouble any more."""
    since = {"since_ns": T0, "needed": 30, "routes": ()}
    change = Comparison(before_fixes=(), after_fixes=("to_thread",), **since)
    wide = {} if draw is draw_finding else {"width": 160, "height": 50}
    text = " ".join(panel(rule="", comparison=change, draw=draw, **wide)).lower()
    assert "finding now" in text or "nothing is wrong now" in text
    assert "so far" not in text


def test_what_to_look_at_is_shown_whole_or_not_at_all():
    long = "with each fix it stands still, and what was lost before does not come back " * 2
    lost = CounterValue(key="lost", title="lost votes", bad=True, value=9, recent=9)

    def shown(*hints):
        return panel(rule="", counters=(lost,), listed=False, scenario={"watch_for": hints})[1:]

    assert shown("one", long, "two")[:2] == [" watch one", " watch two"]
    first = shown(long, "one")
    assert first[0].startswith(" watch with each fix")
    assert first[1].startswith("      ")


def test_what_lasts_is_told_as_one():
    frame = FakeRun().frame(T0 + 5 * SECOND, 6 * SECOND)
    grown = replace(frame.snapshot.findings[0], count=7, worst_ns=7 * SECOND, total_ns=7 * SECOND)
    assert times_text(grown) == "7.0 s without a break"
    assert times_text(replace(grown, total_ns=9 * SECOND)).endswith("9.0 s in total")


def test_a_line_stands_between_no_blank_lines():
    frame = FakeRun().frame(T0 + 5 * SECOND, 6 * SECOND)
    now, finding = frame.snapshot.now_ns, frame.snapshot.findings[0]
    scene = Scene(
        frame.scenario,
        frame.status,
        frame.snapshot,
        now,
        now,
        theme_named("dark"),
        BLOCKS,
        keys=DEFAULT_KEYS,
    )
    lines = [(1, ""), (2, "def a():"), (3, ""), (4, "    b()"), (5, ""), (6, "  ")]
    finding = replace(finding, location=replace(finding.location, line=4), source="b()")
    rows = code_around(scene, finding, 60, 3, lambda *_: lines)
    assert [row.text.split()[0] for row in rows[1:]] == ["2", "3", "▶"]
    edited = [(3, ""), (4, "    other()"), (5, "    b()")]
    (row,) = code_around(scene, finding, 60, 3, lambda *_: edited)[1:]
    assert row.text.split() == ["▶", "4", "b()"], "as it ran: the file has changed since"
    program = replace(scene, scenario=Program(id="shop:app", path=Path()))
    unread = replace(finding, source="")
    (row,) = code_around(program, unread, 70, 3, lambda *_: edited)[1:]
    assert "(the source has changed since the program began)" in row.text


def test_a_rising_counter_suggests_a_fix_where_the_finding_has_none():
    rising = CounterValue(key="lost", title="lost", bad=True, value=9, recent=4, recent_ns=SECOND)
    assert "◄ press a" in "".join(panel(suggested_fix="", counters=(rising,), height=30))
    assert "◄ press" not in "".join(panel(suggested_fix="", height=30))
