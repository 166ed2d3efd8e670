"""The tour's state: from step to step, from lesson to lesson."""

from loopviz.tui.state.tour import COMPARE, END, FIX, GUESS, WATCH, Tour

LESSONS = ("one", "two", "three")


def test_it_begins_with_the_first_lesson_or_where_it_was_left():
    assert Tour.begun(LESSONS) == Tour(LESSONS, "one", WATCH)
    left = Tour.begun(LESSONS, "two", FIX, ["one"])
    assert (left.lesson, left.step, left.done, left.place) == ("two", FIX, {"one"}, 2)


def test_what_is_kept_may_be_of_other_lessons_and_steps():
    assert Tour.begun(LESSONS, "gone", GUESS, ["one", "gone"]) == Tour(
        LESSONS, "one", done=frozenset({"one", "gone"})
    )
    assert Tour.begun(LESSONS, "two", "dance").step == WATCH
    assert Tour.begun(LESSONS, "two", done=LESSONS).step == END


def test_answers_are_given_one_after_the_other():
    tour = Tour.begun(LESSONS).at("one", GUESS)
    tour = tour.moved(1, 3).answered().moved(9, 3).answered().moved(-9, 3)
    assert (tour.tried, tour.cursor) == ((1, 2), 0)
    assert tour.moved(1, 3).answered().tried == (2, 1), "the last one is the last that was given"


def test_a_fix_that_helps_is_the_end_of_a_step_and_its_end_the_beginning():
    tour = Tour.begun(LESSONS).at("one", FIX)
    assert tour.fixed(cured=False) is tour
    assert tour.fixed(cured=True).step == COMPARE
    assert tour.fixed(cured=True).fixed(cured=False).step == FIX
    assert Tour.begun(LESSONS).fixed(cured=True).step == WATCH


def test_after_a_lesson_comes_the_next_that_is_not_done():
    tour = Tour.begun(LESSONS, "two", done=["three"]).finished()
    assert (tour.lesson, tour.step, tour.done) == ("one", WATCH, {"two", "three"})
    tour = tour.finished()
    assert (tour.step, tour.done) == (END, set(LESSONS))
