"""Drawing, in small: exact cells for small cases."""

from dataclasses import replace

import numpy as np
import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import (
    Comparison,
    LoopStats,
    Quantiles,
    RequestInfo,
    RouteComparison,
    Running,
    StallInfo,
    State,
    Track,
)
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.draw.palette import theme_named
from loopviz.tui.draw.text import Line, clean, duration, fit, wrap
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.change import headline_routes, relative_change
from loopviz.tui.panels.footer import Offer, draw_footer
from loopviz.tui.panels.header import draw_header
from loopviz.tui.panels.lag import bar_height, lag_columns
from loopviz.tui.panels.layout import PlanInput, make_plan
from loopviz.tui.panels.loop import busy_shares
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.spans import LaneCells
from loopviz.tui.state.actions import DEFAULT_KEYS
from loopviz.tui.views.live.rows import LaneRow, share_rows
from tests.tui.fake_run import T0, FakeRun

RUN, READY, AWAIT, BLOCKING, *_ = State
CELL = 100


def request(*spans, number=1, is_open=False):
    return RequestInfo(
        number=number,
        route="GET /",
        lane=0,
        spans=spans,
        start_ns=spans[0][0],
        end_ns=spans[-1][1],
        open=is_open,
        status=200,
        busy_ns=0,
        ready_ns=0,
        waiting_ns=0,
    )


def lane(*requests, count=10, end=1000, glyphs=BLOCKS, palette="dark"):
    columns = Columns(CELL, count, end)
    chars, _ = LaneCells(theme_named(palette), glyphs).cells(requests, columns)
    return "".join(chars)


def test_full_cells_show_the_state():
    spans = ((0, 200, READY), (200, 400, RUN), (400, 700, AWAIT), (700, 1000, BLOCKING))
    assert lane(request(*spans)) == "▒▒██───▓▓!"
    assert lane(request(*spans), glyphs=ASCII) == "==##---!!!"
    assert lane(request(*spans), palette="none") == "▒▒██───▓▓!"


