"""The guide: in every state it names the one next step, in words that fit, with keys that work."""

from dataclasses import replace

import pytest

from loopviz.clock import SECOND
from loopviz.lab.catalogue import FixInfo
from loopviz.model.snapshot import CounterValue, Quantiles, RouteInfo
from loopviz.tui.panels.compare import step_line
from loopviz.tui.panels.next_step import NextStep, next_step
from loopviz.tui.state.actions import make_keymap
from loopviz.tui.state.view_state import ViewState
from tests.tui.comparisons import compared, scene_of, strip
from tests.tui.fake_run import SCENARIO, T0
from tests.tui.simulation import World
from tests.tui.stage import Stage, drive

WRONG = FixInfo("wrong", "more of the same", "It does not help.", wrong=True)
GONE = FixInfo(
    "pg", "PostgreSQL", "It locks rows.", unavailable="It needs asyncpg: pip install it."
)


def scene(snapshot=None, *, phase="running", on=(), view_state=None, rate=1.0, **scenario):
    """Of a run with that snapshot; by default nothing has been changed so far."""
    snapshot = fresh() if snapshot is None else snapshot
    made = scene_of(snapshot, on=on, view_state=view_state or ViewState(), **scenario)
    return replace(made, status=replace(made.status, phase=phase, rate=rate))


def fresh(*, answered=90, **changes):
    """Nothing was toggled yet; of each route so many requests have come back."""
    snapshot = compared(seconds=2)
    routes = tuple(replace(route, ok=answered, errors={}) for route in snapshot.routes)
    return replace(snapshot, **{"routes": routes, "comparison": None} | changes)


def with_finding(snapshot, ago_s=0.5):
    """The block is seen."""
    world = World()
    world.advance(T0 + 5 * SECOND)
    (found,) = world.snapshot().findings
    last_ns = snapshot.now_ns - int(ago_s * SECOND)
    return replace(snapshot, findings=(replace(found, last_ns=last_ns),))


def step_of(of):
    step = next_step(of)
    assert step is not None
    for width in (60, 80, 120):
        row = step_line(step, width, of)
        assert row.cell_length == width
        assert not row.text.rstrip().endswith("…") or width < 80, row.text
    return step.word, step.texts[0]


# ---- before anything was changed


def test_the_route_by_which_the_fix_is_judged_has_to_be_measured():
    """A busier one is measured sooner: the fix would be too early for good."""
    seen = fresh()
    slow, ping = seen.routes
    few = replace(seen, routes=(replace(slow, ok=16, sent=20), ping))
    about = {"headline": f"p90_ms {slow.route}"}
    assert step_of(scene(few, **about)) == ("wait", "measuring how it is now: 16 of 30 requests")
    assert step_of(scene(few, headline="counter lost"))[0] == "next"
    hanging = replace(seen, routes=(replace(slow, ok=0, sent=60), ping))
    assert step_of(scene(hanging, **about))[0] == "next", "more do not come back"


@pytest.mark.parametrize("phase", ["target-died", "load-died", "failed"])
def test_what_died_is_started_again_with_a_key(phase):
    assert step_of(scene(phase=phase)) == (
        "next",
        "R starts it again, s goes to another scenario",
    )


def test_while_it_starts_there_is_nothing_to_do():
    assert step_of(scene(phase="starting"))[0] == "wait"


def test_before_the_first_requests():
    assert step_of(scene(fresh(answered=0))) == ("wait", "the first requests are on their way")
    blank = replace(scene(), snapshot=None)
    assert step_of(blank) == ("wait", "the first requests are on their way")


def test_a_scenario_without_load_says_where_to_send_requests():
    word, text = step_of(scene(load=()))
    assert word == "next"
    assert "http://127.0.0.1:8000" in text


def test_it_waits_for_a_before_that_can_be_compared():
    snapshot = with_finding(fresh(answered=12))
    assert step_of(scene(snapshot)) == ("wait", "measuring how it is now: 12 of 30 requests")
    snapshot = with_finding(fresh(answered=30))
    assert step_of(scene(snapshot))[1].startswith("press a: the load stays the same")


def test_a_counter_that_rises_is_enough_to_press_a_key():
    lost = CounterValue(key="lost", title="lost votes", bad=True, value=11, recent=9)
    assert step_of(scene(fresh(counters=(lost,))))[1].startswith("press a: the load stays the same")


def test_nothing_wrong_so_far():
    word, text = step_of(scene())
    assert (word, text) == (
        "next",
        "nothing is wrong so far; press a to see what its fix changes",
    )


def test_a_scenario_without_fixes_leads_on():
    text = step_of(scene(fixes=()))[1]
    assert "5 shows what is wrong" in text
    assert "} goes on" in text


