"""A resource's holders and waiters, and what an executor's workers do."""

from collections.abc import Sequence

from rich.style import Style

from loopviz.model.snapshot import HolderInfo, JobStats, Location, Quantiles, ResourceInfo
from loopviz.tui.draw.text import cell_width, clean, fit, took
from loopviz.tui.panels.detail import Detail
from loopviz.tui.panels.places import file_line
from loopviz.tui.panels.scene import Scene

__all__ = ["draw_holders", "draw_jobs", "quantiles_of"]

MIN_LIST_ROWS = 3
"""Rows that a list of tasks needs, its heading included."""
SIDE_BY_SIDE_CELLS = 76
"""Width from which on holders and waiters stand side by side."""

_TaskTime = tuple[str, int, list[str]]
"""A task's name, for how long it holds or waits, and its place, the longest text first."""


def draw_holders(detail: Detail, view: ResourceInfo) -> None:
    """Holders and waiters, as many as there is room for."""
    theme, at_ns = detail.scene.theme, _moment(detail.scene)
    holders = [(_who(h.task, h.label), at_ns - h.since_ns, _across(h)) for h in view.holders]
    waiters = [
        (_who(w.task, w.label), at_ns - w.since_ns, [file_line(w.location)]) for w in view.waiters
    ]
    if holders and waiters and detail.width >= SIDE_BY_SIDE_CELLS:
        if detail.left >= MIN_LIST_ROWS:
            half, rows = detail.width // 2, detail.left
            left = Detail(detail.scene, half, rows)
            right = Detail(detail.scene, detail.width - half, rows)
            _tasks_by_time(left, "held by", holders, view.in_use.now, rows - 1, theme.warm)
            _tasks_by_time(right, "waited for by", waiters, view.waiting.now, rows - 1, theme.alarm)
            detail.side_by_side(left.done(), right.done())
        return
    half = max(MIN_LIST_ROWS, (detail.left - 2) // 2)
    for_holders = half if waiters else detail.left - 1
    if detail.left > MIN_LIST_ROWS - 1:
        _tasks_by_time(detail, "held by", holders, view.in_use.now, for_holders, theme.warm)
    if detail.left > MIN_LIST_ROWS - 1:
        _tasks_by_time(
            detail, "waited for by", waiters, view.waiting.now, detail.left - 1, theme.alarm
        )


def _moment(scene: Scene) -> int:
    """The moment that is shown: now, or that of the freeze."""
    if not scene.frozen or scene.snapshot is None:
        return scene.end_ns
    return max(scene.snapshot.health.newest_ns, scene.end_ns)


def draw_jobs(detail: Detail, jobs: JobStats) -> None:
    """The jobs of an executor's workers, and how long jobs took."""
    scene = detail.scene
    theme = scene.theme
    raised = f", {jobs.raised:,} raised" if jobs.raised else ""
    detail.heading("jobs", f"{jobs.finished:,} finished{raised}, {jobs.queued:,} queued")
    if jobs.queued_times.count:
        detail.fact("queued for", quantiles_of(jobs.queued_times))
    if jobs.run_times.count:
        detail.fact("ran for", quantiles_of(jobs.run_times))
    rows = min(len(jobs.running), max(2, detail.left - 4))
    at_ns = _moment(scene)
    for worker in jobs.running[:rows]:
        line = detail.line().add(f"{took(max(at_ns - worker.since_ns, 0)):>7} ", theme.strong)
        by = f" for {_who(worker.task, worker.label)}" if worker.task else ""
        text = fit(clean(f"{worker.job or 'a job'}{by}"), line.left - 24, scene.glyphs.more)
        detail.put(
            line.add(text, theme.text).add(
                f" {_short(worker.worker, scene.glyphs.more)}", theme.dim
            )
        )
    if len(jobs.running) > rows:
        detail.text(f"  and {len(jobs.running) - rows} more", theme.dim)


def _short(worker: str, more: str) -> str:
    """The end of its name, which tells workers apart."""
    name = clean(worker)
    return name if cell_width(name) <= 22 else more + name[-20:]


def _tasks_by_time(
    detail: Detail,
    title: str,
    tasks: Sequence[_TaskTime],
    count: int,
    rows: int,
    style: Style,
) -> None:
    """A heading, and a row for each: how long, who, where; those for the longest time first."""
    if not tasks:
        return
    scene = detail.scene
    theme = scene.theme
    detail.heading(title)
    tasks = sorted(tasks, key=lambda each: -each[1])
    visible = tasks if len(tasks) <= rows - 1 else tasks[: max(1, rows - 2)]
    names = min(max(cell_width(who) for who, _, _ in visible), (detail.width - 10) * 3 // 5)
    for who, ns, places in visible:
        line = detail.line().add(f"{took(max(ns, 0)):>7} ", style)
        line.add(fit(who, names, scene.glyphs.more), theme.text)
        place = next((p for p in places if p and cell_width(p) <= line.left - 3), "")
        detail.put(line.add(f"  {place}", theme.dim))
    more = max(len(tasks), count) - len(visible)
    if more > 0:
        detail.text(f"{'and':>7} {more:,} more", theme.dim)


def _who(task: int, label: str) -> str:
    return clean(f"#{task} {label}") if task else "not known which task"


def _across(holder: HolderInfo) -> list[str]:
    """Where the task acquired it and what it waits for now, the longest text first."""
    got, place = file_line(holder.location), clean(_wait(holder.place, holder.place_what))
    when = "now" if holder.waits_now else "last"
    both = f"got it at {got}, {when} {place}" if got and place else ""
    line = file_line(holder.place)
    least = f"{when} {line}" if line else f"got it at {got}" if got else ""
    return [both, f"{when} {place}" if place else "", least, got]


def _wait(where: Location | None, what: str) -> str:
    line = file_line(where)
    return f"{what} at {line}" if what and line else line or what


def quantiles_of(found: Quantiles) -> str:
    times = (("p50", found.p50_ns), ("p99", found.p99_ns), ("max", found.max_ns))
    return " ".join(f"{name} {took(ns)}" for name, ns in times)
