"""The gauges: which resources have a place, what is said of them, and the counters."""

from dataclasses import replace

import pytest

from loopviz.clock import SECOND
from loopviz.lab.catalogue import CounterInfo
from loopviz.model.snapshot import CounterValue, GaugeStats, Peer
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.draw.palette import theme_named
from loopviz.tui.panels.gauges import GaugePanel
from loopviz.tui.panels.layout import PlanInput, make_plan
from loopviz.tui.panels.names import short_name, short_name_of
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.actions import DEFAULT_KEYS
from tests.tui.fake_run import SCENARIO, T0, FakeRun, resource
from tests.tui.stage import Stage, drive

COUNTED = replace(
    SCENARIO, counters=(CounterInfo("ok", "stored"), CounterInfo("lost", "lost", bad=True))
)


class Gauges:
    """A gauge panel, and what it draws of given resources and counters."""

    def __init__(self, *, scenario=SCENARIO, glyphs=BLOCKS, palette="dark"):
        self.panel = GaugePanel()
        self.frame = FakeRun().frame(T0 + SECOND, SECOND)
        self.scenario, self.glyphs, self.theme = scenario, glyphs, theme_named(palette)

    def scene(self, resources=(), counters=(), at=0.0):
        snapshot = replace(self.frame.snapshot, resources=tuple(resources), counters=counters)
        end = T0 + int(at * SECOND)
        return Scene(
            self.scenario, self.frame.status, snapshot, end, end, self.theme, self.glyphs,
            keys=DEFAULT_KEYS,
        )  # fmt: skip

    def strips(self, *resources, counters=(), at=0.0, width=80, height=24):
        scene = self.scene(resources, counters, at)
        wants = PlanInput(gauges=self.panel.rows(scene, width, height))
        return self.panel.draw(scene, make_plan(width, height, wants))

    def __call__(self, *resources, **given):
        return [strip.text.rstrip() for strip in self.strips(*resources, **given)]


def counters(stored, lost, recent):
    return (
        CounterValue(key="ok", title="stored", bad=False, value=stored, recent=stored),
        CounterValue(
            key="lost", title="lost", bad=True, value=lost, recent=recent, still=not recent
        ),
    )


def test_a_resource_says_how_full_it_is_and_who_waits():
    rows = Gauges()(resource("db pool", 20, 20, 41), resource("threads", 7, 40))
    assert rows == [" db pool ██████████ 20/20 FULL wait 41   threads █▊········ 7/40 ok"]
    assert Gauges()(resource("db pool", 20, 20, 41)) == [
        " db pool ████████████████████ 20/20 FULL wait 41"
    ]
    assert Gauges()(resource("gate", 2, 2, kind="asyncio.Semaphore"))[0].endswith("2/2 FULL")
    assert Gauges(glyphs=ASCII)(resource("gate", 1, 2)) == [" gate @@@@@@@@@@.......... 1/2 ok"]


def test_locks_and_queues_have_words_of_their_own():
    lock = resource("orders", 1, 1, 12, kind="asyncio.Lock")
    assert Gauges()(lock) == [" orders HELD wait 12"]
    free = replace(lock, in_use=replace(lock.in_use, now=0), waiting=replace(lock.waiting, now=0))
    assert Gauges()(free) == [" orders free"]
    jobs = resource("jobs", 312, 0, kind="asyncio.Queue")
    assert Gauges()(jobs) == [" jobs 312 items, no limit"]
    assert Gauges()(resource("pool", 3, 0, 2)) == [" pool 3 in use wait 2"]


def test_of_many_alike_it_says_how_many_there_are():
    pools = resource("scenarios/block.py:79 pool(100)", 2, 100, instances=87, kind="httpcore.pool")
    assert Gauges()(pools) == [" http pool :79 ×87 2 in use"]


