"""A finding's victims by route, and its last moments, for the cursor."""

from collections.abc import Sequence

from textual.strip import Strip

from loopviz.model.snapshot import Finding, Moment
from loopviz.tui.draw.text import Line, cell_width, clean, duration, fit
from loopviz.tui.panels.histogram import compact
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.view_state import Key
from loopviz.tui.views.diagnose.entries import Entry

__all__ = [
    "ago_text",
    "moment_key",
    "moments_rows",
    "title_line",
    "victims_rows",
    "visible_moments",
]


def moment_key(entry: Entry, moment: Moment) -> Key:
    """The row of that moment."""
    return (entry.key, moment.at_ns, moment.request)


def victims_rows(finding: Finding, scene: Scene, width: int, rows: int) -> list[Strip]:
    """By route: how many requests waited for it, and how long."""
    theme = scene.theme
    if not finding.victims and not _has_requests(scene):
        return []
    if not finding.victims:
        return [title_line("VICTIMS", "no request is known to have waited for it", scene, width)]
    who = "1 request" if finding.victims == 1 else f"{finding.victims:,} requests"
    text = f"{who} waited for it"
    if finding.victim_wait_ns:
        text += f", {duration(finding.victim_wait_ns, ' ')} in total"
    strips, past = [title_line("VICTIMS", text, scene, width)], scene.is_stale(finding)
    if len(finding.impacts) == rows + 1:
        rows += 1
    most = max((one.waited_ns for one in finding.impacts), default=0) or 1
    for one in finding.impacts[:rows]:
        figures = f"{compact(one.requests):>5} {scene.glyphs.times} {duration(one.waited_ns):>6} "
        name = min(28, width - len(figures) - 12)
        line = Line(width).add("    ", theme.text)
        line.add(fit(clean(one.route), name, scene.glyphs.more), theme.text).add(figures, theme.dim)
        cells = round(one.waited_ns / most * min(24, line.left - 2))
        line.add(scene.glyphs.ready * cells, theme.faint if past else theme.ready)
        strips.append(line.strip(theme.text))
    if len(finding.impacts) > rows:
        more = f"    + {len(finding.impacts) - rows} more routes"
        strips.append(Line(width).add(more, theme.dim).strip(theme.text))
    return strips


def _has_requests(scene: Scene) -> bool:
    """False for scripts, workers and bots, of which no victim can be known."""
    seen = scene.snapshot is not None and scene.snapshot.requests
    return bool(not scene.is_program or seen or scene.status.url or scene.scenario.load)


def visible_moments(
    entry: Entry, moments: Sequence[Moment], scene: Scene, rows: int
) -> Sequence[Moment]:
    """At most `rows` of the moments, the chosen one among them."""
    keys = [moment_key(entry, moment) for moment in moments]
    at = keys.index(scene.view_state.row) if scene.view_state.row in keys else 0
    first = max(0, at - rows + 1)
    return moments[first : first + rows]


def moments_rows(entry: Entry, moments: Sequence[Moment], scene: Scene, width: int) -> list[Strip]:
    """The last times that it happened, for the cursor."""
    theme, glyphs = scene.theme, scene.glyphs
    if not moments:
        return []
    enter = scene.keys.label("enter")
    how = (
        f"{enter}: choose one"
        if not scene.view_state.detail
        else f"{enter}: show it in the live view"
    )
    strips = [title_line("LAST TIMES", how, scene, width)]
    for moment in moments:
        chosen = scene.view_state.row == moment_key(entry, moment)
        lasted = duration(moment.lasted_ns) if moment.lasted_ns else ""
        who = f"#{moment.request}" if moment.request else ""
        line = Line(width).add(
            f"  {glyphs.pointer if chosen else ' '} ", theme.cursor if chosen else theme.text
        )
        style = theme.cursor if chosen else theme.text
        line.add(
            f"{ago_text(moment.at_ns, scene):>10} {lasted:>7}  {clean(moment.label)} {who} ", style
        )
        strips.append(line.strip(theme.text))
    return strips


def title_line(title: str, text: str, scene: Scene, width: int) -> Strip:
    line = Line(width).add(f"  {title} ", scene.theme.title)
    text = clean(text)
    line.add(
        f" {fit(text, min(cell_width(text), line.left - 1), scene.glyphs.more)}", scene.theme.text
    )
    return line.strip(scene.theme.text)


def ago_text(at_ns: int, scene: Scene) -> str:
    """`1.2 s ago`: before this moment, or before the freeze."""
    return f"{duration(max(0, (scene.frozen_at_ns or scene.end_ns) - at_ns), ' ')} ago"
