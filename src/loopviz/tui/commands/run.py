"""Commands that change what runs: fixes, load, scenario."""

from loopviz.catalogue import FixInfo
from loopviz.tui.desk import Desk

__all__ = ["fix", "neighbour", "rate", "restart", "suggested"]

RATES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""What `[` and `]` step through."""


def fix(desk: Desk, place: int) -> None:
    """Flip the fix at that place."""
    if desk.scene and place < len(desk.scene.scenario.fixes):
        _toggle(desk, desk.scene.scenario.fixes[place])


def suggested(desk: Desk) -> None:
    """Apply the suggested fix; a second press does not take it off again."""
    if desk.scene and (wanted := desk.scene.suggested):
        _toggle(desk, wanted)


def _toggle(desk: Desk, wanted: FixInfo) -> None:
    """Flip it; one that is not there says why."""
    desk.say(wanted.unavailable)
    if not wanted.unavailable:
        desk.controller.toggle(wanted.key)


def rate(desk: Desk, by: int) -> None:
    """One step less load, or more."""
    if desk.scene is None:
        return
    now = desk.scene.status.rate
    steps = [r for r in RATES if (r < now - 1e-9 if by < 0 else r > now + 1e-9)]
    if steps:
        desk.controller.set_rate(steps[-1] if by < 0 else steps[0])


def neighbour(desk: Desk, by: int) -> None:
    """The next scenario of the catalogue that is not broken; after the last, the first."""
    whole = [entry.id for entry in desk.controller.entries() if not entry.error]
    if desk.scene and whole:
        current = desk.scene.scenario.id
        at = whole.index(current) + by if current in whole else 0
        desk.controller.switch(whole[at % len(whole)])


def restart(desk: Desk) -> None:
    """Anew from its file; the picture begins anew, too."""
    if desk.scene:
        said = desk.controller.restart()
        desk.say(said)
        if not said:
            desk.restarted()
