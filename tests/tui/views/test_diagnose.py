"""The diagnose view: what is wrong, worst first, with its evidence; and the way to its moment."""

from dataclasses import replace

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.findings.rules import RULE_INFOS
from loopviz.model.snapshot import Consequence, CounterValue, Impact, Moment, Quantiles
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.draw.palette import theme_named
from loopviz.tui.panels.code import code_around
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.actions import DEFAULT_KEYS
from loopviz.tui.state.view_state import LIVE, ViewState
from loopviz.tui.views.diagnose import DiagnoseView
from loopviz.tui.views.diagnose.entries import entries, seen_text
from tests.tui.fake_run import BLOCKING_LINE, SCENARIO, T0, FakeRun
from tests.tui.stage import Stage, beyond_ascii, drive


class Troubled(FakeRun):
    """Shows what `rising_counter` makes of each picture."""

    def __init__(self, trouble=lambda snapshot: snapshot):
        super().__init__()
        self.made = trouble


def blamed(snapshot, **more):
    """The block's finding with moments and sufferers."""
    finding = snapshot.findings[0]
    stalls = [stall for stall in snapshot.loop.stalls if not stall.open][:-9:-1]
    moments = [
        Moment(
            at_ns=stall.end_ns,
            lasted_ns=stall.end_ns - stall.start_ns,
            label=stall.label,
            request=stall.request,
        )
        for stall in stalls
    ]
    impacts = (Impact("GET /ping", 30, 2 * SECOND), Impact("GET /report", 9, SECOND))
    return replace(finding, moments=tuple(moments), impacts=impacts, **more)


def with_moments(snapshot):
    return replace(snapshot, findings=(blamed(snapshot),))


def with_many(snapshot):
    """An error, a warning, one that is over; a counter that rises, and one that does not."""
    first = blamed(snapshot)
    convoy = replace(
        first, rule="lock-convoy", title="LOCK CONVOY", severity="warning", worst_ns=90 * MS
    )
    over = replace(
        first,
        rule="task-lost",
        title="TASK LOST",
        last_ns=snapshot.now_ns - 63 * SECOND,
        open=0,
        open_ns=0,
    )
    counters = (
        CounterValue(key="lost", title="lost votes", bad=True, value=118, recent=12),
        CounterValue(key="odd", title="odd things", bad=True, value=7, recent=0),
        CounterValue(key="none", title="never seen", bad=True, value=0, recent=0),
        CounterValue(key="ok", title="votes", bad=False, value=900, recent=90),
    )
    return replace(snapshot, findings=(over, first, convoy), counters=counters)


def scene_of(trouble, **more):
    frame = Troubled(trouble).frame(T0 + 7 * SECOND, 6 * SECOND)
    now = frame.snapshot.now_ns
    given = {
        "theme": theme_named("dark"),
        "glyphs": BLOCKS,
        "view_state": ViewState("diagnose"),
    } | more
    return Scene(frame.scenario, frame.status, frame.snapshot, now, now, keys=DEFAULT_KEYS, **given)


def texts(scene, width=80, height=19, view=None):
    strips = (view or DiagnoseView()).draw(scene, width, height)
    assert len(strips) == height
    assert {strip.cell_length for strip in strips} == {width}
    assert {len(strip.text) for strip in strips} == {width}
    return [strip.text.rstrip() for strip in strips]


# ---- what is wrong


def test_worst_first_then_what_is_over():
    found = entries(scene_of(with_many))
    assert [(entry.word, entry.title) for entry in found] == [
        ("ERROR", "slow callback"),
        ("counter", "lost votes"),
        ("warning", "lock convoy"),
        ("over", "task lost"),
        ("over", "odd things"),
    ]
    lines = texts(scene_of(with_many))
    assert lines[0].startswith("── DIAGNOSIS ─ 3 now, 2 over ─")
    assert lines[1].split() == ["state", "finding", "place", "count", "worst", "victims", "seen"]
    assert lines[2].startswith("▶ ERROR   slow callback")
    assert lines[5].split()[-3:] == ["63", "s", "ago"]


