"""Commands that change what runs: fixes, baseline, load, scenario."""

from loopviz.lab.catalogue import FixInfo
from loopviz.tui.controller import Desk
from loopviz.tui.draw.text import clean
from loopviz.tui.panels.scene import Scene

__all__ = ["baseline", "fix", "neighbour", "rate", "restart", "suggested"]

RATES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""What `[` and `]` step through."""


def fix(desk: Desk, place: int) -> None:
    """Flip the fix at that place."""
    scene = desk.scene
    if scene is None:
        return
    if place < len(scene.scenario.fixes):
        _toggle(desk, scene, scene.scenario.fixes[place])
    elif scene.letters:
        desk.say(f"There is no such fix: this scenario has {' '.join(scene.letters)}.")
    else:
        desk.say("This scenario has no fixes.")


def suggested(desk: Desk) -> None:
    """Apply the suggested fix; a second press does not take it off again."""
    scene = desk.scene
    if scene is None:
        return
    if scene.suggested is not None:
        _toggle(desk, scene, scene.suggested)
    elif scene.letters:
        desk.say(f"No fix is suggested now. Try them yourself: {' '.join(scene.letters)}.")
    else:
        desk.say("This scenario has no fixes.")


def _toggle(desk: Desk, scene: Scene, wanted: FixInfo) -> None:
    """Flip it; one that is not there says why, and in a frozen picture nothing is to be seen."""
    desk.say(wanted.unavailable)
    if wanted.unavailable:
        return
    desk.run.toggle(wanted.key)
    if scene.frozen:
        state = "off" if wanted.key in scene.status.fixes_on else "on"
        back = scene.keys.shown("now")
        desk.say(
            f"{clean(wanted.title)}: {state}. The picture is frozen: {back} shows what it does."
        )


def baseline(desk: Desk) -> None:
    """Compare everything with what runs now, until this is asked for again."""
    scene = desk.scene
    if scene is None:
        return
    if scene.status.phase != "running" or scene.snapshot is None:
        desk.say("Nothing runs that could be the baseline.")
        return
    desk.run.baseline()
    desk.say("Baseline set: all that follows is compared with it.")


def rate(desk: Desk, by: int) -> None:
    """One step less load, or more."""
    if desk.scene is None:
        return
    now = desk.scene.status.rate
    steps = [r for r in RATES if (r < now - 1e-9 if by < 0 else r > now + 1e-9)]
    if steps:
        desk.run.set_rate(steps[-1] if by < 0 else steps[0])
    else:
        desk.say(f"The load is at its {'least' if by < 0 else 'most'}: {now:g} times its own.")


def neighbour(desk: Desk, by: int) -> None:
    """The next scenario of the catalogue that is not broken; after the last, the first."""
    whole = [entry.id for entry in desk.run.entries() if not entry.error]
    if desk.scene and whole:
        current = desk.scene.scenario.id
        at = whole.index(current) + by if current in whole else 0
        desk.run.switch(whole[at % len(whole)])


def restart(desk: Desk) -> None:
    """Anew from its file; the picture begins anew, too."""
    if desk.scene:
        said = desk.run.restart()
        desk.say(said)
        if not said:
            desk.restarted()
