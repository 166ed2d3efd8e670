"""The loop view: heat-maps that keep what they counted, figures of now and before."""

import random
from dataclasses import replace

import numpy as np
import pytest

from loopviz.clock import MS, SECOND
from loopviz.engine.session import Status
from loopviz.model.model import Model
from loopviz.model.snapshot import GcStats, LoopDistributions, Pause, Peer, Track
from loopviz.testing import Story
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.draw.palette import theme_named
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.actions import DEFAULT_KEYS
from loopviz.tui.state.view_state import ViewState
from loopviz.tui.views.loop import LoopView
from loopviz.tui.views.loop.heatmap import HeatMap, draw_heat, row_edges, shade_steps
from loopviz.tui.views.loop.measures import MEASURES
from loopviz.tui.views.loop.pauses import pause_row, pause_summary
from loopviz.tui.views.loop.usage import usage_rows
from tests.tui.fake_run import SCENARIO, FakeRun
from tests.tui.stage import Stage, drive

EDGES = row_edges(10)


def track(pairs):
    table = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return Track(times_ns=table[:, 0], values=table[:, 1])


def counted(track, columns):
    """As it ought to be, one by one."""
    rows = np.zeros((len(EDGES) + 1, columns.count), int)
    for at, value in zip(track.times_ns, track.values, strict=True):
        if columns.start_ns <= at < columns.end_ns:
            row = sum(value >= edge for edge in EDGES)
            rows[row][columns.at(int(at))] += 1
    return rows.tolist()


def busy_story():
    """Six seconds: callbacks of 1 ms that waited 2 ms, each second one of 30 ms."""
    story = Story().mark("scenario:x")
    for second in range(6):
        for _ in range(40):
            story.idle(20 * MS).callback("f", MS, waited=2 * MS, late=3 * MS)
        story.callback("slow", 30 * MS).gc(4 * MS, generation=second % 3)
    return story.idle(MS)


def scene_of(story=None, model=None, **more):
    if model is None:
        model = Model()
        story = story or busy_story()
        story.feed(model)
    now = story.now_ns
    shown = {"theme": theme_named("dark"), "glyphs": BLOCKS, "view_state": ViewState("loop")} | more
    return Scene(
        SCENARIO,
        Status("running"),
        model.snapshot(now, 7 * SECOND),
        now,
        now,
        keys=DEFAULT_KEYS,
        **shown,
    )


def texts(scene, width=80, height=19, view=None):
    strips = (view or LoopView()).draw(scene, width, height)
    assert len(strips) == height
    assert {strip.cell_length for strip in strips} == {width}
    assert {len(strip.text) for strip in strips} == {width}
    return [strip.text for strip in strips]


# ---- counting


@pytest.mark.parametrize("seed", range(5))
def test_what_is_kept_from_frame_to_frame_is_what_is_there(seed):
    """The grid moves, stands, jumps back and is zoomed, while values come in late."""
    chance = random.Random(seed)
    pairs = [(chance.randrange(20 * SECOND), int(10 ** chance.uniform(3, 10))) for _ in range(900)]
    pairs.sort()
    heat = HeatMap(EDGES)
    end, cell, until = 5 * SECOND, 90 * MS, 0
    for _ in range(60):
        what = chance.random()
        if what < 0.1:
            cell = chance.choice([20 * MS, 90 * MS, 500 * MS])
        elif what < 0.2:
            end = chance.randrange(2 * SECOND, 20 * SECOND)
        else:
            end += chance.randrange(200 * MS)
        until = max(until, end - chance.randrange(300 * MS))
        columns = Columns(cell, 40, end)
        seen = track([pair for pair in pairs if columns.start_ns - SECOND < pair[0] < until])
        assert heat.counts(seen, columns).tolist() == counted(seen, columns)


def test_what_was_not_in_the_track_is_counted_once_it_is():
    """After zooming out the first picture may not reach back as far as the second."""
    pairs = [(ms * MS, MS) for ms in range(1, 4000, 10)]
    columns = Columns(100 * MS, 40, 4 * SECOND)
    heat = HeatMap(EDGES)
    short = track(pairs[200:])
    assert heat.counts(short, columns).tolist() == counted(short, columns)
    whole = track(pairs)
    assert heat.counts(whole, columns).tolist() == counted(whole, columns)


def test_a_value_on_an_edge_counts_from_there_on():
    columns = Columns(SECOND, 1, SECOND)
    counts = HeatMap((MS, 10 * MS)).counts(track([(5, MS - 1), (6, MS), (7, 10 * MS)]), columns)
    assert counts.tolist() == [[1], [1], [1]]


