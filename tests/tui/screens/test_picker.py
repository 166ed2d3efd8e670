"""The picker: many entries, broken ones, those that hide another; and going on without it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from loopviz.lab.catalogue import FixInfo, ScenarioInfo, builtin_folder, catalogue, grouped
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
    golden("picker-many-80x24", picked(*["down"] * 4, whole=True))
    golden("picker-broken-80x24", picked("end", "up", whole=True))


def test_the_chosen_one_is_always_in_sight():
    async def play(stage: Stage) -> None:
        await stage.press("s")
        for downs, more in ((0, 0), (12, 12), (13, 1), (19, 6)):
            await stage.press(*["down"] * more)
            assert f"│   {downs + 1:>2} " in stage.text() or f"▶ {downs + 1:>2} " in stage.text()
        for size in ((60, 16), (300, 90)):
            await stage.press("escape")
            await stage.resize(*size)
            await stage.press("s", "end", "up", "up")
            assert "lesson17" in stage.text()

    drive(play, stage=Stage(many()))


def test_a_broken_entry_is_readable_in_full():
    text = " ".join(re.sub("[│─]", "", picked("end", "up")).split())
    assert ERROR in text
    assert "yours, from /home/me/scenarios" in text


def test_an_entry_that_hides_another_says_so():
    text = picked("end")
    assert "yours, hides one" in text
    assert "yours, from /home/me/scenarios; hides the built-in one" in text
    assert "celery is not there." in text


SIZES = [(80, 24), (120, 35), (160, 50)]


def lessons(play, size):
    """The picker over the built-in scenarios."""
    run = FakeRun()
    run.catalogue = catalogue()

    async def opened(stage: Stage) -> None:
        await stage.press("s")
        await play(stage)

    drive(opened, size, Stage(run))
    return run


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_all_lessons_are_in_sight_by_their_groups_or_a_mark_says_how_many_are_not(size):
    async def play(stage: Stage) -> None:
        text = stage.text()
        seen = [entry for entry in catalogue() if f" {entry.id} " in text]
        (hidden,) = re.findall(r"▼ (\d+) more", text) or ["0"]
        assert len(seen) + int(hidden) == len(catalogue())
        assert (hidden == "0") == (size != (80, 24))
        order = [re.escape(f" {entry.title} ") for entry in seen]
        assert re.search(".*".join(order), text, re.DOTALL)
        for group, entries in grouped(seen):
            assert re.search(rf"(?s){group.upper()} .*{entries[0].id}", text)
        await stage.press("end")
        assert " workers " in stage.text()
        assert bool(re.search(r"▲ \d+ more", stage.text())) == (size == (80, 24))

    lessons(play, size)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_each_has_its_lesson_cut_between_words_only(size):
    async def play(stage: Stage) -> None:
        for line in stage.lines():
            entry = next((e for e in catalogue() if f" {e.id} " in line and e.title in line), None)
            if entry:
                lesson = re.sub(r" [▲▼] \d+ more", "", line.partition(entry.title)[2])
                lesson = lesson.partition("│")[0].strip()
                whole = f"{entry.lesson} "
                assert lesson == entry.lesson or whole.startswith(lesson.rstrip("…")), lesson
                assert lesson[-1:] in ".…" or "more" in line

    lessons(play, size)


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [
        ("pool", "dbpool"),  # the first one that is called so
        ("lost", "race"),
        ("max_connections", "fanout"),  # a fix
        ("shared state", "race"),  # a group
        ("threads", "threads"),  # by its name, though cpu comes first
        ("quit", None),  # letters of keys are letters
        ("GIL", "cpu"),
    ],
)
def test_typing_searches_id_title_lesson_fixes_and_group(typed, chosen):
    async def play(stage: Stage) -> None:
        await stage.press(*["space" if letter == " " else letter for letter in typed])
        assert f"> {typed}" in stage.text()
        assert stage.run.calls == []
        await stage.press("enter")

    assert lessons(play, (80, 24)).calls == ([("switch", chosen)] if chosen else [])


def test_the_next_scenario_leaves_out_the_broken_ones():
    run = many()

    async def play(stage: Stage) -> None:
        await stage.press("left_curly_bracket")
        assert run.calls == [("switch", "lesson4")]
        run.catalogue = (run.catalogue[18],)
        await stage.press("right_curly_bracket")
        assert len(run.calls) == 1

    drive(play, stage=Stage(run))
