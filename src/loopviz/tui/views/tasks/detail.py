"""All about one task, or one group of tasks: its life, its stack, its family, its histograms."""

from collections import Counter
from collections.abc import Callable, Sequence

from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import Distribution, Location, State, TaskGroupInfo, TaskInfo, TaskTable
from loopviz.tui.draw.text import clean, fit, took
from loopviz.tui.panels.code import Source
from loopviz.tui.panels.detail import Detail
from loopviz.tui.panels.histogram import draw_histogram
from loopviz.tui.panels.places import file_line, frame_text
from loopviz.tui.panels.task_words import as_of, state_words, waits_on
from loopviz.tui.views.tasks.groups import waits_at
from loopviz.tui.views.tasks.stack import draw_stack

__all__ = ["draw_group", "draw_server", "draw_task", "draw_trouble"]

TIMES_CELLS = 56
"""Width from which on the parts of a task's life have their times, not the shares alone."""
ROOMY_ROWS = 24
"""Rows of a panel from which on recent times stand beside those since the start."""
MIN_HISTOGRAM_ROWS = 5
"""Rows that a histogram needs at least."""
MOST_AROUND = 8
"""The most lines of source before and after the one where tasks wait."""


def draw_task(
    task: TaskInfo,
    group: TaskGroupInfo | None,
    view: TaskTable,
    detail: Detail,
    source: Source,
    draw_waits: Callable[[Detail], None] = lambda _: None,
) -> list[Strip]:
    """A task's life, state, stack and family; its group's histograms if they fit.

    `draw_waits` adds what else is known of what it waits for.
    """
    scene = detail.scene
    theme, glyphs = scene.theme, scene.glyphs
    at_ns = as_of(view, scene.end_ns)
    words, tone = state_words(task, at_ns, glyphs)
    what = waits_on(task)
    lasted = took(max(at_ns - task.since_ns, 0)) if task.state is not None else ""
    detail.title(
        f"#{task.number} {task.label}",
        " ".join(filter(None, (words, f"for {what}" if what else "", lasted))),
        getattr(theme, tone),
    )
    _life(detail, task.busy_ns, task.ready_ns, task.waiting_ns, task.steps)
    draw_waits(detail)
    if task.never_retrieved:
        detail.fact("raised", f"{task.never_retrieved} (nobody retrieved it)", theme.alarm, rows=2)
    if task.request:
        key = scene.keys.label("enter")
        detail.fact("request", f"#{task.request}: {key} shows it in the live view")
    detail.fact("holds", ", ".join(task.holds), theme.warm)
    detail.fact("made at", frame_text(task.site, detail.room))
    _family(detail, task, view)
    draw_stack(detail, task, scene, source, most=_stack_rows(detail.left, group))
    if group is not None:
        _histograms(detail, group, "its group")
    return detail.done()


def draw_group(
    group: TaskGroupInfo, view: TaskTable, detail: Detail, source: Source
) -> list[Strip]:
    """The sum of the group's tasks, what they wait for now, histograms; and where they wait."""
    theme = detail.scene.theme
    pace = f"{group.steps_per_s:.0f} steps/s" if group.steps_per_s >= 1 else ""
    started = f"{group.started:,} started" if group.started else ""
    detail.title(group.label, ", ".join(filter(None, (f"{group.live:,} live", started, pace))))
    snapshot, recent = detail.scene.snapshot, group.recent
    if snapshot is not None and recent is not None and detail.left >= ROOMY_ROWS:
        detail.heading(f"last {snapshot.recent_ns // SECOND} s")
        _life(detail, recent.busy_ns, recent.ready_ns, recent.waiting_ns, recent.steps)
        detail.heading("since the start")
    _life(detail, group.busy_ns, group.ready_ns, group.waiting_ns, group.steps.quantiles.count)
    if not group.route:  # those of a route are made by the server
        detail.fact("made at", frame_text(group.site, detail.room))
    tasks = [task for task in view.tasks if task.group == group.number]
    waits = Counter((waits_on(t), file_line(t.place)) for t in tasks if waits_on(t))
    if waits and detail.left > 2:
        listed = min(len(tasks), group.live)
        of = f"of {listed} shown" if group.live > len(tasks) else ""
        detail.heading("waiting now", of)
        spare = MIN_HISTOGRAM_ROWS + 2 if detail.left > MIN_HISTOGRAM_ROWS + 3 else 0
        for (what, where), count in waits.most_common(max(1, min(5, detail.left - spare))):
            line = detail.line().add(f"{count:>5,} ", theme.strong)
            detail.put(line.add(clean(what), theme.text).add(f"  {clean(where)}", theme.dim))
    _histograms(detail, group, "all its tasks")
    _lines_around(detail, waits_at(group, view), source)
    return detail.done()


