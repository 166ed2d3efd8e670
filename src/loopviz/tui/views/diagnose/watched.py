"""When all is well, or beside what is not: what is watched for, and how the loop is."""

from collections import Counter
from collections.abc import Sequence

from textual.strip import Strip

from loopviz.model.findings.rules import RULE_INFOS
from loopviz.tui.draw.text import Line, duration, width_of
from loopviz.tui.panels.finding import paragraph, rule_line
from loopviz.tui.panels.lag import WARM_NS
from loopviz.tui.panels.scene import Scene
from loopviz.tui.views.diagnose.entries import Entry

__all__ = ["paint_watched", "well"]

NAME = 30
"""Cells of a count and a rule's name."""


def paint_watched(scene: Scene, found: Sequence[Entry], width: int, height: int) -> list[Strip]:
    """How many findings each rule has; with what it means, if there is room; else nothing."""
    looks = scene.looks
    counts = Counter(entry.finding.rule for entry in found if entry.finding is not None)
    summaries = NAME + max(len(rule.summary) for rule in RULE_INFOS.values())
    explained = width > summaries and height >= len(RULE_INFOS)
    each = 1 if explained else max(1, width // NAME)
    rows = -(-len(RULE_INFOS) // each)
    if height < rows:
        return []
    strips = [rule_line(width, scene, "WATCHED FOR", looks.title)] if height > rows else []
    rules = list(RULE_INFOS.values())
    for at in range(rows):
        line = Line(width)
        for column, rule in enumerate(rules[at::rows]):
            line.to(column * (width // each), looks.text)
            count = counts[rule.id]
            sign = count or scene.glyphs.dot
            line.add(f"{sign:>4} ", looks.warm if count else looks.faint)
            line.add(f"{rule.id:<{NAME - 5}}", looks.text if count else looks.dim)
            if explained:
                text = rule.why if width_of(rule.why) < line.left else rule.summary
                line.add(text, looks.dim)
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
