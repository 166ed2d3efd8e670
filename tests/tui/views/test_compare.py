"""The compare view and its strip, over comparisons that the real model has made."""

from dataclasses import replace

import pytest
from rich.style import Style

from loopviz.clock import SECOND
from loopviz.model.snapshot import (
    Comparison,
    CounterComparison,
    LoopFigures,
    Pair,
    Quantiles,
    ResourceComparison,
    ResourceFigures,
    RouteComparison,
)
from loopviz.tui.draw.glyphs import ASCII
from loopviz.tui.panels.change import Figure, as_duration, as_rate, change
from loopviz.tui.state.view_state import ViewState
from loopviz.tui.views.compare import CompareView
from loopviz.tui.views.compare.figures import significance
from loopviz.tui.views.compare.measures import comparison_rows
from tests.tui.comparisons import compared, scene_of, strip
from tests.tui.fake_run import SCENARIO, T0
from tests.tui.stage import Stage, drive


def rows(scene, width=80, height=18):
    strips = CompareView().draw(scene, width, height)
    assert {strip.cell_length for strip in strips} == {width}
    assert len(strips) == height
    return [strip.text.rstrip() for strip in strips]


# ---- the view


def test_80x24_has_a_row_for_each_thing_and_the_figures_of_the_first_route():
    shown_rows = rows(scene_of(compared()))
    assert shown_rows[0].startswith("── COMPARE ─ SOLVED since a (20 s) ──")
    assert shown_rows[1] == " before   no fix  19 s measured"
    assert shown_rows[2] == " after    a: await asyncio.to_thread(...)  19 s of 20 s measured"
    assert shown_rows[3].split() == ["what", "figure", "before", "after", "change", "significance"]
    table = [row[:20].strip() for row in shown_rows[4:9]]
    assert table[:4] == ["▶ GET /report", "GET /ping", "LOOP", "db pool"]
    assert " ".join(shown_rows[4].split()[3:]) == "p99 114 ms 18 ms ▼ 84 % 295 of 368 samples"
    text = "\n".join(shown_rows)
    assert "── GET /report ─ n 295 → 295 ──" in text
    for name in ("p50", "p90", "p99", "max"):
        assert f"\n  {name} " in text
    assert "100–200ms" in text, "the histogram"
    assert "░" in text
    assert "█" in text


def test_a_baseline_is_called_so():
    snapshot = compared(marks=("baseline", "fix:to_thread=on"))
    assert rows(scene_of(snapshot))[1] == " baseline no fix  19 s measured"


def test_wide_terminals_have_the_figures_beside_the_table():
    wide = rows(scene_of(compared()), 160, 40)
    line = next(row for row in wide if row.startswith("▶ GET /report"))
    assert "295 → 295" in line
    assert "│" in line
    text = "\n".join(wide)
    assert "×1 before and after" in text
    assert "B makes what runs now the baseline" in text
    assert "only a worker thread" in text, "why the fix helps"
    assert "── GET /ping ─ latency" in text, "the other route's histogram"


def test_the_colours_of_changes_are_explained_in_them():
    scene = scene_of(compared())
    theme = scene.theme
    (row,) = (r for r in CompareView().draw(scene, 160, 40) if "may be chance" in r.text)
    assert row.text.endswith("  better  worse  may be chance  ")
    styles = {segment.text.strip(): segment.style for segment in row}
    assert styles["better"] is theme.good
    assert styles["worse"] is theme.worse
    assert styles["may be chance"] is theme.text


def test_the_figures_of_the_others_stand_below_those_of_the_chosen_one():
    wide = rows(scene_of(compared()), 160, 45)
    right = [row[94:] for row in wide]
    heads = [row.split("─ n ")[0] for row in right if row.startswith("── ")]
    assert [head.strip("─ ") for head in heads] == ["GET /report", "GET /ping", "LOOP"]
    assert sum("p99" in row for row in right) == 4  # two routes', the loop's lag and ready delay


def test_a_long_title_of_a_fix_is_whole():
    fix = SCENARIO.fixes[0]
    title = "cancel at disconnect; with CancelScope(shield=True): await write()"
    fixes = (replace(fix, title=title), *SCENARIO.fixes[1:])
    found = rows(scene_of(compared(), fixes=fixes))
    assert found[2].endswith("19 s of 20 s measured")
    assert "".join(found[2:4]).split("with")[1].split()[-2:] == ["await", "write()"]


@pytest.mark.parametrize("size", [(60, 12), (60, 8), (80, 14), (100, 30), (120, 16), (200, 55)])
@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("detail", [False, True])
def test_nothing_is_wider_than_its_place(size, place, detail):
    snapshot = compared(seconds=4, lost=3)
    key = comparison_rows(snapshot.comparison, scene_of(snapshot))[place].key
    scene = scene_of(snapshot, view_state=replace(ViewState("compare").choose(key), detail=detail))
    rows(scene, *size)
    rows(replace(scene, glyphs=ASCII), *size)