def test_only_what_has_something_to_say_has_a_place():
    silent = [
        resource("lock", 1, 1, kind="asyncio.Lock"),
        resource("event", 0, 0, 3, kind="asyncio.Event"),
        resource("pool", 0, 5),
        resource("locks", 3, 1, 2, kind="asyncio.Lock", instances=9),
    ]
    assert Gauges()(*silent) == []
    assert len(Gauges()(*silent, resource("gate", 1, 2))) == 1


def test_places_are_kept_while_the_crowd_moves():
    gauges = Gauges()
    one, two = resource("one", 1, 5), resource("two", 2, 5)
    first = gauges(one, two)[0]
    assert first.index("one") < first.index("two")
    assert gauges(two, one, at=1)[0] == first
    third = resource("third", 3, 5)
    assert "third" not in gauges(third, two, one, at=2)[0]
    crowded = replace(
        third, in_use=GaugeStats(now=5, mean=5, max=5), waiting=GaugeStats(now=9, mean=9, max=9)
    )
    now = gauges(crowded, two, one, at=3)[0]  # who waits goes before who does not
    assert now.index("third") < now.index("two")
    assert "one" not in now


def test_what_is_quiet_gives_its_place_away():
    gauges = Gauges()
    quiet = replace(resource("quiet", 0, 5, 0), waiting=GaugeStats(now=0, mean=0, max=4))
    gauges(quiet, resource("two", 2, 5))
    assert "later" not in gauges(quiet, resource("two", 2, 5), resource("later", 1, 5), at=4)[0]
    assert "later" in gauges(quiet, resource("two", 2, 5), resource("later", 1, 5), at=6)[0]


def test_names_are_short():
    gauges = Gauges()

    def short(name, kind="asyncio.Semaphore"):
        return short_name(resource(name, 1, 1, kind=kind), gauges.scene())

    assert short("scenarios/block.py:7 Semaphore(2)") == "Semaphore :7"
    assert short("lib/db.py:17 Lock") == "Lock db.py:17"
    assert short("scenarios/block.py:52 pool(5)", "sqlalchemy.pool") == "db pool :52"
    assert short("block.py:52 pool(5) (worker 2)", "sqlalchemy.pool") == "db pool :52 (worker 2)"
    assert short("default executor") == "executor"
    assert short("jobs (scenarios/block.py:7)") == "jobs :7"
    assert short("jobs (lib/mail.py:7) (worker 2)") == "jobs (lib/mail.py:7) (worker 2)"
    known = resource("block.py:52 pool(5)", 1, 1, kind="sqlalchemy.pool")
    gauges(known)
    assert short_name_of("block.py:52 pool(5)", gauges.scene([known])) == "db pool :52"
    assert short_name_of("block.py:53 pool(5)", gauges.scene([known])) == "pool :53", (
        "of unknown kind"
    )
    assert short("evil\x1b[31m") == r"evil\x1b[31m"


def test_a_bad_counter_is_lit_while_it_rises_and_calm_when_it_stands():
    gauges = Gauges(scenario=COUNTED)
    assert gauges(counters=counters(5, 0, 0)) == [" stored 5    lost 0"]
    rising = gauges.strips(counters=counters(1172, 73, 20), at=0.1)[0]
    assert rising.text.rstrip() == " stored 1,172    lost 73 ▲ +4/s"
    assert gauges.theme.alarm in {segment.style for segment in rising}
    assert gauges(counters=counters(1200, 83, 25), at=2.1)[0].endswith("lost 83 ▲ +5/s")
    stopped = gauges.strips(counters=counters(1300, 83, 0), at=4.2)[0]
    assert stopped.text.rstrip().endswith("lost 83 stopped")
    assert gauges.theme.alarm not in {segment.style for segment in stopped}


def test_a_counter_has_stopped_if_it_has_one_value_for_long_enough():
    def row(**given):
        (ok, lost) = counters(9, 5, 0)
        return Gauges(scenario=COUNTED)(counters=(ok, replace(lost, **given)))[0]

    assert row().endswith("lost 5 stopped")
    assert row(still=False).endswith("lost 5"), "what is under way comes and goes"
    assert row(recent_ns=SECOND).endswith("lost 5"), "it is too early after a change of fixes"
    assert row(recent_ns=SECOND, recent=2).endswith("lost 5 ▲"), "too early for a pace"