@pytest.mark.parametrize("rows", range(4, 40))
def test_rows_fill_the_room_there_is(rows):
    edges = row_edges(rows)
    assert list(edges) == sorted(set(edges))
    assert rows - 4 <= len(edges) + 1 <= rows or len(edges) == 13
    assert 10 * MS in edges, "from there on a delay is felt"


def test_shades_keep_their_meaning_while_counts_vary():
    steps = 2
    for most in (500, 480, 520, 300, 400):
        steps = shade_steps(most, steps)
        assert steps == (8 if most == 520 or steps == 8 else 7)
    assert shade_steps(0) == 2
    assert shade_steps(10, before=8) == 2, "it falls in the end"
    assert shade_steps(1000) == 10


# ---- the picture


def test_a_row_has_the_colour_of_its_delay():
    """Blue, amber from 10 ms on, red from 100 ms on; darker or lighter by how many there were."""
    scene = scene_of(theme=theme_named("dark"))
    theme = scene.theme
    ramps = {"ramp": theme.ramp, "amber": theme.amber_ramp, "alarm": theme.alarm_ramp}
    delays = (5 * MS, 30 * MS, 200 * MS)
    delayed = track([(int(scene.end_ns - SECOND), ns) for ns in delays])
    columns = Columns.over(2 * SECOND, 40, scene.end_ns)
    strips = draw_heat(HeatMap(row_edges(14)), delayed, scene, columns, 8, 60)
    found = [
        name
        for strip in strips
        for segment in strip
        if segment.text.strip() in BLOCKS.shades and segment.text.strip()
        for name, ramp in ramps.items()
        if segment.style in ramp
    ]
    assert found == ["alarm", "amber", "ramp"]


def test_each_value_is_in_its_row_and_the_rows_say_their_share():
    scene = scene_of()
    lines = texts(scene)
    rows = {line[:15].strip(): line for line in lines[1:9]}
    assert list(rows) == ["≥300ms", "100ms", "30ms", "10ms", "3ms", "1ms", "0.3ms", "<0.3ms"]
    assert rows["1ms"].rstrip().endswith("97%"), "nearly all waited 2 ms"
    assert rows["<0.3ms"].rstrip().endswith("2.6%"), "the slow ones did not wait"
    assert rows["30ms"][16:].strip() == "0%"
    assert lines[0].startswith("── READY DELAY ─ ░ 1  ▒ 2  ▓ 4  █ 8 or more callbacks in a column ")


def test_the_columns_are_those_of_the_loop_lane():
    async def play(stage: Stage) -> None:
        await stage.press("4")
        for cell in (0, 20 * MS, 200 * MS):
            stage.app.controller.view_state = replace(stage.app.controller.view_state, cell_ns=cell)
            await stage.play(0.1)
            controller, scene = stage.app.controller, stage.app.scene
            view = controller.views["loop"]
            columns, label = view._grid(scene, stage.app.size.width)
            assert columns == controller.columns_until(scene.end_ns)
            assert label == controller.plan.label

    drive(play, (80, 24))
    drive(play, (160, 50))


def test_the_cursor_chooses_the_measure():
    async def play(stage: Stage) -> None:
        await stage.press("4")
        titles = []
        for _ in range(5):
            titles.append(next(line for line in stage.lines() if " or more " in line).split()[1])
            await stage.press("j")
        assert titles == ["READY", "CALLBACK", "ITERATION", "LAG", "LAG"]
        assert "▶ lag" in stage.text()
        await stage.press("escape", "enter")
        assert "── READY DELAY" in stage.text()
        assert stage.app.scene.view == "loop"

    drive(play)


def test_each_workers_loop_has_its_measures():
    run = FakeRun()
    run.made = lambda seen: replace(seen, peers=(Peer(worker=2, loop=seen.loop),))

    async def play(stage: Stage) -> None:
        await stage.press("4", "j", "j", "j")
        assert "── LOOP 1  LAG" in stage.text()
        await stage.press("j")
        assert "── LOOP 2  READY DELAY" in stage.text()

    drive(play, stage=Stage(run))