def test_what_is_over_is_grey_says_when_it_ended_and_lights_no_line():
    scene = scene_of(with_many)
    (over,) = (entry for entry in entries(scene) if entry.over and entry.finding)
    scene = replace(scene, view_state=scene.view_state.choose(over.key))
    theme = scene.theme
    strips = DiagnoseView().draw(scene, 80, 30)
    text = "\n".join(strip.text for strip in strips)
    assert "TASK LOST ─ ended 63 s ago ─" in text
    assert "; ended 63 s ago" in text
    (at,) = (n for n, strip in enumerate(strips) if "TASK LOST" in strip.text)
    loud = {theme.alarm, theme.lit, theme.lit_edge, theme.warm, theme.ready}
    assert not loud & {segment.style for strip in strips[at:] for segment in strip}


def test_a_finding_is_told_in_full():
    text = "\n".join(texts(scene_of(with_moments), 80, 30))
    assert "GET /report blocked the loop" in text
    assert f"▶  {BLOCKING_LINE.line}     time.sleep(0.05)" in text
    assert "FIX  a: await asyncio.to_thread(...)  press a" in text
    assert "30 ×   2.0s" in text
    assert "LAST TIMES  enter: choose one" in text
    assert "slow-callback: While one callback runs, nothing else can" in text


def test_what_is_worth_most_stays_when_there_is_no_room():
    for height, kept in ((7, ()), (12, ("FIX",)), (16, ("FIX", "VICTIMS")), (19, ("FIX",))):
        text = "\n".join(texts(scene_of(with_moments), 80, height))
        assert "GET /report blocked the loop" in text
        assert all(word in text for word in kept), height


def test_a_fix_that_is_on_is_not_offered():
    def fixed(snapshot):
        return replace(snapshot, findings=(blamed(snapshot, suggested_fix="", advice=""),))

    scene = scene_of(fixed)
    assert "FIX  no fix is known for this one" in "\n".join(texts(scene))
    status = replace(scene.status, fixes_on=frozenset({"plain_def"}))
    text = "\n".join(texts(replace(scene, status=status)))
    assert "FIX  a fix is on: b def instead of async def" in text


def test_a_counter_that_rises_is_told_like_a_finding():
    def lost(snapshot):
        counter = CounterValue(key="lost", title="lost votes", bad=True, value=118, recent=12)
        return replace(snapshot, findings=(), counters=(counter,))

    text = "\n".join(texts(scene_of(lost), 100))
    assert "lost votes: 118 since the run began, 12 in the last 5 s. It ought to stay 0." in text
    assert "No rule sees this" in text
    assert "press a" in text
    assert "WHAT TO WATCH" in text


def test_all_is_well_says_what_is_watched_for_and_how_the_loop_is():
    def well(snapshot):
        lag = Quantiles(count=200, p50_ns=MS, p90_ns=MS, p99_ns=2 * MS, max_ns=3 * MS)
        loop = replace(snapshot.loop, lag_recent=lag, utilization_recent=0.12)
        return replace(snapshot, findings=(), loop=loop)

    lines = texts(scene_of(well))
    assert lines[0].startswith("── DIAGNOSIS ─ nothing is wrong so far ─")
    assert "The loop keeps up: lag p99 2.0 ms, max 3.0 ms; ready delay p99" in lines[1]
    assert all(any(rule in line for line in lines) for rule in list(RULE_INFOS)[:10])

    def late(snapshot):
        loop = replace(
            snapshot.loop,
            lag_recent=Quantiles(count=200, p50_ns=MS, p90_ns=MS, p99_ns=50 * MS, max_ns=60 * MS),
        )
        return replace(snapshot, findings=(), loop=loop)

    assert "The loop is late, but no rule says why yet" in "\n".join(texts(scene_of(late)))


@pytest.mark.parametrize(
    ("ago_s", "text"),
    [
        (0, "now"),
        (1, "now"),
        (2, "2 s ago"),
        (99, "99 s ago"),
        (100, "1 min"),
        (300, "5 min"),
    ],
)
def test_when_it_was_seen(ago_s, text):
    scene = scene_of(with_moments)
    assert seen_text(scene.end_ns - ago_s * SECOND, scene) == text
    frozen = replace(scene, frozen_at_ns=scene.end_ns + 60 * SECOND)
    assert seen_text(frozen.frozen_at_ns - ago_s * SECOND, frozen) == text, "before the freeze"


