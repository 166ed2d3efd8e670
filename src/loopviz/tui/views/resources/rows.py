"""The rows of the resources view: what is crowded first, what is quiet folded away."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from loopviz.model.snapshot import ResourceInfo
from loopviz.tui.draw.text import clean
from loopviz.tui.panels.gauge import full_word, is_notable
from loopviz.tui.panels.names import short_name
from loopviz.tui.panels.places import place_of
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.resources.tracks import sparkline
from loopviz.wire.kinds import Family

__all__ = [
    "BAR_CELLS",
    "ORDERS",
    "QUIET",
    "ResourceKey",
    "ResourceRow",
    "bar",
    "resource_rows",
]

ResourceKey = tuple[str, str]
"""`("resource", name)`, or `QUIET`."""

QUIET: ResourceKey = ("quiet", "")
BAR_CELLS = 6
_WORKER = re.compile(r" \(worker (\d+)\)")


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A resource as the table shows it; `view` is None for the row of the quiet ones."""

    key: ResourceKey
    name: str
    kind: str = ""
    view: ResourceInfo | None = None
    bar: str = ""
    use: str = ""
    """The units in use, of how many."""
    tone: str = "text"
    """A style of the palette, for what is in use."""
    used: str = ""
    """Sparkline of what is in use."""
    waited: str = ""
    """Sparkline of those that wait."""


def _share(view: ResourceInfo) -> float:
    return view.in_use.now / (view.capacity * view.instances) if view.capacity else 0.0


ORDERS: dict[str, Callable[[ResourceInfo], tuple[float | str, ...]]] = {
    "waiting": lambda view: (
        -view.waiting.now,
        -view.waiting.max,
        -_share(view),
        view.location is None,
        -view.in_use.max,
        view.name,
    ),
    "in use": lambda view: (-_share(view), -view.in_use.now, -view.in_use.max, view.name),
    "p99": lambda view: (-view.waited.p99_ns, -view.waited.count, view.name),
    "resource": lambda view: (view.name.lower(),),
}
"""The view's orders: what each sorts by."""


def resource_rows(
    scene: Scene, *, order: str, wanted: str, quiet_open: bool | None, room: int, spark: int
) -> list[ResourceRow]:
    """Pinned ones first; the quiet ones last, behind a row that opens them.

    `wanted` is in small letters: then all that have it are shown. `quiet_open`: as the person wants
    it; None: if `room` rows are enough. `spark` is a sparkline's width. If there are no others, the
    quiet ones are shown at once.
    """
    found = scene.snapshot.resources if scene.snapshot is not None else ()
    pins: Collection[object] = scene.view_state.pins
    named = [(view, short_name(view, scene)) for view in found]
    if wanted:
        named = [pair for pair in named if wanted in _text(*pair)]
    sort = ORDERS[order]
    named.sort(key=lambda pair: (("resource", pair[0].name) not in pins, *sort(pair[0])))
    loud: list[tuple[ResourceInfo, str]] = []
    quiet: list[tuple[ResourceInfo, str]] = []
    for view, name in named:
        pinned = ("resource", view.name) in pins
        part = loud if wanted or pinned or is_notable(view) else quiet
        part.append((view, name))
    if not loud:
        loud, quiet = quiet, []
    rows = [_row(view, name, scene, spark) for view, name in loud]
    if quiet:
        if quiet_open is None:
            quiet_open = len(loud) + 1 + len(quiet) <= room
        sign, word = "-" if quiet_open else "+", "one" if len(quiet) == 1 else "ones"
        rows.append(ResourceRow(QUIET, f"{sign} {len(quiet)} quiet {word}"))
        if quiet_open:
            rows += [_row(view, name, scene, spark) for view, name in quiet]
    return rows


def _text(view: ResourceInfo, name: str) -> str:
    where = place_of(view.location)
    return clean(f"{name} {view.name} {view.kind} {full_word(view)} {where}").lower()


def bar(view: ResourceInfo, width: int, scene: Scene) -> str:
    """`████··`: what is in use; empty where there is no limit to compare with."""
    if not view.capacity or view.instances > 1:
        return ""
    glyphs = scene.glyphs
    share = min(1.0, view.in_use.now / view.capacity)
    whole = min(width, int(share * width + 0.5) or int(share > 0))
    return glyphs.run * whole + glyphs.dot * (width - whole)


def _row(view: ResourceInfo, name: str, scene: Scene, spark: int) -> ResourceRow:
    used, word = view.in_use.now, full_word(view)
    alone = view.instances == 1
    limit = view.capacity if alone else 0
    figure = f"{used}/{limit}" if limit else f"{used}"
    unit = "" if limit else " items" if view.family is Family.QUEUE else " in use"
    tone = "alarm" if view.waiting.now else "warm" if word else "text"
    if not used and not view.waiting.now:
        tone = "dim"
    end = scene.end_ns
    most = max(view.capacity * view.instances, view.in_use.max, 1)
    return ResourceRow(
        ("resource", view.name),
        "  "
        + _WORKER.sub(r" w\1", name)
        + ("" if alone else f" {scene.glyphs.times}{view.instances}"),
        view.kind,
        view,
        bar(view, BAR_CELLS, scene),
        f"{figure}{unit}{' ' if word else ''}{word}",
        tone,
        sparkline(view.in_use_track, end, spark, most, scene),
        sparkline(view.waiting_track, end, spark, max(view.waiting.max, 1), scene),
    )
