"""The picker: many entries, broken ones, those that hide another; and going on without it."""

import re
from dataclasses import replace
from pathlib import Path

from loopviz.lab.catalogue import FixInfo, ScenarioInfo, builtin_folder
from tests.tui.fake_run import SCENARIO, FakeRun
from tests.tui.stage import Stage, drive

MINE = Path("/home/me/scenarios")
ERROR = (
    "mine.py:13: `rps` of Load('GET /a') must be a number, not 'x'. Write rps=20, say; what is "
    "written there is no number in Python, and the load needs to know how many requests to send "
    "in a second."
)


def many() -> FakeRun:
    """Eighteen built-in entries, a broken one, and one that hides a built-in one."""
    run = FakeRun()
    built_in = [
        ScenarioInfo(
            f"lesson{n}",
            builtin_folder() / f"lesson{n}.py",
            title=f"the lesson of number {n}",
            lesson="Much is to be learned. " * 5,
            fixes=(FixInfo("queue", "a real queue", "", unavailable="celery is not there."),),
        )
        for n in range(1, 18)
    ]
    run.scenario = replace(SCENARIO, path=builtin_folder() / "block.py")
    run.catalogue = (
        run.scenario,
        *built_in,
        ScenarioInfo("mine", MINE / "mine.py", error=ERROR),
        replace(built_in[3], path=MINE / "lesson4.py", shadows=built_in[3].path),
    )
    return run


def picked(*keys, whole=False):
    texts = []

    async def play(stage: Stage) -> None:
        await stage.press("s", *keys)
        texts.append((stage.text(), stage.dump()))

    drive(play, stage=Stage(many()))
    return texts[0][whole]


def test_golden(golden):
    golden("picker-many-80x24", picked(*"jjjj", whole=True))
    golden("picker-broken-80x24", picked("G", "k", whole=True))


def test_the_chosen_one_is_always_in_sight():
    async def play(stage: Stage) -> None:
        await stage.press("s")
        for downs, more in ((0, 0), (12, 12), (13, 1), (19, 6)):
            await stage.press(*["j"] * more)
            assert f"{downs + 1:>2} " in stage.text()
            assert stage.text().count(" 20 ") == (downs > 12)
        for size in ((60, 16), (300, 90)):
            await stage.press("escape")
            await stage.resize(*size)
            await stage.press("s", "G", "k", "k")
            assert "lesson17" in stage.text()

    drive(play, stage=Stage(many()))


def test_a_broken_entry_is_readable_in_full():
    text = " ".join(re.sub("[│─]", "", picked("G", "k")).split())
    assert ERROR in text
    assert "yours, from /home/me/scenarios" in text


def test_an_entry_that_hides_another_says_so():
    text = picked("G")
    assert "yours, hides one" in text
    assert "yours, from /home/me/scenarios; hides the built-in one" in text
    assert "celery is not there." in text


def test_the_next_scenario_leaves_out_the_broken_ones():
    run = many()

    async def play(stage: Stage) -> None:
        await stage.press("left_curly_bracket")
        assert run.calls == [("switch", "lesson4")]
        run.catalogue = (run.catalogue[18],)
        await stage.press("right_curly_bracket")
        assert len(run.calls) == 1

    drive(play, stage=Stage(run))