def _lines_around(detail: Detail, where: Location | None, source: Source) -> None:
    """The app's own line at which most of them wait, and its function as far as there is room."""
    around = min((detail.left - 2) // 2, MOST_AROUND)
    if where is None or around < 2 or not (lines := source(where, around)):
        return
    above = [n for n, _ in lines if n < where.line and _parts_functions(lines, n)]
    below = [n for n, _ in lines if n > where.line and _parts_functions(lines, n)]
    first, end = max(above, default=0), min(below, default=where.line + around + 1)
    theme, glyphs = detail.scene.theme, detail.scene.glyphs
    detail.heading("most of them wait at", frame_text(where, detail.width - 30))
    for number, text in lines:
        if not first < number < end:
            continue
        here = number == where.line
        line = detail.line().add(glyphs.pointer if here else " ", theme.accent)
        line.add(f"{number:>4} ", theme.faint)
        style = theme.strong if here else theme.dim
        detail.put(line.add(fit(clean(text), line.left - 1, glyphs.more), style))


def _parts_functions(lines: Sequence[tuple[int, str]], number: int) -> bool:
    """Whether it is one of two blank lines in a row."""
    blank = {n for n, text in lines if not text.strip()}
    return number in blank and bool(blank & {number - 1, number + 1})


def draw_server(detail: Detail) -> list[Strip]:
    """What the server's own tasks are."""
    detail.title("the server's own tasks")
    detail.fact("", "They accept connections, start the app and end it. No request waits for one.")
    return detail.done()


def draw_trouble(detail: Detail) -> list[Strip]:
    """The meanings of the words for tasks in trouble, and what to do."""
    detail.title("tasks in trouble", style=detail.scene.theme.alarm)
    for title, text in (
        ("raised", "with an exception that nobody ever retrieved: await the task"),
        ("lost", "destroyed while it waited: keep a reference to it"),
        ("outlived", "went on after the task that made it: use a TaskGroup"),
    ):
        detail.fact(title, text, rows=2)
    return detail.done()


def _life(detail: Detail, busy: int, ready: int, waiting: int, steps: int) -> None:
    """A bar of its whole life in three parts, and the parts in words."""
    theme, glyphs = detail.scene.theme, detail.scene.glyphs
    whole = busy + ready + waiting
    room = detail.width - 2
    parts = (
        ("busy", busy, State.RUN, theme.text),
        ("ready", ready, State.READY, theme.warm),
        ("waiting", waiting, State.AWAIT, theme.dim),
    )
    bar, words = detail.line(), detail.line()
    done = 0
    for name, ns, state, style in parts:
        done += ns
        until = 1 + (round(room * done / whole) if whole else 0)
        share = f"{100 * ns / whole:.0f}%" if whole else "0%"
        cells = max(until - bar.used, int(share != "0%" and bar.used < room))
        bar.add(glyphs.of(state) * cells, theme.of(state))
        words.add(glyphs.of(state), theme.of(state))
        words.add(
            f" {name} {share} {took(ns)}  " if room >= TIMES_CELLS else f" {name} {share}  ", style
        )
    if words.left > 14:
        words.add(f"{steps:,} step{'s' if steps != 1 else ''}", theme.dim)
    detail.put(bar)
    detail.put(words)


def _family(detail: Detail, task: TaskInfo, view: TaskTable) -> None:
    """The task's parents, its children, and what woke it."""
    known = {each.number: each for each in (*view.troubled, *view.tasks)}
    arrow = detail.scene.glyphs.arrow

    def label_of(number: int) -> str:
        each = known.get(number)
        return f"#{number} {each.label}" if each else f"#{number} (ended)"

    chain: list[str] = []
    number = task.parent
    while number and len(chain) < 8:
        chain.insert(0, label_of(number))
        number = known[number].parent if number in known else 0
    parents = f" {arrow} ".join([*chain, f"#{task.number}"]) if chain else ""
    detail.fact("tree", parents, rows=2)
    if task.orphan and not task.outcome:
        detail.fact("", "its parent has ended: nobody awaits it", detail.scene.theme.warm)
    children = [each for each in view.tasks if each.parent == task.number]
    if children:
        names = ", ".join(f"#{each.number} {each.label}" for each in children[:4])
        more = f" and {len(children) - 4} more" if len(children) > 4 else ""
        detail.fact("children", f"{names}{more}", rows=2)
    if task.waker:
        detail.fact("woken by", label_of(task.waker))


def _stack_rows(left: int, group: TaskGroupInfo | None) -> int:
    """The rows that the stack may fill, so that the histograms fit where there is room."""
    spare = MIN_HISTOGRAM_ROWS + 3 if group is not None and left >= 16 else 0
    return left - spare


def _histograms(detail: Detail, group: TaskGroupInfo, of: str) -> None:
    """Step times and ready delays, side by side."""
    scene, rows = detail.scene, detail.left - 2
    if rows < MIN_HISTOGRAM_ROWS - 1:
        return
    rows = min(rows, 12)
    half = detail.width // 2
    theme = scene.theme
    heads = detail.line()
    for name, spread, column in (
        ("step", group.steps, 0),
        ("ready delay", group.delays, half),
    ):
        heads.to(column + 1, theme.text).add(name, theme.strong)
        heads.add(_quantiles(spread, half - len(name) - 3), theme.dim)
    detail.heading(f"steps of {of}", group.label)
    detail.put(heads)
    detail.side_by_side(
        draw_histogram(group.steps.buckets, scene, half, rows, empty="no step yet", margin=2),
        draw_histogram(
            group.delays.buckets,
            scene,
            detail.width - half,
            rows,
            empty="none yet",
            style=theme.warm,
            margin=1,
        ),
    )


def _quantiles(spread: Distribution, room: int) -> str:
    found = spread.quantiles
    if not found.count:
        return ""
    longest = f"  p99 {took(found.p99_ns)} max {took(found.max_ns)}"
    return longest if len(longest) <= room else f"  p99 {took(found.p99_ns)}"