def test_every_counters_value_is_in_sight():
    def rows(*titles, width=80):
        views = tuple(
            CounterValue(key=f"key_{n}", title=title, bad=True, value=1000 + n, recent=9)
            for n, title in enumerate(titles)
        )
        return Gauges(scenario=COUNTED)(counters=views, width=width)[0]

    assert rows("short", "names") == " short 1,000 ▲ +2/s    names 1,001 ▲ +2/s"
    long = "orders without a mail, yet or for ever"
    assert rows(long, long, long).startswith(" key 0 1,000 ▲ +2/s ")
    for width in (60, 80):
        assert all(f"1,00{n}" in rows(*[long] * 5, width=width) for n in range(3))


def test_the_rows_it_wants():
    def rows(height, *resources, scenario=SCENARIO, width=80):
        gauges = Gauges(scenario=scenario)
        return gauges.panel.rows(gauges.scene(resources), width, height)

    many = [resource(f"r{n}", 1, 5) for n in range(9)]
    assert rows(24) == 0
    assert rows(24, *many) == 1
    assert rows(24, scenario=COUNTED) == 1
    assert rows(24, *many, scenario=COUNTED) == 2
    assert rows(16, *many, scenario=COUNTED) == 1
    assert rows(50, *many, scenario=COUNTED) == 3
    assert rows(50, many[0], scenario=COUNTED) == 2


def test_on_a_single_row_the_counters_come_first():
    rows = Gauges(scenario=COUNTED)(
        resource("gate", 2, 2, 4), counters=counters(5, 1, 0), width=70, height=16
    )
    assert len(rows) == 1
    assert rows[0].startswith(" stored 5    lost 1 stopped gate ")
    assert rows[0].endswith("2/2 FULL wait 4")


@pytest.mark.parametrize("width", [60, 80, 119, 160])
def test_rows_are_as_wide_as_the_panel(width):
    much = [resource(f"a very long name indeed {n}", 10**n, 10**6, 10**n) for n in range(6)]
    for height in (16, 24, 50):
        gauges = Gauges(scenario=COUNTED)
        strips = gauges.strips(
            *much, counters=counters(10**9, 10**9, 10**6), width=width, height=height
        )
        wide = {strip.cell_length for strip in strips}
        assert len(wide) == 1
        assert wide <= {width, make_plan(width, height).size("lanes")[0]}


def world_with_gauges(run):
    run.scenario = COUNTED
    found = (
        resource("scenarios/block.py:7 Semaphore(20)", 20, 20, 41),
        resource("default thread limiter", 7, 40, kind="anyio.CapacityLimiter"),
    )
    counted = counters(1175, 73, 20)
    run.made = lambda seen: replace(seen, resources=found, counters=counted)
    return run


def test_without_colours_words_and_signs_tell(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def play(stage: Stage) -> None:
        assert not [s for s in stage.styles() if s.color or s.bgcolor]
        text = stage.text()
        for word in ("wait 41", "7/40 ok", "▲ +4/s"):
            assert word in text

    drive(play, stage=Stage(world_with_gauges(FakeRun())))


def test_other_workers_have_loops_below_the_first():
    run = FakeRun()
    workers = [2]
    run.made = lambda seen: replace(
        seen, peers=tuple(Peer(worker=worker, loop=seen.loop) for worker in workers)
    )

    async def play(stage: Stage) -> None:
        lines = stage.lines()
        at = next(i for i, line in enumerate(lines) if line[1:].startswith("LOOP "))
        assert lines[at + 1][1:].startswith("LOOP 2")
        assert lines[at + 1][7:] == lines[at][7:]  # a copy of the first, in this world
        await stage.resize(160, 50)
        await stage.play(0.1)
        assert "LOOP 2" in stage.text()
        workers.clear()
        await stage.play(0.1)
        assert "LOOP 2" not in stage.text()

    drive(play, stage=Stage(run))
