"""When the footer offers a key: what it asks of the frame."""

from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.view_state import LIVE

__all__ = [
    "always",
    "closes",
    "freezes",
    "line",
    "live",
    "opens",
    "pins",
    "running",
    "stale",
    "suggested",
    "table",
    "travels",
]


def always(_: Scene) -> bool:
    return True


def stale(scene: Scene) -> bool:
    """What runs is not what it could be: it died, or its file has changed."""
    return scene.status.changed or scene.status.phase in ("target-died", "load-died", "failed")


def live(scene: Scene) -> bool:
    return scene.view == LIVE


def table(scene: Scene) -> bool:
    return scene.view not in (LIVE, "lesson")


def row(scene: Scene) -> bool:
    """A row is chosen."""
    return scene.view_state.row is not None


def opens(scene: Scene) -> bool:
    """There is more to see of a row."""
    if scene.view_state.detail or scene.view == "loop":
        return False
    return row(scene) if live(scene) else table(scene)


def closes(scene: Scene) -> bool:
    """Something of this view can be closed, or it is not the first one."""
    return scene.view != LIVE or row(scene) or bool(scene.view_state.filter)


def pins(scene: Scene) -> bool:
    """The chosen row can be kept on top."""
    return row(scene) and scene.view in (LIVE, "tasks", "resources")


def line(scene: Scene) -> bool:
    """The chosen row is about a line of code."""
    return row(scene) and scene.view not in ("loop", "compare")


def freezes(scene: Scene) -> bool:
    """The picture moves, in the view where one moves in time."""
    return not scene.frozen and live(scene)


def travels(scene: Scene) -> bool:
    """A moment of the past is shown, in the view where one moves in time."""
    return scene.frozen and live(scene)


def running(scene: Scene) -> bool:
    return scene.status.phase == "running"


def suggested(scene: Scene) -> bool:
    """A fix is suggested that is not on yet."""
    return running(scene) and scene.suggested is not None
