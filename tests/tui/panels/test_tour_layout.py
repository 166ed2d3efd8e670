"""The tour's place: the panels still cover the terminal, and none of them overlap."""

import pytest

from loopviz.tui.panels.layout import PlanInput, make_plan
from loopviz.tui.panels.tour_layout import MIN_FLEXIBLE_ROWS, with_tour
from loopviz.tui.state.tour import COMPARE, END, FIX, GUESS, WATCH

SIZES = [(60, 16), (80, 24), (100, 30), (119, 60), (120, 20), (120, 35), (160, 50), (250, 70)]
VIEWS = ["live", "tasks", "lesson"]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("step", [WATCH, GUESS, FIX, COMPARE, END])
@pytest.mark.parametrize("rows", [3, 9, 40])
def test_each_cell_belongs_to_one_panel(size, view, step, rows):
    contents = PlanInput(view=view, gauges=2, source=20, comparing=True, banner=True)
    before = make_plan(*size, contents)
    plan = with_tour(before, step, rows, rows)
    cells = [
        (x + i, y + j)
        for x, y, width, height in plan.panels.values()
        for i in range(width)
        for j in range(height)
    ]
    assert len(cells) == len(set(cells)) == size[0] * size[1]
    assert plan.size("tour")[1] >= min(3, rows)
    assert (plan.columns, plan.label) == (before.columns, before.label)
    flexible = "lanes" if view == "live" else "view"
    least = min(MIN_FLEXIBLE_ROWS, before.size(flexible)[1])
    assert plan.size(flexible)[1] >= least
    if step in (WATCH, GUESS):
        assert not {"finding", "diagnosis"} & set(plan.panels)


def test_a_terminal_that_is_too_small_has_no_room_for_it():
    plan = make_plan(40, 10)
    assert with_tour(plan, WATCH, 5, 5) is plan
