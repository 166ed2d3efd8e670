"""When all is well, or beside what is not: what is watched for, and how the loop is."""

from collections.abc import Sequence

from textual.strip import Strip

from loopviz.tui.paint.finding import paragraph, rule_line
from loopviz.tui.paint.lag import WARM_NS
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line, duration, fit
from loopviz.tui.views.diagnose.entries import Entry
from loopviz.tui.views.diagnose.rules import RULES

__all__ = ["paint_watched", "well"]


def paint_watched(scene: Scene, found: Sequence[Entry], width: int, height: int) -> list[Strip]:
    """The rules, and how many findings each has; empty if there is no room for them all."""
    looks, glyphs = scene.looks, scene.glyphs
    if height < len(RULES):
        short = ", ".join(RULES)
        rows = paragraph(f"Watched for: {short}.", looks.dim, width, scene, max(1, height))
        return rows if height > 3 else []
    title = rule_line(width, scene, "WATCHED FOR", looks.title)
    strips = [title] if height > len(RULES) else []
    counts: dict[str, int] = {}
    for entry in found:
        if entry.finding is not None:
            counts[entry.finding.rule] = counts.get(entry.finding.rule, 0) + 1
    for rule, told in RULES.items():
        count = counts.get(rule, 0)
        line = Line(width).add(f" {count or glyphs.dot:>3} ", looks.warm if count else looks.faint)
        line.add(f"{rule:<25}", looks.text if count else looks.dim)
        text = told.means if len(told.means) < line.left else told.short
        line.add(fit(text, max(0, line.left - 1), glyphs.more), looks.dim)
        strips.append(line.strip(looks.text))
    return strips


def well(scene: Scene, width: int) -> list[Strip]:
    """The loop's figures, and what they say."""
    looks, snapshot = scene.looks, scene.snapshot
    if snapshot is None:
        return paragraph("The target has not run yet.", looks.dim, width, scene)
    loop = snapshot.loop
    if not loop.lag_recent.count:
        return paragraph(
            "No timer has run yet: nothing is known of the loop.", looks.dim, width, scene
        )
    lag, delay = loop.lag_recent, loop.ready_delay_recent
    figures = f"lag p99 {duration(lag.p99_ns, ' ')}, max {duration(lag.max_ns, ' ')}"
    if delay.count:
        figures += f"; ready delay p99 {duration(delay.p99_ns, ' ')}"
    figures += f"; utilization {loop.utilization_recent:.0%}"
    late = lag.p99_ns >= WARM_NS
    verdict = "The loop is late, but no rule says why yet" if late else "The loop keeps up"
    return paragraph(f"{verdict}: {figures}.", looks.warm if late else looks.good, width, scene)