def test_figures_of_the_last_seconds_stand_beside_those_before():
    story = busy_story()
    model = Model()
    story.feed(model)
    lines = texts(scene_of(story, model), 160, 42)
    row = next(line for line in lines if line.startswith("▶ ready delay"))
    assert row[:76].split()[3:] == ["2.0ms", "2.0ms", "2.0ms", "2.0ms", *row[:76].split()[7:]]
    assert "was: since the start" in "".join(lines)
    story.mark("fix:a=on")
    for _ in range(250):
        story.idle(20 * MS).callback("f", MS, waited=MS // 2)
    story.feed(model)
    row = next(
        line for line in texts(scene_of(story, model), 160, 42) if line.startswith("▶ ready delay")
    )
    figures = row[:84].split()
    assert (figures[3], figures[-3]) == ("0.5ms", "2.0ms"), row


def test_in_the_past_the_figures_are_those_of_then():
    story = busy_story()
    model = Model()
    story.feed(model)
    then = story.now_ns
    for _ in range(100):
        story.idle(20 * MS).callback("f", MS, waited=300 * MS)
    story.feed(model)
    now = model.snapshot(story.now_ns, 12 * SECOND)
    scene = replace(
        scene_of(story, model),
        snapshot=model.past(now, then - SECOND, then),
        end_ns=then,
        view_state=ViewState("loop", end_ns=then),
    )
    text = "\n".join(texts(scene))
    assert "2.0ms  2.0ms  2.0ms" in text
    assert "── 5 S UP TO THEN  was: since the start" in text
    assert not any(
        line[16:72].strip() for line in texts(scene) if line.startswith("        ≥300ms")
    )


def test_collections_stand_where_they_ended():
    columns = Columns(100 * MS, 50, 105 * SECOND)
    pauses = (
        Pause(101 * SECOND - 5 * MS, 101 * SECOND, 0),
        Pause(101 * SECOND + MS, 101 * SECOND + 40 * MS, 2),
        Pause(104 * SECOND, 104 * SECOND + MS, 1),
        Pause(105 * SECOND, 105 * SECOND + MS, 1),
    )
    gc = GcStats(count=4, total_ns=47 * MS, max_ns=39 * MS, by_generation=(1, 2, 1), last=pauses)
    strip = pause_row(gc, scene_of(), columns, 16, 80)
    cells = strip.text[16:66]
    assert (cells[10], cells[40]) == ("2", "1"), "the oldest generation of a column; none to come"
    assert len(cells.split()) == 2
    text = "4 pauses (1 2 1 of generation 0 1 2), 47 ms in total, longest 39 ms"
    assert pause_summary(gc, 80) == text
    assert pause_summary(gc, 60) == "4 pauses (gen. 0 1 2: 1 2 1), 47 ms, longest 39 ms"
    assert pause_summary(GcStats(), 80) == "no pause so far"


def test_a_foreign_loop_says_what_is_not_seen():
    scene = scene_of()
    loop = replace(scene.snapshot.loop, coverage="steps", whole=LoopDistributions())
    loop = replace(loop, ready_delay=track([]), iteration=track([]))
    scene = replace(scene, snapshot=replace(scene.snapshot, loop=loop))
    lines = texts(scene)
    assert any("a foreign loop: task steps and lag" in line for line in lines)
    assert any("no callbacks in these 5 s" in line for line in lines)
    assert any(line.startswith("▶ ready delay") and line[:44].split()[3] == "-" for line in lines)


def test_on_uvloop_utilization_is_said_to_be_by_cpu_time():
    scene = scene_of()
    loop = replace(scene.snapshot.loop, coverage="uvloop")
    scene = replace(scene, snapshot=replace(scene.snapshot, loop=loop))
    assert any("busy by CPU; " in line for line in texts(scene))
    rows = [strip.text for strip in usage_rows(loop, scene, 100, 8)]
    assert any("uvloop: what it runs in C is one callback" in row for row in rows)


def test_before_the_first_event_it_says_so():
    scene = replace(scene_of(), snapshot=None)
    assert "The loop has not run yet." in "\n".join(texts(scene))


@pytest.mark.parametrize("name", ["dark", "light", "none"])
@pytest.mark.parametrize("glyphs", [BLOCKS, ASCII], ids=["blocks", "ascii"])
def test_at_every_size_rows_are_whole(name, glyphs):
    scene = scene_of(theme=theme_named(name), glyphs=glyphs)
    view = LoopView()
    for width in (60, 79, 80, 100, 119, 120, 160, 200):
        for height in (8, 11, 14, 16, 18, 19, 25, 30, 42, 54):
            lines = texts(scene, width, height, view)
            if glyphs is ASCII:
                assert "\n".join(lines).isascii()


def test_without_colour_the_shades_are_told_apart():
    scene = scene_of(theme=theme_named("none"))
    assert len(set(BLOCKS.shades)) == len(set(ASCII.shades)) == 5
    assert len(scene.theme.ramp) == len(BLOCKS.shades) - 1
    strips = LoopView().draw(scene, 80, 19)
    assert all(segment.style.color is None for strip in strips for segment in strip)


def test_help_has_every_column_and_measure():
    words = [word for word, _ in LoopView.HELP]
    assert {measure.title for measure in MEASURES} <= set(words)
    assert len(words) == len(set(words))
