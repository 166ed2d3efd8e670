"""The tour on the screen: it asks, it follows what one does, and nobody is caught in it."""

from dataclasses import replace

import pytest

from loopviz.lab.catalogue import catalogue
from loopviz.tui.panels.layout import PlanInput, make_plan, sidebar_width
from loopviz.tui.panels.tour import draw_tour, tour_rows
from loopviz.tui.panels.tour_layout import with_tour
from loopviz.tui.state.tour import COMPARE, END, FIX, GUESS, WATCH, Tour
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, beyond_ascii, drive

LESSONS = tuple(entry.id for entry in catalogue())
SIZES = [(80, 24), (120, 35), (160, 50)]


class Kept:
    """Progress in memory."""

    def __init__(self, problem: str = "") -> None:
        self.tours: list[Tour] = []
        self.problem = problem

    def tour(self, lessons, *, again):
        return Tour.begun(lessons)

    def keep(self, tour):
        self.tours.append(tour)
        return self.problem


def toured(play, size=(80, 24), **options):
    """A tour that has begun, over all built-in lessons."""
    run = FakeRun()
    run.catalogue = catalogue()
    stage = Stage(run, **options)
    kept = Kept()
    stage.app.controller.progress = kept
    stage.kept = kept

    async def begun(stage: Stage) -> None:
        await stage.press("w")
        await stage.play(0.1)
        await play(stage)

    drive(begun, size, stage)
    return stage


def said(stage):
    """All that is on the screen, without line breaks; of the panel beside the lanes that alone."""
    lines = (line.rpartition("│")[2] if "│ " in line else line for line in stage.lines())
    return " ".join(" ".join(lines).split())


def step(stage):
    return stage.app.controller.tour.step


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_from_the_first_look_to_the_next_lesson(size):
    async def play(stage: Stage) -> None:
        run = stage.run
        text = stage.text()
        assert "TOUR 1/18" in text
        assert "Now and then everything is slow" in said(stage)
        assert "LOOP" in text, "the picture goes on"
        assert "frozen loop" in text or size == (80, 24)
        await stage.press("enter")
        text = stage.text()
        assert "Why does it take tens of milliseconds?" in said(stage)
        assert "press a" not in text, "nothing gives the answer away"
        assert "SLOW CALLBACK" not in text
        await stage.press("enter")
        assert "No. While time.sleep runs" in said(stage)
        await stage.press("j", "enter")
        assert "Yes. All requests share one thread" in said(stage)
        await stage.press("enter")
        assert "Now cure it." in stage.text()
        assert "await asyncio.to_thread(...)" in stage.text()
        await stage.press("a")
        await stage.play(0.1)
        assert step(stage) == COMPARE
        assert "next wait for the verdict" in said(stage)
        await stage.press("enter")
        assert step(stage) == COMPARE, "there is no verdict yet"
        await stage.play(5)
        assert "enter goes on to the next lesson" in said(stage)
        await stage.press("enter")
        assert run.calls[-1] == ("switch", "cpu")
        await stage.play(0.1)
        assert (stage.app.controller.tour.lesson, step(stage)) == ("cpu", WATCH)
        assert stage.kept.tours[-1].done == {"block"}

    toured(play, size)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_answers_and_fixes_can_be_clicked(size):
    async def play(stage: Stage) -> None:
        async def click(text: str) -> None:
            y = next(y for y, line in enumerate(stage.lines()) if text in line)
            await stage.pilot.click(offset=(stage.lines()[y].index(text), y))
            await stage.play()

        await stage.press("enter")
        await click("2 GET /report blocks")
        assert "Yes. All requests share one thread" in said(stage)
        await stage.press("enter")
        await click("await an async library")
        assert stage.run.calls == [("toggle", "async_library")]

    toured(play, size)


def test_the_steps_are_kept_as_they_come():
    async def play(stage: Stage) -> None:
        await stage.press("enter", "j", "enter", "enter", "a")
        await stage.play(0.1)
        assert [tour.step for tour in stage.kept.tours] == [WATCH, GUESS, FIX, COMPARE]

    toured(play)


def test_it_follows_the_fixes():
    async def play(stage: Stage) -> None:
        await stage.press("enter", "down", "enter", "enter")
        assert step(stage) == FIX
        for key, then in (("d", FIX), ("a", COMPARE), ("a", FIX), ("b", COMPARE)):
            await stage.press(key)
            await stage.play(0.1)
            assert step(stage) == then, key
        assert "FIX" not in stage.text().split("TOUR")[0]

    toured(play)


def test_a_wrong_fix_is_explained_and_is_not_the_end():
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        stage.run.switch("dbpool")
        await stage.play(3)
        controller.tour = controller.tour.at("dbpool", FIX)
        await stage.press("d")
        await stage.play(0.5)
        assert step(stage) == FIX
        assert "d looks right but is not: No 500s" in said(stage)

    toured(play)