# ---- the keys


def test_the_cursor_is_on_the_worst_from_the_start():
    async def play(stage: Stage) -> None:
        await stage.press("5")
        assert "1/5  SLOW CALLBACK" in stage.text()
        await stage.press("j")
        assert "2/5  LOST VOTES" in stage.text()
        await stage.press("G")
        assert "5/5  ODD THINGS" in stage.text()
        await stage.press("g")
        assert "1/5  SLOW CALLBACK" in stage.text()

    drive(play, stage=Stage(Troubled(with_many)))


def test_a_moment_is_shown_in_the_live_view_with_its_culprit():
    async def play(stage: Stage) -> None:
        await stage.press("5", "enter")
        assert "enter: show it in the live view" in stage.text()
        moments = stage.app.controller.view._opened[1]
        await stage.press("j", "j")
        await stage.play(0.4)
        assert stage.app.controller.view_state.row[1:] == (moments[2].at_ns, moments[2].request)
        assert stage.app.controller.view._opened[1] == moments, (
            "rows stand still while they are read"
        )
        await stage.press("enter")
        view_state, columns = stage.app.controller.view_state, stage.app.controller.columns
        assert (view_state.view, view_state.frozen, view_state.row) == (
            LIVE,
            True,
            moments[2].request,
        )
        assert 0 <= columns.at(moments[2].at_ns) < columns.count
        assert "FROZEN" in stage.text()

    drive(play, stage=Stage(Troubled(with_moments)))
    drive(play, (160, 50), stage=Stage(Troubled(with_moments)))


def test_the_chosen_moment_is_always_in_sight():
    async def play(stage: Stage) -> None:
        await stage.press("5", "enter")
        for _ in range(7):
            await stage.press("j")
            assert sum("▶" in line and " ago" in line for line in stage.lines()) == 1

    drive(play, stage=Stage(Troubled(with_moments)))


def test_back_goes_step_by_step():
    async def play(stage: Stage) -> None:
        await stage.press("5", "j", "enter", "escape")
        assert (stage.app.scene.view, stage.app.controller.view_state.detail) == ("diagnose", False)
        assert "2/5  LOST VOTES" in stage.text()
        await stage.press("k", "enter", "j", "escape", "j")
        assert "2/5  LOST VOTES" in stage.text(), "from a moment back to the list"
        await stage.press("escape", "escape")
        assert stage.app.scene.view == LIVE

    drive(play, stage=Stage(Troubled(with_many)))


def test_the_culprits_line_can_be_had():
    scene = scene_of(with_many)
    view = DiagnoseView()
    where = view.location(scene)
    assert (where.file, where.line) == (BLOCKING_LINE.file, BLOCKING_LINE.line)
    counter = entries(scene)[1]
    assert view.location(replace(scene, view_state=scene.view_state.choose(counter.key))) is None


def test_nothing_to_open_does_nothing():
    def well(snapshot):
        return replace(snapshot, findings=())

    async def play(stage: Stage) -> None:
        await stage.press("5", "j", "k", "enter", "G")
        assert stage.app.scene.view == "diagnose"
        assert not stage.app.controller.view_state.detail

    drive(play, stage=Stage(Troubled(well)))


# ---- the picture


@pytest.mark.parametrize("name", ["dark", "light", "none"])
@pytest.mark.parametrize("glyphs", [BLOCKS, ASCII], ids=["blocks", "ascii"])
@pytest.mark.parametrize("trouble", [with_many, lambda s: replace(s, findings=())])
def test_at_every_size_rows_are_whole(name, glyphs, trouble):
    scene = scene_of(trouble, theme=theme_named(name), glyphs=glyphs)
    view = DiagnoseView()
    for detail in (False, True):
        shown = replace(scene, view_state=replace(scene.view_state, detail=detail))
        for width in (60, 80, 100, 119, 120, 151, 160, 200):
            for height in (4, 8, 12, 16, 19, 30, 42):
                lines = texts(shown, width, height, view)
                if glyphs is ASCII:
                    assert not beyond_ascii("\n".join(lines))


