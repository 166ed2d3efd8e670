"""Fixes are never out of sight: listed with the finding, named in the header, to be clicked."""

from dataclasses import replace
from functools import cache

import pytest

from loopviz.clock import SECOND
from loopviz.lab.catalogue import catalogue
from loopviz.tui.draw.glyphs import BLOCKS
from loopviz.tui.draw.palette import theme_named
from loopviz.tui.draw.shorten import wrap_code
from loopviz.tui.panels.diagnosis import diagnosis_rows
from loopviz.tui.panels.finding import finding_rows
from loopviz.tui.panels.header import draw_header, fix_at_header
from loopviz.tui.panels.layout import PlanInput, make_plan
from loopviz.tui.panels.scene import Scene
from loopviz.tui.source import source_around
from loopviz.tui.state.actions import DEFAULT_KEYS
from tests.tui.fake_run import T0, FakeRun
from tests.tui.stage import Stage, drive

SCENARIOS = catalogue()
SIZES = [(80, 24), (100, 30), (120, 35), (160, 50)]
LONG = "All 5 connections were taken: GET /order waited 1.0 s for one; each is held for 203 ms in "


@cache
def frame_of_block():
    return FakeRun().frame(T0 + 5 * SECOND, 6 * SECOND)


def scene_of(scenario, on=(), sentence=LONG * 2):
    frame = frame_of_block()
    snapshot = frame.snapshot
    finding = replace(snapshot.findings[0], sentence=sentence)
    return Scene(
        scenario,
        replace(frame.status, fixes_on=frozenset(on)),
        replace(snapshot, findings=(finding,)),
        snapshot.now_ns,
        snapshot.now_ns,
        theme_named("dark"),
        BLOCKS,
        keys=DEFAULT_KEYS,
    )


def plan_of(scene, size):
    counters = len(scene.scenario.counters)
    return make_plan(*size, PlanInput(fixes=len(scene.letters), gauges=2 + counters, source=40))


def listed(scene, size):
    plan = plan_of(scene, size)
    if "finding" in plan.panels:
        rows, height = finding_rows(scene, plan), plan.size("finding")[1]
    else:
        rows, height = diagnosis_rows(scene, plan, source_around), plan.size("diagnosis")[1]
    return rows[:height]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda entry: entry.id)
def test_every_fix_is_listed_whatever_is_told_of_the_finding(scenario, size):
    keys = [fix.key for fix in scenario.fixes]
    for on in ((), *[(key,) for key in keys]):
        scene = scene_of(scenario, on)
        rows = listed(scene, size)
        assert list(dict.fromkeys(row.fix for row in rows if row.fix)) == keys
        text = " ".join(" ".join(row.strip.text.split()) for row in rows)
        for fix in scenario.fixes:
            if fix.key in on:
                words = (" looks right but is not: " if fix.wrong else " ") + fix.why
                assert words[:20] in text, "the one that is on has its reason"
        told = [row.strip.text for row in rows if not row.fix]
        assert any("All 5 connections" in row for row in told), "and the sentence is there, too"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda entry: entry.id)
def test_the_header_names_them(scenario):
    for size in SIZES:
        for fix in scenario.fixes:
            scene = scene_of(scenario, [fix.key])
            plan = plan_of(scene, size)
            (strip,) = draw_header(scene, plan)
            assert strip.cell_length == size[0]
            text = strip.text
            for letter, named in zip(scene.letters, scenario.fixes, strict=True):
                key = f"+{named.key}" if named.adds else named.key
                shown = next(
                    name for cut in range(len(key), 3, -1)
                    if (name := key if cut == len(key) else f"{key[: cut - 1]}…")
                    and f"{letter} {name}" in text
                )  # fmt: skip
                on = f"[{letter} {shown}]" in text
                assert on == (named is fix and not named.unavailable), text
                at = text.index(f"{letter} {shown}")
                if not named.unavailable:
                    assert fix_at_header(scene, size[0], at + 2) == f"fix-{letter}"
            assert fix_at_header(scene, size[0], 1) == ""
        if size[0] >= 120:
            assert "…" not in text


def test_names_are_shown_by_letter_alone_before_they_are_cut_to_nothing():
    scenario = next(entry for entry in SCENARIOS if entry.id == "background")
    scene = scene_of(scenario, ["workers"])
    (strip,) = draw_header(scene, plan_of(scene, (60, 16)))
    assert "a [b] c" in " ".join(strip.text.split())


@pytest.mark.parametrize("size", [(80, 24), (120, 35), (160, 50)], ids=str)
def test_a_click_switches(size):
    async def play(stage: Stage) -> None:
        def point(text: str, row: int) -> tuple[int, int]:
            return stage.lines()[row].index(text), row

        await stage.pilot.click(offset=point("b plain", 0))
        rows = stage.lines()
        at = next(y for y, line in enumerate(rows) if "c ( )" in line)
        await stage.pilot.click(offset=point("c ( )", at))
        await stage.pilot.click(offset=(0, 0))
        assert stage.run.calls == [("toggle", "plain_def"), ("toggle", "async_library")]

    drive(play, size)


def test_a_reason_that_is_cut_says_so():
    scenario = next(entry for entry in SCENARIOS if entry.id == "race")
    rows = [row.strip.text.rstrip() for row in listed(scene_of(scenario, ["lock"]), (80, 24))]
    (why,) = (row for row in rows if "One request at a time" in row)
    assert why.endswith("…")


def test_code_is_broken_between_its_words():
    call = "await loop.run_in_executor(process_pool, crunch, rounds)"
    assert wrap_code(call, 3, 37, "…") == [
        "await loop.run_in_executor(",
        "  process_pool, crunch, rounds)",
    ]
    assert wrap_code(call, 1, 37, "…") == ["await loop.run_in_executor(process_p…"]
    limiter = "current_default_thread_limiter().total_tokens = 200"
    assert wrap_code(limiter, 2, 37, "…") == [
        "current_default_thread_limiter()",
        "  .total_tokens = 200",
    ]
    assert wrap_code("tasks.add(task); put(...), then wait", 2, 24, "…") == [
        "tasks.add(task);",
        "  put(...), then wait",
    ]
    queue = "Queue(maxsize=20), queue.put_nowait(...), 503 when full"
    assert wrap_code(queue, 2, 38, "…") == [
        "Queue(maxsize=20),",
        "  queue.put_nowait(...), 503 when full",
    ], "no word is broken where that saves no row"
    assert wrap_code(queue, 3, 37, "…") == [
        "Queue(maxsize=20),",
        "  queue.put_nowait(...), 503 when",
        "  full",
    ], "nor before dots"
    assert wrap_code("x" * 50, 2, 10, "…") == ["xxxxxxxxx…"]
    assert wrap_code("short", 1, 10, "…") == ["short"]