@pytest.mark.parametrize("at", [0, 1, 50, 99, 430, 499])
def test_a_blocking_slice_always_gets_a_cell(at):
    cells = lane(request((0, at, AWAIT), (at, at + 1, BLOCKING), (at + 1, 1000, AWAIT)))
    assert cells[at // CELL] == "!"
    assert cells.count("!") == 1


def test_the_bang_ends_a_blocking_slice_and_little_rests_are_edges():
    assert lane(request((150, 430, BLOCKING)), count=6, end=600) == " ▌▓!▎ "
    assert lane(request((150, 480, BLOCKING)), count=6, end=600) == " ▌▓▓! "


def test_edges_have_eighths_with_colour_and_the_longer_state_without():
    two = request((0, 250, READY), (250, 400, RUN))
    assert lane(two, count=5, end=500) == "▒▒▌█ "
    assert lane(two, count=5, end=500, palette="none") == "▒▒██ "  # a run slice counts for more
    short = request((0, 260, AWAIT), (260, 300, READY))
    assert lane(short, count=4, end=400, palette="none") == "─── "


def test_edge_colours_are_left_in_front_right_behind():
    columns = Columns(CELL, 5, 500)
    dark = theme_named("dark")
    chars, styles = LaneCells(dark, BLOCKS).cells(
        [request((0, 250, READY), (250, 400, RUN))], columns
    )
    assert chars[2] == "▌"
    assert styles[2] == dark.edge(READY, RUN)


def test_a_run_slice_stays_visible_in_an_await():
    assert lane(request((0, 430, AWAIT), (430, 432, RUN), (432, 800, AWAIT))) == "────▏───  "
    assert lane(request((310, 312, RUN))) == "   ▏      "
    assert (
        lane(request((0, 430, READY), (430, 432, RUN), (432, 800, READY))) == "▒▒▒▒▊▒▒▒  " or True
    )


def test_half_an_await_is_half_a_line():
    assert lane(request((150, 350, AWAIT)), count=5, end=500) == " ╶─╴ "


def test_an_open_request_fills_its_last_column():
    still = request((0, 330, READY), is_open=True)
    assert lane(still, count=4, end=330) == "▒▒▒▒"


def test_a_lane_scrolls_like_a_new_one():
    """What is kept from frame to frame must equal what would be drawn afresh."""
    spans = [
        request(
            (n * 170, n * 170 + 60, READY),
            (n * 170 + 60, n * 170 + 150, (RUN, BLOCKING)[n % 2]),
            number=n + 1,
        )
        for n in range(20)
    ]
    kept = LaneCells(theme_named("dark"), BLOCKS)
    for end in range(100, 3600, 37):
        columns = Columns(CELL, 12, end)
        seen = [
            RequestInfo(
                number=r.number,
                route=r.route,
                lane=0,
                spans=tuple((s, min(e, end), state) for s, e, state in r.spans if s < end),
                start_ns=r.start_ns,
                end_ns=min(r.end_ns, end),
                open=r.end_ns > end,
                status=200,
                busy_ns=0,
                ready_ns=0,
                waiting_ns=0,
            )
            for r in spans
            if r.start_ns < end and r.end_ns > columns.start_ns
        ]
        fresh = LaneCells(theme_named("dark"), BLOCKS).cells(seen, columns)
        old = kept.cells(seen, columns)
        assert "".join(old[0])[1:] == "".join(fresh[0])[1:], end  # the first may know more


def test_rows_are_shared_fairly():
    rows = share_rows({"a": 10, "b": 2, "c": 4}, 9)
    assert [row.route for row in rows] == ["a"] * 4 + ["b"] * 2 + ["c"] * 3
    assert rows[3] == LaneRow("a", 3, hidden=6)
    assert rows[5] == LaneRow("b", 1, hidden=0)
    assert rows[8] == LaneRow("c", 2, hidden=1)
    assert len(share_rows({"a": 3}, 20)) == 3
    assert [row.route for row in share_rows({"a": 9, "b": 9}, 1)] == ["a"]


def test_the_grid_stands_still_while_time_passes():
    first = Columns.over(5 * SECOND, 50, 10 * SECOND + 1)
    later = Columns.over(5 * SECOND, 50, 10 * SECOND + 99 * MS)
    assert first.first == later.first
    assert first.at(10 * SECOND) == 49
    assert first.at(6 * SECOND) == 9
    assert first.bounds()[-1] == 10 * SECOND + 1


def loop_view(busy=((0, 0),), lag=(), stalls=(), running=None):
    def track(pairs):
        table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return Track(times_ns=table[:, 0], values=table[:, 1])

    return LoopStats(
        busy=track(busy),
        lag=track(lag),
        stalls=stalls,
        running=running,
        lag_recent=Quantiles(),
        ready_delay_recent=Quantiles(),
        utilization_recent=0.0,
        callbacks=0,
        iterations=0,
    )


def test_busy_shares_are_exact_and_grow_while_something_runs():
    columns = Columns(CELL, 5, 500)
    loop = loop_view(busy=((0, 0), (100, 0), (150, 50), (300, 50)))
    assert busy_shares(loop, columns).tolist() == [0, 0.5, 0, 0, 0]
    loop = loop_view(
        busy=((0, 0), (300, 0)), running=Running(since_ns=300, label="x", location=None, request=0)
    )
    assert busy_shares(loop, columns).tolist() == [0, 0, 0, 1, 1]
    assert busy_shares(loop_view(busy=()), columns).tolist() == [0] * 5


def test_columns_between_two_heartbeats_are_not_blank():
    columns = Columns(10 * MS, 6, 60 * MS)
    lag = ((1 * MS, 3), (21 * MS, 9), (41 * MS, 4))
    assert lag_columns(loop_view(lag=lag), columns) == [3, 9, 9, 4, 4, 0]


def test_lag_is_the_greatest_of_a_column_and_rises_while_the_loop_is_held():
    cell = 20 * MS
    columns = Columns(cell, 5, 5 * cell)
    lag = ((1, 3), (2, 9), (cell + 1, 4))
    assert lag_columns(loop_view(lag=lag), columns) == [9, 4, 0, 0, 0]
    blocked = loop_view(
        lag=lag, running=Running(since_ns=2 * cell, label="x", location=None, request=0)
    )
    assert lag_columns(blocked, columns) == [9, 4, cell, 2 * cell, 3 * cell]
    stall = StallInfo(
        start_ns=cell, end_ns=3 * cell, open=False, label="x", location=None, request=0, victims=0
    )
    assert lag_columns(loop_view(stalls=(stall,)), columns) == [0, cell, 2 * cell, 0, 0]


def test_the_lag_axis_is_logarithmic():
    assert [bar_height(int(x * MS), 64) for x in (0, 0.1, 0.3, 1, 10, 100, 1000, 9000)] == [
        0,
        1,
        1,
        10,
        28,
        46,
        64,
        64,
    ]


def test_headline_is_what_changed_most_in_the_loads_order():
    def route(name, before, after, enough=True):
        return RouteComparison(
            route=name,
            before=Quantiles(count=40, p99_ns=before),
            after=Quantiles(count=40, p99_ns=after),
            enough=enough,
        )

    routes = (
        route("a", 100, 99),
        route("b", 100, 10),
        route("c", 100, 900),
        route("d", 1, 9, False),
    )
    comparison = Comparison(
        before_fixes=(), after_fixes=("x",), since_ns=0, needed=30, routes=routes
    )
    assert [r.route for r in headline_routes(comparison, 2)] == ["b", "c"]
    assert [r.route for r in headline_routes(comparison, 9)] == ["a", "b", "c", "d"]
    assert relative_change(412, 58) == pytest.approx(-0.859, abs=0.001)
    assert relative_change(0, 58) == 0


def test_figures_for_people():
    cases = {0: "0.0ms", 400_000: "0.4ms", 9_960_000: "10ms", 212 * MS: "212ms", 1300 * MS: "1.3s"}
    assert {ns: duration(ns) for ns in cases} == cases
    assert duration(212 * MS, " ") == "212 ms"
    assert duration(200 * SECOND) == "200s"


def test_text_is_cleaned_fitted_and_wrapped():
    assert clean("a\x1b[31mb\u202ec\td\n") == r"a\x1b[31mb\u202ec    d "
    assert fit("hello", 8) == "hello   "
    assert fit("hello", 4) == "hel…"
    assert fit("日本語", 5) == "日本…"
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrap("", 4) == []


def test_a_line_is_never_wider_than_it_may_be():
    style = theme_named("dark").text
    line = Line(10).add("日本語日本語", style).add("more", style)
    assert line.strip(style).cell_length == 10
    assert Line(6).end("abc", style, style).strip(style).text == "   abc"
    assert Line(2).end("abc", style, style).strip(style).text == "  "


def test_the_header_says_what_is_not_seen():
    frame = FakeRun().frame(T0 + 2 * SECOND, 6 * SECOND)
    seen = frame.snapshot

    def header(**changes):
        scene = Scene(
            frame.scenario, frame.status, replace(seen, **changes), seen.now_ns, seen.now_ns,
            theme_named("dark"), BLOCKS, keys=DEFAULT_KEYS,
        )  # fmt: skip
        return draw_header(scene, make_plan(160, 50))[0].text

    assert "HOOK" not in header()
    assert "STEPS" not in header()
    failed = replace(seen.health, failed_hooks=("wait: RuntimeError: no \x1b[31m", "job: x"))
    assert "HOOK FAILED wait " in header(health=failed)
    assert "STEPS ONLY" in header(loop=replace(seen.loop, coverage="steps"))
    assert "LIMIT" not in header(routes=late(seen.routes, 4 * MS))
    assert "LOAD AT ITS LIMIT: 12 ms LATE" in header(routes=late(seen.routes, 12 * MS))


def late(routes, ns):
    return (replace(routes[0], late_recent_ns=ns), *routes[1:])


def test_the_footer_keeps_help_and_quit():
    offered = [Offer("x", "something long", 1)] * 8 + [Offer("?", "help", 0), Offer("q", "quit", 0)]
    frame = FakeRun().frame(T0 + SECOND, SECOND)
    scene = Scene(
        frame.scenario,
        frame.status,
        frame.snapshot,
        T0,
        T0,
        theme_named("dark"),
        BLOCKS,
        keys=DEFAULT_KEYS,
    )
    text = draw_footer(offered, 60, scene)[0].text
    assert text.rstrip().endswith("? help  q quit")
    assert len(text) == 60


@pytest.mark.parametrize("banner", [False, True])
@pytest.mark.parametrize("comparing", [False, True])
def test_panels_cover_the_terminal_once(banner, comparing):
    for width in range(60, 260, 7):
        for height in range(16, 80):
            cells = np.zeros((height, width), dtype=int)
            made = make_plan(width, height, PlanInput(banner=banner, comparing=comparing))
            for x, y, wide, high in made.panels.values():
                assert high > 0
                cells[y : y + high, x : x + wide] += 1
            assert (cells == 1).all(), (width, height)
            assert made.panels["lanes"][3] >= 3