def test_each_thing_can_be_chosen_and_shows_its_figures():
    snapshot = compared(lost=3)
    view = CompareView()
    keys = view.keys(scene_of(snapshot))
    assert [kind for kind, _ in keys] == ["counter", "route", "route", "loop", "resource"]
    for key, title, figure in zip(
        keys,
        ("lost votes", "GET /report", "GET /ping", "LOOP", "db pool"),
        ("per second", "p99", "p99", "ready delay p99", "in use, mean"),
        strict=True,
    ):
        text = "\n".join(
            rows(scene_of(snapshot, view_state=ViewState("compare").choose(key)), 80, 20)
        )
        below = text[text.rindex("── " + title) :]
        assert f"  {figure}" in below
        detail = replace(ViewState("compare").choose(key), detail=True)
        alone = "\n".join(rows(scene_of(snapshot, view_state=detail), 80, 20))
        assert "what" not in alone.split()
        assert f"── {title} " in alone


def test_a_row_can_be_clicked():
    scene, view = scene_of(compared(lost=3)), CompareView()
    drawn = [strip.text for strip in view.draw(scene, 80, 18)]
    at = next(y for y, text in enumerate(drawn) if "GET /ping" in text)
    assert view.row_at(at) == ("route", "GET /ping")
    assert view.row_at(0) is None


def test_frozen_it_says_of_when_it_is():
    snapshot = compared(seconds=4)
    assert (
        "as of the freeze"
        in rows(scene_of(snapshot, view_state=ViewState("compare", end_ns=T0)))[0]
    )


def test_nothing_to_compare_says_which_keys_to_press():
    text = "\n".join(rows(scene_of(replace(compared(seconds=2), comparison=None), on=())))
    assert "Nothing to compare yet: flip a fix" in text
    assert " a ( ) await asyncio.to_thread(...)" in text
    assert " c ( ) await an async library" in text
    assert "B makes what runs now the baseline" in text
    without = "\n".join(rows(scene_of(None, on=(), fixes=())))
    assert "Nothing to compare: this scenario has no fixes." in without
    assert "baseline" not in without


def test_a_fix_that_is_not_there_says_what_to_install():
    fixes = (replace(SCENARIO.fixes[0], unavailable="It needs asyncpg: pip install it."),)
    text = "\n".join(rows(scene_of(None, on=(), fixes=fixes)))
    assert " a (-) " in text
    assert "It needs asyncpg: pip install it." in text


def test_another_load_is_not_compared():
    snapshot = compared(seconds=4, marks=("fix:to_thread=on", "load:2.0"))
    text = "\n".join(rows(scene_of(snapshot)))
    assert "The load has changed from ×1 to ×2: before and after are not comparable." in text
    assert strip(scene_of(snapshot))[0] == (
        " the load has changed, ×1 to ×2: before and after are not comparable"
    )


# ---- the strip


def test_the_strip_has_the_highest_quantile_that_is_significant():
    assert strip(scene_of(compared(seconds=3)))[0] == (
        " no fix → a  GET /report  p90  113 ms → 17 ms   ▼  85 %  (n 40 → 40)"
    )
    assert "  p99 " in strip(scene_of(compared(seconds=30)))[0]


def test_what_may_be_chance_is_said_to_be_uncertain():
    snapshot = compared(seconds=3, before_ms=20, after_ms=18)
    assert strip(scene_of(snapshot))[0].endswith("(n 40 → 40)  uncertain")
    assert strip(scene_of(snapshot), 160, 50)[1].endswith("  p50+p99 not significant yet")
    snapshot = compared(seconds=31, before_ms=20, after_ms=20)
    assert "uncertain" not in strip(scene_of(snapshot))[0], "the same is no change"


def test_a_bad_counter_goes_before_the_routes():
    row = strip(scene_of(compared(lost=3)))[0]
    assert row.startswith(" no fix → a  lost votes  per second ")
    assert row.endswith("→ 0.0     ▼ gone")


# ---- changes


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (100, 14, "▼  86 %"),
        (100, 140, "▲  40 %"),
        (100, 320, "▲ ×3.2"),
        (1, 500, "▲ ×500"),
        (100, 104, "= same"),
        (0, 0, "= same"),
        (0, 5, "▲ new"),
        (5, 0, "▼ gone"),
        (None, 5, ""),
        (5, None, ""),
    ],
)
def test_changes(before, after, text):
    changed, style = change(Figure("x", before, after, as_rate), scene_of(None))
    assert changed == text
    assert isinstance(style, Style)


def test_a_duration_that_is_too_short_to_be_seen_is_not_gone():
    text, _ = change(Figure("p99", 5_000_000, 0, as_duration), scene_of(None))
    assert text == "▼  99 %"


