"""All about one resource: who holds it and for how long, who waits, what its workers do."""

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import HolderView, JobsView, Location, Quantiles, ResourceView
from loopviz.tui.paint.detail import Detail
from loopviz.tui.paint.gauges import short_name
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.task_words import at_line
from loopviz.tui.paint.text import clean, fit, took, width_of
from loopviz.tui.views.resources.rows import bar, full_word, sparkline

__all__ = ["paint_resource"]

PEOPLE = 3
"""Fewest rows for people that are worth a heading."""


def paint_resource(
    view: ResourceView, jobs: JobsView | None, scene: Scene, width: int, height: int
) -> list[Strip]:
    """Figures, the last minute, then people: holders, waiters, workers."""
    detail = Detail(scene, width, height)
    looks = scene.looks
    kind = view.kind or "never introduced"
    many = f" {scene.glyphs.times}{view.instances}" if view.instances > 1 else ""
    detail.title(short_name(view, scene), f"{kind}{many}", looks.dim)
    _use(detail, view)
    _waiting(detail, view)
    _minute(detail, view)
    where = f"{at_line(view.location)} {view.location.function}" if view.location else ""
    detail.fact("made at", where)
    if jobs is not None:
        _jobs(detail, jobs)
    at_ns = _moment(scene)
    holders = [(_who(h.task, h.label), at_ns - h.since_ns, _across(h)) for h in view.holders]
    waiters = [
        (_who(w.task, w.label), at_ns - w.since_ns, [at_line(w.location)]) for w in view.waiters
    ]
    half = max(PEOPLE, (detail.left - 2) // 2)
    for_holders = half if waiters else detail.left - 1
    if detail.left > PEOPLE - 1:
        _people(detail, "held by", holders, view.in_use.now, for_holders, looks.warm)
    if detail.left > PEOPLE - 1:
        _people(detail, "waited for by", waiters, view.waiting.now, detail.left - 1, looks.alarm)
    if not holders and not waiters and jobs is None:
        detail.text("Nobody holds it and nobody waits for it now.", looks.dim)
    return detail.done()


def _moment(scene: Scene) -> int:
    """When it was as it is shown: now, or when the view was frozen."""
    if not scene.frozen or scene.snapshot is None:
        return scene.end_ns
    return max(scene.snapshot.health.newest_ns, scene.end_ns)


def _use(detail: Detail, view: ResourceView) -> None:
    scene = detail.scene
    looks, word = scene.looks, full_word(view)
    style = looks.alarm if view.waiting.now else looks.warm if word else looks.text
    line = detail.line().add(fit("in use", 10) + " ", looks.dim)
    gauge = bar(view, 12, scene)
    if gauge:
        filled = gauge.rstrip(scene.glyphs.dot)
        line.add(filled, style if word else looks.run)
        line.add(gauge[len(filled) :] + " ", looks.faint)
    limit = f"/{view.capacity}" if view.capacity and view.instances == 1 else ""
    line.add(f"{view.in_use.now}{limit}", style).add(f" {word}" if word else "", style)
    line.add(f"  mean {view.in_use.mean:.1f}, max {view.in_use.max}", looks.dim)
    detail.put(line)


def _waiting(detail: Detail, view: ResourceView) -> None:
    looks, waiting = detail.scene.looks, view.waiting
    line = detail.line().add(fit("waiting", 10) + " ", looks.dim)
    line.add(f"{waiting.now}", looks.alarm if waiting.now else looks.text)
    line.add(f"  mean {waiting.mean:.1f}, max {waiting.max}", looks.dim)
    detail.put(line)
    if view.waited.count:
        detail.fact("waited", f"{_quantiles(view.waited)} ({view.waited.count:,} got it)", rows=2)
    if view.given_up.count:
        gave = f"{view.given_up.count:,} after {took(view.given_up.p50_ns)} (p50)"
        detail.fact("gave up", f"{gave}, max {took(view.given_up.max_ns)}", looks.alarm)
    if view.idle:
        word = "consumer waits" if view.idle == 1 else "consumers wait"
        detail.fact("idle", f"{view.idle} {word} for something to take out")


def _minute(detail: Detail, view: ResourceView) -> None:
    """Two sparklines over the last minute, each with what its top stands for."""
    if detail.left < 6:
        return
    scene = detail.scene
    looks, width = scene.looks, detail.room - 12
    most = max(view.capacity * view.instances, view.in_use.max, 1)
    for title, track, top, style in (
        ("60s in use", view.in_use_track, most, looks.run),
        ("60s waiting", view.waiting_track, max(view.waiting.max, 1), looks.warm),
    ):
        if title == "60s waiting" and not view.waiting.max:
            continue
        line = detail.line().add(fit(title, 11) + " ", looks.dim)
        line.add(sparkline(track, scene.end_ns, width, top, scene), style)
        detail.put(line.add(f" top {top:,}", looks.dim))


def _jobs(detail: Detail, jobs: JobsView) -> None:
    """What the workers of an executor do, and what their jobs took."""
    scene = detail.scene
    looks = scene.looks
    raised = f", {jobs.raised:,} raised" if jobs.raised else ""
    detail.heading("jobs", f"{jobs.finished:,} finished{raised}, {jobs.queued:,} queued")
    if jobs.queued_times.count:
        detail.fact("queued for", _quantiles(jobs.queued_times))
    if jobs.run_times.count:
        detail.fact("ran for", _quantiles(jobs.run_times))
    rows = min(len(jobs.running), max(2, detail.left - 4))
    at_ns = _moment(scene)
    for worker in jobs.running[:rows]:
        line = detail.line().add(f"{took(max(at_ns - worker.since_ns, 0)):>7} ", looks.strong)
        by = f" for #{worker.task}" if worker.task else ""
        text = fit(clean(f"{worker.job or 'a job'}{by}"), line.left - 24, scene.glyphs.more)
        detail.put(
            line.add(text, looks.text).add(
                f" {_short(worker.worker, scene.glyphs.more)}", looks.dim
            )
        )
    if len(jobs.running) > rows:
        detail.text(f"  and {len(jobs.running) - rows} more", looks.dim)


def _short(worker: str, more: str) -> str:
    """The end of its name, which tells workers apart."""
    name = clean(worker)
    return name if width_of(name) <= 22 else more + name[-20:]


def _people(
    detail: Detail,
    title: str,
    people: Sequence[tuple[str, int, list[str]]],
    count: int,
    rows: int,
    style: Style,
) -> None:
    """A heading, and a row for each: how long, who, where; those for the longest time first."""
    if not people:
        return
    scene = detail.scene
    looks = scene.looks
    detail.heading(title)
    people = sorted(people, key=lambda each: -each[1])
    shown = people if len(people) <= rows - 1 else people[: max(1, rows - 2)]
    names = min(max(width_of(who) for who, _, _ in shown), (detail.width - 10) // 2)
    for who, ns, places in shown:
        line = detail.line().add(f"{took(max(ns, 0)):>7} ", style)
        line.add(fit(who, names, scene.glyphs.more), looks.text)
        place = next((p for p in places if p and width_of(p) <= line.left - 3), "")
        detail.put(line.add(f"  {place}", looks.dim))
    more = max(len(people), count) - len(shown)
    if more > 0:
        detail.text(f"{'and':>7} {more:,} more", looks.dim)


def _who(task: int, label: str) -> str:
    return clean(f"#{task} {label}") if task else "not known which task"


def _across(holder: HolderView) -> list[str]:
    """Where it got it and what it waits for meanwhile; shorter and shorter."""
    got, place = at_line(holder.location), clean(_wait(holder.place, holder.place_what))
    both = f"got it at {got}, now {place}" if got and place else ""
    return [both, f"now {place}" if place else f"got it at {got}" if got else "", got]


def _wait(where: Location | None, what: str) -> str:
    line = at_line(where)
    return f"{what} at {line}" if what and line else line or what


def _quantiles(found: Quantiles) -> str:
    times = (("p50", found.p50_ns), ("p99", found.p99_ns), ("max", found.max_ns))
    return " ".join(f"{name} {took(ns)}" for name, ns in times)
