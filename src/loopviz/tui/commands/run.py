"""Commands that change what runs: fixes, baseline, load, scenario."""

from loopviz.lab.catalogue import FixInfo
from loopviz.output import lowered
from loopviz.tui.controller import Controller
from loopviz.tui.draw.text import clean
from loopviz.tui.panels.scene import Scene

__all__ = [
    "baseline",
    "fix",
    "learn",
    "neighbour",
    "own_program",
    "rate",
    "restart",
    "suggested",
]

LOAD_FACTORS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Factors of the scenario's own load that `[` and `]` step through."""


def fix(controller: Controller, place: int) -> None:
    """Flip the fix at that place."""
    scene = controller.scene
    if scene is None:
        return
    if place < len(scene.scenario.fixes):
        _toggle(controller, scene, scene.scenario.fixes[place])
    elif scene.letters:
        controller.notify(f"There is no such fix: this scenario has {' '.join(scene.letters)}.")
    else:
        controller.notify(f"{_what(scene)} has no fixes.")


def suggested(controller: Controller) -> None:
    """Apply the suggested fix; a second press does not turn it off again."""
    scene = controller.scene
    if scene is None:
        return
    if scene.suggested_fix is not None:
        _toggle(controller, scene, scene.suggested_fix)
    elif scene.letters:
        controller.notify(f"No fix is suggested now. Try them yourself: {' '.join(scene.letters)}.")
    else:
        controller.notify(f"{_what(scene)} has no fixes.")


def _what(scene: Scene) -> str:
    return "A program of your own" if scene.is_program else "This scenario"


def _toggle(controller: Controller, scene: Scene, wanted: FixInfo) -> None:
    """Flip it; one that is not there says why, and in a frozen picture nothing is to be seen."""
    controller.notify(wanted.unavailable)
    if wanted.unavailable:
        return
    controller.run.toggle(wanted.key)
    if scene.frozen:
        state = "off" if wanted.key in scene.status.fixes_on else "on"
        back = scene.keys.label("now")
        controller.notify(
            f"{clean(wanted.title)}: {state}. The picture is frozen: {back} shows what it does."
        )


def baseline(controller: Controller) -> None:
    """Compare everything with what runs now, until this is asked for again."""
    scene = controller.scene
    if scene is None:
        return
    if scene.status.phase != "running" or scene.snapshot is None:
        controller.notify("Nothing runs that could be the baseline.")
        return
    controller.run.baseline()
    controller.notify("Baseline set: all that follows is compared with it.")


def rate(controller: Controller, by: int) -> None:
    """One step less load, or more."""
    if controller.scene is None:
        return
    if not controller.scene.scenario.load:
        controller.notify('There is no load: start with --load "GET / @ 20" for example.')
        return
    now = controller.scene.status.rate
    steps = [r for r in LOAD_FACTORS if (r < now - 1e-9 if by < 0 else r > now + 1e-9)]
    if steps:
        controller.run.set_rate(steps[-1] if by < 0 else steps[0])
    else:
        controller.notify(
            f"The load is at its {'least' if by < 0 else 'most'}: {now:g} times its own."
        )


def learn(controller: Controller) -> None:
    """The lesson that teaches the finding, while the program goes on; or back to that."""
    scene = controller.scene
    if scene is None or scene.aside:
        own_program(controller)
        return
    if not scene.is_program:
        key = controller.keys.label("lesson")
        controller.notify(f"This is a lesson: {key} shows why it is as it is.")
        return
    finding = controller.view.finding(scene)
    if finding is None:
        controller.notify("Nothing is found so far that a lesson could teach.")
    elif finding.lesson:
        controller.visit(finding.lesson)
    else:
        controller.notify(f"No lesson teaches this one: {lowered(clean(finding.title))}.")


def own_program(controller: Controller) -> None:
    """Back from a lesson to the program that has gone on."""
    scene = controller.scene
    if scene is not None and scene.aside:
        controller.run.switch(scene.aside)
    else:
        controller.notify("No program of your own goes on beside this.")


def neighbour(controller: Controller, by: int) -> None:
    """The next scenario of the catalogue that is not broken; after the last, the first."""
    whole = [entry.id for entry in controller.run.entries() if not entry.error]
    if controller.scene and whole:
        current = controller.scene.scenario.id
        at = whole.index(current) + by if current in whole else 0
        controller.run.switch(whole[at % len(whole)])


def restart(controller: Controller) -> None:
    """Start the scenario again from its file, with an empty picture."""
    if controller.scene:
        refusal = controller.run.restart()
        controller.notify(refusal)
        if not refusal:
            controller.restarted()