def test_what_the_app_says_is_cleaned():
    def evil(snapshot):
        finding = blamed(snapshot, title="SLOW\x1b[31m", sentence="GET /\x1b]52;c;x\x07 held")
        moments = (Moment(at_ns=snapshot.now_ns, lasted_ns=MS, label="GET /\x1b[2J", request=3),)
        impacts = (Impact("GET /\x9b2J", 3, MS),) * 3
        return replace(snapshot, findings=(replace(finding, moments=moments, impacts=impacts),))

    for size in ((80, 30), (160, 42)):
        text = "".join(texts(scene_of(evil), *size))
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text)


def test_wide_terminals_show_list_rules_and_fixes_beside_the_detail():
    lines = texts(scene_of(with_many), 160, 42)
    assert "── WATCHED FOR" in "\n".join(lines)
    assert "FIXES" in "\n".join(lines)
    assert all("│" in line[80:81] for line in lines[1:])
    assert len(SCENARIO.fixes) == 3


@pytest.mark.parametrize("width", [80, 100, 120, 140, 160, 200])
def test_what_is_watched_for_is_whole_at_every_width(width):
    def well(snapshot):
        return replace(snapshot, findings=(), counters=())

    for trouble in (well, with_many):
        text = "\n".join(texts(scene_of(trouble), width, 42))
        shown = text.partition("WATCHED FOR")[2]
        assert shown or width < 120
        assert not shown or all(rule in shown for rule in RULE_INFOS)
        assert "…" not in text


def test_long_names_and_places_have_room():
    def long(snapshot):
        found = blamed(snapshot)
        where = replace(found.location, file="asyncio/selector_events.py", line=1057)
        found = replace(found, title="TASK OUTLIVED ITS PARENT", location=where)
        return replace(snapshot, findings=(found,))

    line = texts(scene_of(long))[2]
    assert "task outlived its parent" in line
    assert "selector_events.py:1057" in line


def test_a_long_line_of_code_is_whole():
    comment = "    await other_service()  # with the bug a connection is held, and does nothing"
    call = '    ahead = await connection.scalar(text("SELECT count(*) FROM orders WHERE open"))'
    source = ((1, comment), (2, call), (3, "    # " + "long " * 20), (4, ""))

    def rows(width):
        scene = scene_of(with_moments)
        strips = code_around(scene, scene.finding, width, 1, lambda *_: source, whole=True)
        return [strip.text for strip in strips]

    assert rows(60)[1].strip() == "1 await other_service()"
    assert "with the bug" not in "\n".join(rows(60))
    words = "".join("".join(row.split()) for row in rows(60))
    assert 'connection.scalar(text("SELECTcount(*)FROMordersWHEREopen"))' in words
    assert words.count("long") == 20
    assert "with the bug a connection is held, and does nothing" in "\n".join(rows(100))


def test_what_happened_once_comes_after_a_counter_that_rises():
    def once(snapshot, **more):
        counter = CounterValue(key="lost", title="lost votes", bad=True, value=118, recent=12)
        finding = blamed(snapshot, severity="error", count=1, **{"open": 0} | more)
        return replace(snapshot, findings=(finding,), counters=(counter,))

    scene = scene_of(once)
    assert [entry.word for entry in entries(scene)] == ["counter", "ERROR"]
    assert scene.finding is None, "the counter heads the live view"
    still = scene_of(lambda snapshot: once(snapshot, open=1))
    assert [entry.word for entry in entries(still)] == ["ERROR", "counter"], "it goes on"
    assert still.finding is not None


def test_what_follows_from_it_is_told_below_it():
    so = Consequence("lock-convoy", "39 tasks queued for Lock: GET /a waited 1.2 s", 39, SECOND)

    def followed(snapshot):
        return replace(snapshot, findings=(blamed(snapshot, consequences=(so,)),))

    for width, height in ((80, 24), (160, 50)):
        text = "\n".join(texts(scene_of(followed), width, height))
        assert "and so 39 tasks queued for Lock: GET /a waited 1.2 s" in text
