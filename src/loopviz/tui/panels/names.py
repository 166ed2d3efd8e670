"""Short names of resources, the same everywhere on the screen."""

import re

from loopviz.model.snapshot import ResourceInfo
from loopviz.tui.draw.text import clean
from loopviz.tui.panels.scene import Scene
from loopviz.wire.kinds import kind_of

__all__ = ["short_name", "short_name_of"]

_NAMESAKE = re.compile(
    r"(?P<name>.+) \(([^()]*/)?(?P<file>[^/()]+):(?P<line>\d+)\)(?P<worker> \(worker \d+\))?"
)
_MADE_AT = re.compile(r"(?P<file>[^/]+):(?P<line>\d+) (?P<word>\S+?)(\(\d+\))?( \(worker \d+\))?")


def short_name(view: ResourceInfo, scene: Scene) -> str:
    """`Semaphore :7` for one made in the scenario's file, `Lock db.py:3` elsewhere."""
    return _short(view.name, view.kind, scene)


def short_name_of(name: str, scene: Scene) -> str:
    """The short name of the resource with this name in the model."""
    found = scene.snapshot.resources if scene.snapshot is not None else ()
    return _short(name, next((view.kind for view in found if view.name == name), ""), scene)


def _short(name: str, kind: str, scene: Scene) -> str:
    namesake = _NAMESAKE.fullmatch(name)
    if namesake is not None and namesake["file"] == scene.scenario.path.name:
        return clean(f"{namesake['name']} :{namesake['line']}{namesake['worker'] or ''}")
    made = _MADE_AT.fullmatch(name.rpartition("/")[2])
    if made is None:
        return clean(name.removeprefix("default "))
    at = f"{made['file']}:" if made["file"] != scene.scenario.path.name else ":"
    worker = made[5] or ""
    return clean(f"{kind_of(kind).short_name or made['word']} {at}{made['line']}{worker}")
