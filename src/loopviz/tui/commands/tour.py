"""The tour's commands, and the keys and clicks that it takes while a step of it asks for them."""

from dataclasses import replace

from loopviz.tui.controller import Controller
from loopviz.tui.panels.fixes import fix_action
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.tour import hears_keys, is_early, right_given, rows_of_tour
from loopviz.tui.state.tour import COMPARE, END, FIX, GUESS, WATCH, Tour

__all__ = ["tour"]


def tour(controller: Controller) -> None:
    """Begin the tour where it was left, or close it; what was reached is kept."""
    if controller.tour is not None:
        controller.tour = None
        key = controller.keys.label("tour")
        controller.notify(f"The tour is closed: {key} goes on where you were.")
        return
    if controller.scene is not None and controller.scene.is_program:
        controller.notify("The tour would end your program: begin it with loopviz tour.")
        return
    controller.begin_tour()


def taken_by_tour(controller: Controller, action: str) -> bool:
    """Do what a key means to the tour; False if it means nothing to it."""
    scene = controller.scene
    if scene is None or scene.tour is None or not hears_keys(scene):
        return False
    if action == "enter":
        _enter(controller, scene, scene.tour)
        return True
    if action in ("down", "up") and scene.tour.step == GUESS and not right_given(scene):
        by = 1 if action == "down" else -1
        controller.tour = scene.tour.moved(by, len(scene.scenario.answers))
        return True
    return False


def click_tour(controller: Controller, row: int) -> str:
    """Give the answer in that row of the panel, or name the action of its fix."""
    scene, plan = controller.scene, controller.plan
    if scene is None or scene.tour is None or plan is None:
        return ""
    rows = rows_of_tour(scene, plan)
    clicked = rows[row] if row < len(rows) else None
    if clicked is None:
        return ""
    if clicked.answer >= 0 and hears_keys(scene) and not right_given(scene):
        controller.tour = replace(scene.tour, cursor=clicked.answer).answered()
    return fix_action(scene, clicked.fix)


def _enter(controller: Controller, scene: Scene, tour: Tour) -> None:
    if scene.status.phase != "running":
        return
    if tour.step == WATCH:
        controller.tour = tour.at(tour.lesson, GUESS)
    elif tour.step == GUESS:
        answered = right_given(scene)
        controller.tour = tour.at(tour.lesson, FIX) if answered else tour.answered()
    elif tour.step == FIX:
        controller.notify(f"Switch a fix on: {' '.join(scene.letters)}.")
    elif tour.step == COMPARE and is_early(scene):
        controller.notify("There is no verdict yet: it takes some more requests with the fix.")
    elif tour.step == COMPARE:
        _onwards(controller, tour.finished())


def _onwards(controller: Controller, following: Tour) -> None:
    controller.tour = following
    if following.step != END:
        controller.run.switch(following.lesson)
