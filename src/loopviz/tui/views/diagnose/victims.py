"""Whom it hit, and when: the victims by route, and the last times for the cursor."""

from collections.abc import Sequence

from textual.strip import Strip

from loopviz.model.snapshot import Finding, Moment
from loopviz.tui.draw.text import Line, clean, duration, fit, width_of
from loopviz.tui.panels.histogram import compact
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.view_state import Key
from loopviz.tui.views.diagnose.entries import Entry

__all__ = ["ago", "in_sight", "moment_key", "moments_rows", "titled", "victims_rows"]


def moment_key(entry: Entry, moment: Moment) -> Key:
    """The row of that moment."""
    return (entry.key, moment.at_ns, moment.request)


def victims_rows(finding: Finding, scene: Scene, width: int, rows: int) -> list[Strip]:
    """By route: how many requests waited for it, and how long."""
    looks = scene.looks
    if not finding.victims:
        return [titled("VICTIMS", "no request is known to have waited for it", scene, width)]
    who = "1 request" if finding.victims == 1 else f"{finding.victims:,} requests"
    text = f"{who} waited for it"
    if finding.victim_wait_ns:
        text += f", {duration(finding.victim_wait_ns, ' ')} in all"
    strips = [titled("VICTIMS", text, scene, width)]
    if len(finding.impacts) == rows + 1:
        rows += 1
    most = max((one.waited_ns for one in finding.impacts), default=0) or 1
    for one in finding.impacts[:rows]:
        figures = f"{compact(one.requests):>5} {scene.glyphs.times} {duration(one.waited_ns):>6} "
        name = min(28, width - len(figures) - 12)
        line = Line(width).add("    ", looks.text)
        line.add(fit(clean(one.route), name, scene.glyphs.more), looks.text).add(figures, looks.dim)
        cells = round(one.waited_ns / most * min(24, line.left - 2))
        line.add(scene.glyphs.ready * cells, looks.ready)
        strips.append(line.strip(looks.text))
    if len(finding.impacts) > rows:
        more = f"    + {len(finding.impacts) - rows} more routes"
        strips.append(Line(width).add(more, looks.dim).strip(looks.text))
    return strips


def in_sight(entry: Entry, moments: Sequence[Moment], scene: Scene, rows: int) -> Sequence[Moment]:
    """So many of them, the chosen one among them."""
    keys = [moment_key(entry, moment) for moment in moments]
    at = keys.index(scene.look.row) if scene.look.row in keys else 0
    first = max(0, at - rows + 1)
    return moments[first : first + rows]


def moments_rows(entry: Entry, moments: Sequence[Moment], scene: Scene, width: int) -> list[Strip]:
    """The last times that it happened, for the cursor."""
    looks, glyphs = scene.looks, scene.glyphs
    if not moments:
        return []
    enter = scene.keys.shown("enter")
    how = f"{enter}: choose one" if not scene.look.detail else f"{enter}: show it in the live view"
    strips = [titled("LAST TIMES", how, scene, width)]
    for moment in moments:
        chosen = scene.look.row == moment_key(entry, moment)
        lasted = duration(moment.lasted_ns) if moment.lasted_ns else ""
        who = f"#{moment.request}" if moment.request else ""
        line = Line(width).add(
            f"  {glyphs.pointer if chosen else ' '} ", looks.cursor if chosen else looks.text
        )
        style = looks.cursor if chosen else looks.text
        line.add(f"{ago(moment.at_ns, scene):>10} {lasted:>7}  {clean(moment.label)} {who} ", style)
        strips.append(line.strip(looks.text))
    return strips


def titled(title: str, text: str, scene: Scene, width: int) -> Strip:
    line = Line(width).add(f"  {title} ", scene.looks.title)
    text = clean(text)
    line.add(
        f" {fit(text, min(width_of(text), line.left - 1), scene.glyphs.more)}", scene.looks.text
    )
    return line.strip(scene.looks.text)


def ago(at_ns: int, scene: Scene) -> str:
    """`1.2 s ago`: before this moment, or before the freeze."""
    return f"{duration(max(0, (scene.anchor_ns or scene.end_ns) - at_ns), ' ')} ago"
