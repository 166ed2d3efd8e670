"""Conditions on a frame under which the footer offers a key."""

from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.view_state import LIVE, TASKS

__all__ = [
    "always",
    "can_close",
    "can_freeze",
    "can_open",
    "can_pin",
    "has_lesson",
    "has_line",
    "has_load",
    "has_loops",
    "has_suggestion",
    "has_table",
    "in_past",
    "is_live",
    "is_running",
    "is_stale",
    "is_tasks",
    "is_taught",
]


def always(_: Scene) -> bool:
    return True


def is_stale(scene: Scene) -> bool:
    """The run has died, or its file has changed."""
    return scene.can_start_again and (
        scene.status.changed
        or scene.status.phase
        in (
            "target-died",
            "load-died",
            "ended",
            "failed",
        )
    )


def has_load(scene: Scene) -> bool:
    """Requests are sent by loopviz, and it is on the screen how they fare."""
    return is_running(scene) and is_live(scene) and bool(scene.scenario.load)


def has_loops(scene: Scene) -> bool:
    """There are several, of which one can be shown alone."""
    return bool(scene.loops)


def has_lesson(scene: Scene) -> bool:
    return is_live(scene) and not scene.is_program


def is_taught(scene: Scene) -> bool:
    """A lesson teaches what is found in a program of the user's own."""
    if not scene.is_program or scene.snapshot is None:
        return False
    if scene.view == "diagnose":
        return any(finding.lesson for finding in scene.snapshot.findings)
    return scene.finding is not None and bool(scene.finding.lesson)


def is_live(scene: Scene) -> bool:
    return scene.view == LIVE


def is_tasks(scene: Scene) -> bool:
    return scene.view == TASKS


def has_table(scene: Scene) -> bool:
    return scene.view not in (LIVE, "lesson")


def has_row(scene: Scene) -> bool:
    """A row is chosen."""
    return scene.view_state.row is not None


def can_open(scene: Scene) -> bool:
    """There is more to see of a row."""
    if scene.view_state.detail or scene.view in ("loop", "log"):
        return False
    return has_row(scene) if is_live(scene) else has_table(scene)


def can_close(scene: Scene) -> bool:
    """Something of this view can be closed, or it is not the first one."""
    return scene.view != LIVE or has_row(scene) or bool(scene.view_state.filter)


def can_pin(scene: Scene) -> bool:
    """The chosen row can be kept on top."""
    return has_row(scene) and scene.view in (LIVE, "tasks", "resources")


def has_line(scene: Scene) -> bool:
    """The chosen row is about a line of code."""
    return has_row(scene) and scene.view not in ("loop", "compare", "log")


def can_freeze(scene: Scene) -> bool:
    """The picture moves, in the view where one moves in time."""
    return not scene.frozen and is_live(scene)


def in_past(scene: Scene) -> bool:
    """A moment of the past is shown, in the view where one moves in time."""
    return scene.frozen and is_live(scene)


def is_running(scene: Scene) -> bool:
    return scene.status.phase == "running"


def has_suggestion(scene: Scene) -> bool:
    """A fix is suggested that is not on yet."""
    return is_running(scene) and scene.suggested_fix is not None
