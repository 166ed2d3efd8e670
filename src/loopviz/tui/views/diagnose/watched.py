"""The table of all rules with their counts, and a summary of the loop."""

from collections import Counter
from collections.abc import Sequence

from textual.strip import Strip

from loopviz.model.findings.rules import RULE_INFOS
from loopviz.tui.draw.text import Line, cell_width, duration
from loopviz.tui.panels.finding import heading_line, paragraph
from loopviz.tui.panels.lag import LATE_NS
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.diagnose.entries import Entry

__all__ = ["draw_watched", "loop_summary"]

RULE_CELLS = 30
"""Cells of a rule's count and name."""


def draw_watched(scene: Scene, found: Sequence[Entry], width: int, height: int) -> list[Strip]:
    """Each rule with its number of findings, and its meaning if there is room; else nothing."""
    theme = scene.theme
    counts = Counter(entry.finding.rule for entry in found if entry.finding is not None)
    lasting = {entry.finding.rule for entry in found if entry.finding and not entry.over}
    summaries = RULE_CELLS + max(len(rule.summary) for rule in RULE_INFOS.values())
    explained = width > summaries and height >= len(RULE_INFOS)
    each = 1 if explained else max(1, width // RULE_CELLS)
    rows = -(-len(RULE_INFOS) // each)
    if height < rows:
        return []
    strips = [heading_line(width, scene, "WATCHED FOR", theme.title)] if height > rows else []
    rules = list(RULE_INFOS.values())
    for at in range(rows):
        line = Line(width)
        for column, rule in enumerate(rules[at::rows]):
            line.to(column * (width // each), theme.text)
            count = counts[rule.id]
            sign = count or scene.glyphs.dot
            now = rule.id in lasting
            line.add(f"{sign:>4} ", theme.warm if now else theme.dim if count else theme.faint)
            line.add(f"{rule.id:<{RULE_CELLS - 5}}", theme.text if now else theme.dim)
            if explained:
                text = rule.why if cell_width(rule.why) < line.left else rule.summary
                line.add(text, theme.dim)
        strips.append(line.strip(theme.text))
    return strips


def loop_summary(scene: Scene, width: int) -> list[Strip]:
    """The loop's figures, and a verdict on them."""
    theme, snapshot = scene.theme, scene.snapshot
    if snapshot is None:
        return paragraph("The target has not run yet.", theme.dim, width, scene)
    loop = snapshot.loop
    if not loop.lag_recent.count:
        return paragraph(
            "No timer has run yet: nothing is known of the loop.", theme.dim, width, scene
        )
    lag, delay = loop.lag_recent, loop.ready_delay_recent
    figures = f"lag p99 {duration(lag.p99_ns, ' ')}, max {duration(lag.max_ns, ' ')}"
    if delay.count:
        figures += f"; ready delay p99 {duration(delay.p99_ns, ' ')}"
    figures += f"; utilization {loop.utilization_recent:.0%}"
    late = lag.p99_ns >= LATE_NS
    verdict = "The loop is late, but no rule says why yet" if late else "The loop keeps up"
    return paragraph(f"{verdict}: {figures}.", theme.warm if late else theme.good, width, scene)
