"""The rows of the tasks view: groups and their tasks, filtered, sorted, folded."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from loopviz.model.snapshot import GroupView, TasksView, TaskView
from loopviz.tui.paint.glyphs import Glyphs
from loopviz.tui.paint.task_words import at_line, fitting, state_words, told_of, waits_on
from loopviz.tui.paint.text import clean

__all__ = [
    "ORDERS",
    "TROUBLE",
    "Key",
    "TaskRow",
    "task_rows",
]

Key = tuple[str, int]
"""`("task", number)`, `("group", number)`, or `TROUBLE`."""

TROUBLE: Key = ("trouble", 0)
FIRST_TROUBLED = 3
"""Tasks in trouble that are shown until their row is opened."""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A group, or a task. The names of a row are cleaned when they are painted."""

    key: Key
    name: str
    state: str
    tone: str
    """`alarm`, `warm`, `text`, `strong` or `dim`: a style of the palette."""
    busy_ns: int
    ready_ns: int
    waiting_ns: int
    steps: int
    p99_ns: int
    """Of a group's steps; -1 of a task."""
    on: str
    text: str
    """What a filter looks at."""

    @property
    def total_ns(self) -> int:
        return self.busy_ns + self.ready_ns + self.waiting_ns


ORDERS: dict[str, Callable[[TaskRow], tuple[int, ...]]] = {
    "busy": lambda row: (-row.busy_ns,),
    "ready": lambda row: (-row.ready_ns,),
    "waiting": lambda row: (-row.waiting_ns,),
    "total": lambda row: (-row.total_ns,),
    "steps": lambda row: (-row.steps,),
    "p99 step": lambda row: (-row.p99_ns, -row.busy_ns // max(1, row.steps)),
    "oldest": lambda row: (row.key[1],),
}
"""The view's orders: what each sorts by."""


def task_rows(
    view: TasksView,
    at_ns: int,
    glyphs: Glyphs,
    *,
    order: str,
    wanted: str = "",
    is_open: Callable[[GroupView], bool],
    trouble_open: bool = False,
    pins: Collection[object] = (),
    kept: TaskView | None = None,
    room: tuple[int, int] = (24, 40),
) -> list[TaskRow]:
    """From the top: what is pinned, tasks in trouble, then groups, with their tasks if open.

    `wanted` is in small letters; `kept` is a task that is shown although it is not listed, or not
    among the first in trouble; `room` is what a name has, and what it waits on.
    """
    sort = ORDERS[order]
    members: dict[int, list[TaskView]] = {}
    for task in view.tasks:
        members.setdefault(task.group, []).append(task)
    in_trouble = list(view.troubled)
    if kept is not None and kept not in view.tasks and kept not in in_trouble:
        if kept.never_retrieved or kept.outlived_ns or kept.outcome == "lost":
            in_trouble.append(kept)
        else:
            members.setdefault(kept.group, []).append(kept)
    troubled = [_task(task, at_ns, glyphs, "", room[1]) for task in in_trouble]
    troubled = [row for row in troubled if wanted in row.text]
    stays = ("task", kept.number) if kept is not None else None
    pinned, rows = [], []
    for group in view.groups:
        tasks = members.get(group.number, [])
        if not group.live and not group.started:
            continue
        own = [_task(task, at_ns, glyphs, group.label, room[1]) for task in tasks]
        whole = _group(group, tasks, room, open_=False, glyphs=glyphs)
        found = own if wanted in whole.text else [row for row in own if wanted in row.text]
        pinned += [row for row in own if row.key in pins]
        if wanted and not found and wanted not in whole.text:
            continue
        open_ = is_open(group) or bool(wanted and wanted not in whole.text)
        rows.append(
            (_group(group, tasks, room, open_=open_, glyphs=glyphs), found if open_ else [])
        )
    rows.sort(key=lambda pair: (pair[0].key not in pins, *sort(pair[0])))
    return [
        *pinned,
        *_troubled(view, troubled, stays, room[1], trouble_open=trouble_open, glyphs=glyphs),
        *_flat(rows, sort, {row.key for row in pinned}),
    ]


def _flat(
    rows: Sequence[tuple[TaskRow, list[TaskRow]]],
    sort: Callable[[TaskRow], tuple[int, ...]],
    shown: Collection[Key],
) -> Iterator[TaskRow]:
    for group, tasks in rows:
        yield group
        yield from sorted((row for row in tasks if row.key not in shown), key=sort)


def _troubled(
    view: TasksView,
    rows: list[TaskRow],
    stays: Key | None,
    room: int,
    *,
    trouble_open: bool,
    glyphs: Glyphs,
) -> list[TaskRow]:
    if not rows:
        return []
    kinds = {
        "never retrieved": view.never_retrieved,
        "lost": view.lost,
        "outlived their parent": view.outlived_parent,
    }
    words = ", ".join(f"{count:,} {word}" for word, count in kinds.items() if count)
    more = len(rows) > FIRST_TROUBLED
    shown = rows
    if not trouble_open:
        later = [row for row in rows[FIRST_TROUBLED:] if row.key == stays]
        shown = [*rows[:FIRST_TROUBLED], *later]
    sign = f"{'-' if trouble_open else '+'} " if more else "  "
    busy, ready, waiting, steps = _sums(rows)
    head = TaskRow(
        TROUBLE,
        f"{sign}IN TROUBLE",
        f"{glyphs.bang} last {len(rows)}",
        "alarm",
        busy,
        ready,
        waiting,
        steps,
        -1,
        fitting([words, ""], room),
        "",
    )
    return [head, *shown]


def _sums(rows: Sequence[TaskRow]) -> tuple[int, int, int, int]:
    return (
        sum(row.busy_ns for row in rows),
        sum(row.ready_ns for row in rows),
        sum(row.waiting_ns for row in rows),
        sum(row.steps for row in rows),
    )


def _group(
    group: GroupView,
    tasks: Sequence[TaskView],
    room: tuple[int, int],
    *,
    open_: bool,
    glyphs: Glyphs,
) -> TaskRow:
    made = at_line(group.site) if not group.route else ""
    sign = ("-" if open_ else "+") if tasks else " "
    name = f"{sign} {group.label if group.route else group.label.rpartition('.')[2]}"
    if made and len(name) + 2 + len(made) <= room[0]:
        name = f"{name}  {made}"
    waits = Counter(filter(None, map(waits_on, tasks)))
    told = [
        f"{what} {glyphs.times}{count}" if len(tasks) > 1 else what
        for what, count in waits.most_common(3)
    ]
    on = fitting([", ".join(told[:count]) for count in (3, 2, 1)], room[1])
    state = f"{group.live:,} live" if group.live else f"{glyphs.dot} none live"
    return TaskRow(
        ("group", group.number),
        name,
        state,
        "strong" if group.live else "dim",
        group.busy_ns,
        group.ready_ns,
        group.waiting_ns,
        group.steps.quantiles.count,
        group.steps.quantiles.p99_ns if group.steps.quantiles.count else -1,
        on,
        f"{group.label} {made}".lower(),
    )


def _task(task: TaskView, at_ns: int, glyphs: Glyphs, group: str, room: int) -> TaskRow:
    """`group`: what its group is called, which need not be said again."""
    state, tone = state_words(task, at_ns, glyphs)
    name = f"    #{task.number}" + ("" if task.label == group else f" {task.label}")
    options = told_of(task, at_ns)
    on = fitting(options, room)
    text = clean(f"{task.label} #{task.number} {state} {options[0]} {at_line(task.site)}").lower()
    return TaskRow(
        ("task", task.number),
        name,
        state,
        tone,
        task.busy_ns,
        task.ready_ns,
        task.waiting_ns,
        task.steps,
        -1,
        on,
        text,
    )
