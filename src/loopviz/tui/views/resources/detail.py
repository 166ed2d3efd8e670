"""All about one resource: figures, the last minute, then its holders and waiters."""

from textual.strip import Strip

from loopviz.model.snapshot import JobStats, ResourceInfo
from loopviz.tui.draw.text import fit, took
from loopviz.tui.panels.detail import Detail
from loopviz.tui.panels.gauge import full_word
from loopviz.tui.panels.names import short_name
from loopviz.tui.panels.places import file_line
from loopviz.tui.views.resources.holders import draw_holders, draw_jobs, quantiles_of
from loopviz.tui.views.resources.rows import bar
from loopviz.tui.views.resources.tracks import sparkline
from loopviz.wire.kinds import Family

__all__ = ["draw_resource"]


def draw_resource(
    view: ResourceInfo, jobs: JobStats | None, detail: Detail, *, charted: bool = False
) -> list[Strip]:
    """Figures, the last minute, then holders, waiters and workers.

    `charted`: the last minute stands elsewhere.
    """
    scene = detail.scene
    theme = scene.theme
    kind = view.kind or "never introduced"
    many = f" {scene.glyphs.times}{view.instances}" if view.instances > 1 else ""
    detail.title(short_name(view, scene), f"{kind}{many}", theme.dim)
    if not detail.ruled:  # else the table right above has said so
        _use(detail, view)
        _waiting(detail, view)
    _waited(detail, view)
    if not charted:
        _minute(detail, view)
    where = f"{file_line(view.location)} {view.location.function}" if view.location else ""
    detail.fact("made at", where)
    if jobs is not None:
        draw_jobs(detail, jobs)
    draw_holders(detail, view)
    if not (view.holders or view.waiters or view.idle) and jobs is None:
        queue = view.family is Family.QUEUE
        doing = "waits to put in or to take out" if queue else "holds it and nobody waits for it"
        detail.text(f"Nobody {doing} now.", theme.dim)
    return detail.done()


def _use(detail: Detail, view: ResourceInfo) -> None:
    scene = detail.scene
    theme, word = scene.theme, full_word(view)
    style = theme.alarm if view.waiting.now else theme.warm if word else theme.text
    line = detail.line().add(fit("in use", 10) + " ", theme.dim)
    gauge = bar(view, 12, scene)
    if gauge:
        filled = gauge.rstrip(scene.glyphs.dot)
        line.add(filled, style if word else theme.run)
        line.add(gauge[len(filled) :] + " ", theme.faint)
    limit = f"/{view.capacity}" if view.capacity and view.instances == 1 else ""
    line.add(f"{view.in_use.now}{limit}", style).add(f" {word}" if word else "", style)
    line.add(f"  mean {view.in_use.mean:.1f}, max {view.in_use.max}", theme.dim)
    detail.put(line)


def _waiting(detail: Detail, view: ResourceInfo) -> None:
    theme, waiting = detail.scene.theme, view.waiting
    line = detail.line().add(fit("waiting", 10) + " ", theme.dim)
    line.add(f"{waiting.now}", theme.alarm if waiting.now else theme.text)
    line.add(f"  mean {waiting.mean:.1f}, max {waiting.max}", theme.dim)
    detail.put(line)


def _waited(detail: Detail, view: ResourceInfo) -> None:
    theme = detail.scene.theme
    if view.waited.count:
        detail.fact("waited", f"{quantiles_of(view.waited)} ({view.waited.count:,} got it)", rows=2)
    if view.given_up.count:
        gave = f"{view.given_up.count:,} after {took(view.given_up.p50_ns)} (p50)"
        detail.fact("gave up", f"{gave}, max {took(view.given_up.max_ns)}", theme.alarm)
    if view.idle:
        word = "consumer waits" if view.idle == 1 else "consumers wait"
        detail.fact("idle", f"{view.idle} {word} for something to take out")


def _minute(detail: Detail, view: ResourceInfo) -> None:
    """Two sparklines over the last minute, each with what its top stands for."""
    if detail.left < 6 + 4 * detail.ruled:
        return
    scene = detail.scene
    theme, width = scene.theme, detail.room - 12
    most = max(view.capacity * view.instances, view.in_use.max, 1)
    for title, track, top, style in (
        ("60s in use", view.in_use_track, most, theme.run),
        ("60s waiting", view.waiting_track, max(view.waiting.max, 1), theme.warm),
    ):
        if not track.values.any():
            continue
        line = detail.line().add(fit(title, 11) + " ", theme.dim)
        line.add(sparkline(track, scene.end_ns, width, top, scene), style)
        detail.put(line.add(f" top {top:,}", theme.dim))