def test_enter_and_rows_are_the_pictures_while_a_request_is_chosen():
    async def play(stage: Stage) -> None:
        await stage.press("j")
        assert stage.app.controller.view_state.row is not None
        assert "esc lets the chosen request go" in stage.text()
        await stage.press("enter")
        assert stage.app.controller.view_state.detail
        assert step(stage) == WATCH
        await stage.press("escape", "escape", "enter")
        assert step(stage) == GUESS
        await stage.press("2")
        assert "1 goes back to the live view" in stage.text()
        await stage.press("enter")
        assert stage.app.controller.tour.tried == ()

    toured(play)


def test_another_scenario_takes_the_tour_along():
    async def play(stage: Stage) -> None:
        await stage.press("enter", "right_curly_bracket")
        await stage.play(0.1)
        assert (stage.app.controller.tour.lesson, step(stage)) == ("cpu", WATCH)
        stage.run.catalogue = tuple(entry for entry in catalogue() if entry.id == "race")
        await stage.press("w", "w")
        await stage.play(0.1)
        assert "TOUR 1/1 " in stage.text()

    toured(play)


def test_a_scenario_without_a_question_is_shown_without_the_tour():
    async def play(stage: Stage) -> None:
        stage.run.catalogue = ()
        stage.app.controller.tour = Tour.begun(["race"])
        await stage.play(0.1)
        assert "TOUR" not in stage.text()
        await stage.press("w", "w")
        assert "there is no tour" in stage.text()

    toured(play)


def test_its_key_closes_it():
    async def play(stage: Stage) -> None:
        await stage.press("w")
        await stage.play(0.1)
        assert "The tour is closed: w goes on where you were." in stage.text()
        assert "TOUR" not in stage.text()

    toured(play)


def test_the_end():
    async def play(stage: Stage) -> None:
        controller = stage.app.controller
        controller.tour = Tour.begun(LESSONS, "block", done=set(LESSONS) - {"block"})
        await stage.play(0.1)
        await stage.press("enter", "down", "enter", "enter", "a")
        await stage.play(5)
        await stage.press("enter")
        assert step(stage) == END
        assert "you have seen them all" in stage.text()
        assert "loopviz tour --restart" in stage.text()

    toured(play)


def test_progress_that_cannot_be_kept_is_said_and_the_tour_goes_on():
    async def play(stage: Stage) -> None:
        stage.kept.problem = "Your progress cannot be kept: read-only. The tour goes on."
        await stage.press("enter")
        await stage.play(0.1)
        assert "Your progress cannot be kept" in stage.text()
        assert step(stage) == GUESS

    toured(play)


def test_the_offer_is_one_quiet_line_and_goes_by_itself():
    stage = Stage()
    stage.app.controller.offer_tour()

    async def play(stage: Stage) -> None:
        assert "New here? w starts a tour of the lessons" in stage.text()
        await stage.play(16)
        assert "New here?" not in stage.text()
        assert "█ run" in stage.text()

    drive(play, stage=stage)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_question_of_each_lesson_fits(size):
    """All of it: the question, its answers, the longest reason, the key."""

    async def play(stage: Stage) -> None:
        for entry in catalogue():
            for place, answer in enumerate(entry.answers):
                tour = Tour(LESSONS, entry.id, GUESS, cursor=place, tried=(place,))
                scene = replace(stage.app.scene, scenario=entry, tour=tour)
                beside = tour_rows(scene, sidebar_width(size[0]), beside=True)
                below = tour_rows(scene, size[0], beside=False)
                plan = with_tour(make_plan(*size, PlanInput(gauges=4)), GUESS, beside, below)
                lines = [strip.text.lstrip("│") for strip in draw_tour(scene, plan)]
                shown = " ".join(" ".join(lines).split())
                for said in (entry.question, answer.why, *(one.text for one in entry.answers)):
                    assert said in shown
                assert "next" in shown

    toured(play, size)


def test_in_the_smallest_terminal_the_key_that_goes_on_is_in_sight():
    async def play(stage: Stage) -> None:
        await stage.press("enter", "enter")
        assert "next  j k choose an answer" in stage.text()

    toured(play, (60, 16))


def test_goldens(golden):
    async def play(stage: Stage) -> None:
        await stage.press("enter", "enter", "j")
        golden(f"tour-guess-{stage.app.size.width}x{stage.app.size.height}", stage.dump())
        await stage.press("enter", "enter", "a")
        await stage.play(5)
        golden(f"tour-compare-{stage.app.size.width}x{stage.app.size.height}", stage.dump())

    for size in SIZES:
        toured(play, size)


def test_ascii():
    async def play(stage: Stage) -> None:
        await stage.press("enter", "enter")
        assert not beyond_ascii(stage.text())

    toured(play, ascii_only=True)