def test_a_fix_that_is_not_there_is_passed_over():
    assert "press b:" in step_of(scene(with_finding(fresh()), fixes=(GONE, SCENARIO.fixes[1])))[1]
    assert step_of(scene(with_finding(fresh()), fixes=(GONE,)))[1] == GONE.unavailable


def test_a_fix_that_was_on_from_the_start_can_be_taken_off():
    assert step_of(scene(on=("to_thread",)))[1].startswith("press a to turn the fix off")


# ---- after a change


def test_it_counts_the_samples_then_gives_the_verdict():
    few = compared(seconds=3)
    comparison = few.comparison
    headline = replace(comparison.headline, moved=None, progress="12 of 30 samples")
    few = replace(few, comparison=replace(comparison, headline=headline))
    early = "TOO EARLY (12 of 30 samples): right of the mark is what it changed"
    assert step_of(scene(few, on=("to_thread",))) == ("wait", early)
    enough = scene(compared(seconds=3), on=("to_thread",))
    assert step_of(enough) == (
        "next",
        "SOLVED since a (3 s); 6 shows the figures, } the next scenario",
    )


def test_what_is_seen_now_is_not_solved():
    snapshot = with_finding(compared(seconds=6), ago_s=1)
    assert step_of(scene(snapshot, on=("to_thread",)))[1] == (
        "BETTER, NOT SOLVED: slow callback; press b instead"
    )
    past = with_finding(compared(seconds=6), ago_s=5)
    assert step_of(scene(past, on=("to_thread",)))[1].startswith("SOLVED since a (6 s); ")


def test_a_counter_that_grows_is_not_solved():
    snapshot = compared(seconds=6, lost=4)
    comparison = snapshot.comparison
    counter = replace(comparison.counters[0], lately=3, lately_ns=5 * SECOND)
    snapshot = replace(snapshot, comparison=replace(comparison, counters=(counter,)))
    assert step_of(scene(snapshot, on=("to_thread",)))[1] == (
        "BETTER, NOT SOLVED: lost votes: 3 more in 5 s; press b instead"
    )


def test_a_fix_that_adds_is_pressed_as_well():
    snapshot = with_finding(compared(seconds=6), ago_s=1)
    fixes = (SCENARIO.fixes[0], replace(SCENARIO.fixes[1], adds=True))
    text = step_of(scene(snapshot, on=("to_thread",), fixes=fixes))[1]
    assert text.endswith("; press b as well")


def test_too_few_before_is_no_dead_end():
    snapshot = compared(seconds=3)
    comparison = snapshot.comparison
    routes = tuple(
        replace(route, before=replace(route.before, count=11), enough=False)
        for route in comparison.routes
    )
    headline = replace(comparison.headline, moved=None)
    comparison = replace(comparison, routes=routes, headline=headline)
    snapshot = replace(snapshot, comparison=comparison)
    assert step_of(scene(snapshot, on=("to_thread",))) == (
        "next",
        "TOO EARLY: only 11 of 30 samples before; press a, wait 3 s, press a again",
    )


def test_a_wrong_fix_is_to_be_taken_off_and_the_right_one_tried():
    snapshot = compared(seconds=4, after_ms=100, marks=("fix:wrong=on",))
    text = step_of(scene(snapshot, on=("wrong",), fixes=(SCENARIO.fixes[0], WRONG)))[1]
    assert text == "NO CHANGE; b looks right but is not: press b to turn it off, then a"
    on = ("wrong", "to_thread")
    marks = ("fix:wrong=on", "fix:to_thread=on")
    snapshot = compared(seconds=4, after_ms=100, marks=marks)
    text = step_of(scene(snapshot, on=on, fixes=(SCENARIO.fixes[0], WRONG)))[1]
    assert text == "NO CHANGE; b looks right but is not: press b to turn it off"


def test_the_verdict_on_the_last_fix_does_not_outlive_it():
    """A key acts at once; the comparison with it comes with the next record."""
    snapshot = compared(marks=("fix:to_thread=on",))
    now = scene(snapshot, on=("to_thread",), fixes=(SCENARIO.fixes[0], WRONG))
    assert now.verdict.outcome == "solved"
    pressed = scene(snapshot, on=("wrong",), fixes=(SCENARIO.fixes[0], WRONG))
    assert (pressed.verdict.outcome, pressed.verdict.fixes) == ("early", ("wrong",))


def test_without_the_fix_it_is_as_it_was():
    snapshot = compared(seconds=3, before_ms=4, after_ms=90, marks=("fix:to_thread=on",))
    comparison = replace(snapshot.comparison, before_fixes=("to_thread",), after_fixes=())
    text = step_of(scene(replace(snapshot, comparison=comparison)))[1]
    assert text.startswith("WORSE: p99 GET /report 18 ms → 104 ms; ")
    assert "press a for the fix" in text
    assert "} for the next" in text