def test_colour_is_for_what_is_sure_or_much():
    scene = scene_of(None)
    good, worse, plain = scene.theme.good, scene.theme.worse, scene.theme.text

    def style(before, after, **more):
        return change(Figure("x", before, after, as_duration, **more), scene)[1]

    assert style(100, 60, significant=True) is good
    assert style(100, 60, significant=False) is plain
    assert style(100, 60) is plain
    assert style(100, 40) is good
    assert style(100, 160) is worse
    assert style(100, 160, less_is_better=False) is good
    assert style(100, 160, less_is_better=None) is scene.theme.strong


@pytest.mark.parametrize(
    ("title", "significant", "count", "text"),
    [
        ("p99", True, (400, 400), "significant"),
        ("p99", False, (400, 367), "too few samples (367 of 368)"),
        ("p99", False, (400, 400), "not significant"),
        ("p50", False, (5, 9), "too few samples (5 of 6)"),
        ("max", None, (400, 400), ""),
    ],
)
def test_significance(title, significant, count, text):
    assert significance(Figure(title, 2, 1, as_duration, significant, count=count), 40) == text
    same = significance(Figure(title, 100, 101, as_duration, significant, count=count), 40)
    assert same == ("" if text == "not significant" else text), "there is no change to be sure of"


def test_significance_is_said_in_as_many_words_as_fit():
    few = Figure("p99", 2, 1, as_duration, significant=False, count=(90, 400))
    texts = [significance(few, width) for width in (28, 18, 12, 6)]
    assert texts == ["too few samples (90 of 368)", "90 of 368 samples", "too few", ""]
    chance = Figure("p99", 2, 1, as_duration, significant=False, count=(400, 400))
    assert [significance(chance, width) for width in (15, 14, 8)] == [
        "not significant",
        "uncertain",
        "",
    ]


def test_what_was_in_use_for_an_instant_only_has_no_row():
    none, some = ResourceFigures(), ResourceFigures(in_use=0.01, in_use_max=1)
    waited = ResourceFigures(
        waiting=0.1,
        waiting_max=2,
        waited=Quantiles(count=1, p50_ns=5, p90_ns=5, p99_ns=5, max_ns=5),
    )
    comparison = Comparison(
        before_fixes=(),
        after_fixes=("a",),
        since_ns=0,
        needed=30,
        routes=(
            RouteComparison(route="GET /a", before=Quantiles(), after=Quantiles(), enough=False),
        ),
        loop=Pair(LoopFigures(), LoopFigures()),
        resources=(
            ResourceComparison(name="quiet", capacity=1, of=Pair(some, none)),
            ResourceComparison(name="scenarios/db.py:3 pool(5)", capacity=5, of=Pair(waited, none)),
        ),
        counters=(
            CounterComparison(key="n", title="n", bad=False, grew=Pair(0, 0), per_s=Pair(0.0, 0.0)),
        ),
    )
    assert [item.name for item in comparison_rows(comparison, scene_of(None))] == [
        "GET /a",
        "LOOP",
        "pool db.py:3",
        "n",
    ]


@pytest.mark.parametrize(("lasted_s", "known"), [(0.2, False), (1.5, True)])
def test_a_level_or_a_pace_takes_a_second_to_measure(lasted_s, known):
    """Before that nothing is gone: nothing has been measured."""
    before = ResourceFigures(in_use=3.0, in_use_max=5)
    stalls = LoopFigures(utilization=0.5, stalls=40, stalled_ns=2 * SECOND, victims=90)
    comparison = Comparison(
        before_fixes=(),
        after_fixes=("a",),
        since_ns=0,
        needed=30,
        routes=(),
        loop=Pair(stalls, LoopFigures()),
        resources=(
            ResourceComparison(name="db.py:3 pool(5)", capacity=5, of=Pair(before, before)),
        ),
        counters=(),
        lasted_ns=Pair(6 * SECOND, int(lasted_s * SECOND)),
    )
    loop, pool = comparison_rows(comparison, scene_of(None))
    paces = [f.after for f in loop.figures if f.title in ("busy", "stalls /s", "victims /s")]
    assert paces == ([0.0, 0.0, 0.0] if known else [None, None, None])
    assert pool.head.after == (3.0 if known else None)


# ---- keys


def test_b_sets_the_baseline_and_says_so():
    async def play(stage: Stage) -> None:
        await stage.press("B")
        assert ("baseline",) in stage.run.calls
        assert "Baseline set: all that follows is compared with it." in stage.text()

    drive(play)


def test_the_view_opens_with_its_key_and_its_rows_can_be_walked():
    async def play(stage: Stage) -> None:
        await stage.press("a")
        for _ in range(8):
            await stage.play(0.5)
        await stage.press("6", "j", "j")
        text = stage.text()
        assert "── COMPARE ─ SOLVED since a" in text
        assert any(line.startswith("▶ GET /ping") for line in stage.lines())
        await stage.press("enter")
        assert "what" not in stage.text().split()
        await stage.press("escape", "space")
        assert "as of the freeze" in stage.text()

    drive(play)