def test_the_baseline_is_told_and_what_follows_is_compared():
    snapshot = compared(seconds=3, marks=("baseline",))
    assert step_of(scene(snapshot)) == ("next", "press a: it is compared with the baseline")
    assert strip(scene_of(snapshot, on=()))[0].startswith(" baseline: 2 s with no fix, n 9")


def test_another_load():
    marks = ("fix:to_thread=on", "load:2.0")
    text = step_of(scene(compared(seconds=3, marks=marks), on=("to_thread",), rate=2.0))[1]
    assert text == "press a: it is compared under this load"
    marks = ("baseline", "load:2.0")
    text = step_of(scene(compared(seconds=3, marks=marks), rate=2.0))[1]
    assert text == "[ goes back to the baseline's load, B sets another"


# ---- manners


def test_a_sentence_that_fills_the_row_does_not_look_cut():
    step = NextStep("next", ("0123456789", "012345678"))
    assert step_line(step, 18, scene()).text == " next  0123456789 "
    assert step_line(step, 17, scene()).text == " next  012345678 "
    assert step_line(step, 16, scene()).text == " next  0123456… "


@pytest.mark.parametrize(
    "view_state",
    [
        ViewState(end_ns=5),
        ViewState(time_range=(1, 2)),
        ViewState().choose(7),
        ViewState("tasks", end_ns=5),
    ],
    ids=["frozen", "a range", "a request", "frozen elsewhere"],
)
def test_it_gives_way_to_what_the_person_looks_at(view_state):
    assert next_step(scene(view_state=view_state)) is None


def test_a_row_chosen_in_a_table_is_no_reason_to_be_silent():
    assert next_step(scene(view_state=ViewState("tasks").choose(7))) is not None


def test_it_names_the_keys_as_they_are():
    own = make_keymap({"view-compare": ("f6",), "next-scenario": (">",), "fix-a": ("z",)})
    assert step_of(replace(scene(with_finding(fresh())), keys=own))[1].startswith("press z: ")
    done = replace(scene(compared(seconds=3), on=("to_thread",)), keys=own)
    assert step_of(done)[1].endswith("; f6 shows the figures, > the next scenario")


def test_what_others_wrote_cannot_write_on_the_terminal():
    evil = replace(GONE, unavailable="It needs \x1b[31mx\x1b[0m.")
    assert "\x1b" not in step_of(scene(with_finding(fresh()), fixes=(evil,)))[1]


def test_routes_that_only_fail_are_requests_too():
    route = RouteInfo(
        route="GET /a",
        offered_rps=20,
        sent=40,
        ok=0,
        errors={"500": 40},
        in_flight=0,
        latency_recent=Quantiles(),
    )
    assert step_of(scene(with_finding(fresh(routes=(route,)))))[1].startswith("press a")


def test_a_strangers_walk_on_the_stage():
    """From the first frame to the figures, pressing what the screen says: three keys."""

    async def play(stage: Stage) -> None:
        def next_step() -> str:
            return next(line for line in stage.lines() if line.startswith((" next ", " wait ")))

        key = next_step().partition("press ")[2][:1]
        assert key == "a"
        await stage.press(key)
        await stage.play(0.5)
        assert next_step().startswith(" wait ")
        for _ in range(8):
            await stage.play(0.5)
        assert "SOLVED since a" in next_step()
        key = next_step().partition(" shows")[0].split()[-1]
        assert key == "6"
        await stage.press(key)
        text = stage.text()
        assert "── COMPARE ─ SOLVED since a" in text
        assert "▼" in text
        assert "} the next scenario" in next_step()
        await stage.press("}")
        assert stage.run.calls[-1] == ("switch", "dbpool")

    drive(play)


@pytest.mark.parametrize("key", ["d", "F"])
def test_a_key_without_a_fix_says_which_there_are(key):
    async def play(stage: Stage) -> None:
        if key == "F":
            stage.run.made = lambda snapshot: replace(snapshot, findings=())
            await stage.press("a")
            await stage.play(1)
        before = len(stage.run.calls)
        await stage.press(key)
        assert len(stage.run.calls) == before
        assert "a b c" in stage.text() or "a-c" in stage.text()
        assert ("There is no such fix" if key == "d" else "No fix is suggested") in stage.text()

    drive(play)


def test_a_fix_in_a_frozen_picture_says_where_to_see_it():
    async def play(stage: Stage) -> None:
        await stage.press("space", "a")
        assert "The picture is frozen: 0 shows what it does." in " ".join(stage.text().split())

    drive(play)
