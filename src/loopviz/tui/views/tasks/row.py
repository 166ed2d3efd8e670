"""One row of the tasks view: a group, a task, or a summary of several tasks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loopviz.model.snapshot import TaskGroupInfo, TaskInfo, TaskTable, TaskTimes
from loopviz.tui.draw.glyphs import Glyphs
from loopviz.tui.draw.text import clean, first_fitting
from loopviz.tui.panels.places import file_line
from loopviz.tui.panels.task_words import situation, state_words, waits_on

__all__ = [
    "SERVER",
    "TROUBLE",
    "TaskKey",
    "TaskRow",
    "group_row",
    "more_row",
    "server_name",
    "server_row",
    "task_row",
    "trouble_row",
]

TaskKey = tuple[str, int]
"""`("task", number)`, `("group", number)`, `("more", its number)`, `TROUBLE` or `SERVER`."""

TROUBLE: TaskKey = ("trouble", 0)
SERVER: TaskKey = ("server", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A group, or a task. The names of a row are cleaned when they are drawn."""

    key: TaskKey
    name: str
    state: str
    tone: str
    """`alarm`, `warm`, `text`, `strong` or `dim`: a style of the palette."""
    busy_ns: int
    ready_ns: int
    waiting_ns: int
    steps: int
    live: int = 0
    """How many tasks of a group live; 0 for a task."""
    p99_ns: int = -1
    """The 99th percentile of a group's steps; -1 for a task."""
    recent: TaskTimes | None = None
    """What a group did lately; None for a task."""
    on: str = ""
    text: str = ""
    """The text that a filter searches."""

    @property
    def total_ns(self) -> int:
        return self.busy_ns + self.ready_ns + self.waiting_ns


def group_row(
    group: TaskGroupInfo,
    tasks: Sequence[TaskInfo],
    room: tuple[int, int],
    *,
    open_: bool,
    glyphs: Glyphs,
) -> TaskRow:
    made = file_line(group.site) if not group.route else ""
    sign = ("-" if open_ else "+") if tasks else " "
    name = f"{sign} {group.label if group.route else group.label.rpartition('.')[2]}"
    if made and len(name) + 2 + len(made) <= room[0]:
        name = f"{name}  {made}"
    waits = Counter(filter(None, map(waits_on, tasks)))
    counted = [
        f"{what} {glyphs.times}{count}" if len(tasks) > 1 else what
        for what, count in waits.most_common(3)
    ]
    on = first_fitting([", ".join(counted[:count]) for count in (3, 2, 1)], room[1])
    state = f"{group.live:,} live" if group.live else f"{glyphs.dot} none live"
    return TaskRow(
        key=("group", group.number),
        name=name,
        state=state,
        tone="strong" if group.live else "dim",
        busy_ns=group.busy_ns,
        ready_ns=group.ready_ns,
        waiting_ns=group.waiting_ns,
        steps=group.steps.quantiles.count,
        live=group.live,
        p99_ns=group.steps.quantiles.p99_ns if group.steps.quantiles.count else -1,
        recent=group.recent,
        on=on,
        text=f"{group.label} {made}".lower(),
    )


def task_row(task: TaskInfo, at_ns: int, glyphs: Glyphs, group: str, room: int) -> TaskRow:
    """`group` is the label of its group, which the row does not repeat."""
    state, tone = state_words(task, at_ns, glyphs)
    name = f"    #{task.number}" + ("" if task.label == group else f" {task.label}")
    options = situation(task, at_ns)
    on = first_fitting(options, room)
    text = clean(f"{task.label} #{task.number} {state} {options[0]} {file_line(task.site)}").lower()
    return TaskRow(
        key=("task", task.number),
        name=name,
        state=state,
        tone=tone,
        busy_ns=task.busy_ns,
        ready_ns=task.ready_ns,
        waiting_ns=task.waiting_ns,
        steps=task.steps,
        on=on,
        text=text,
    )


def trouble_row(
    view: TaskTable, rows: Sequence[TaskRow], room: int, *, sign: str, glyphs: Glyphs
) -> TaskRow:
    """The head of those in trouble."""
    kinds = {
        "never retrieved": view.never_retrieved,
        "lost": view.lost,
        "outlived their parent": view.outlived_parent,
    }
    words = ", ".join(f"{count:,} {word}" for word, count in kinds.items() if count)
    state = f"{glyphs.bang} last {len(rows)}"
    counts = first_fitting([words, ""], room)
    return _summary(rows, TROUBLE, f"{sign}IN TROUBLE", state, "alarm", counts)


def server_name(tasks: int, *, open_: bool) -> str:
    """`+ server (2 tasks)`."""
    return f"{'-' if open_ else '+'} server ({tasks:,} task{'' if tasks == 1 else 's'})"


def server_row(heads: Sequence[TaskRow], room: int, *, open_: bool) -> TaskRow:
    """The head of the server's own groups."""
    live = sum(head.live for head in heads)
    name = server_name(live, open_=open_)
    on = first_fitting(["what the server runs for itself", "its own tasks"], room)
    return _summary(heads, SERVER, name, "", "dim", on)


def more_row(number: int, rows: Sequence[TaskRow]) -> TaskRow:
    """The tasks of a group that there is no room for."""
    name = f"    and {len(rows):,} more"
    return _summary(rows, ("more", number), name, "", "dim")


def _summary(
    rows: Sequence[TaskRow], key: TaskKey, name: str, state: str, tone: str, on: str = ""
) -> TaskRow:
    return TaskRow(
        key=key,
        name=name,
        state=state,
        tone=tone,
        busy_ns=sum(row.busy_ns for row in rows),
        ready_ns=sum(row.ready_ns for row in rows),
        waiting_ns=sum(row.waiting_ns for row in rows),
        steps=sum(row.steps for row in rows),
        on=on,
    )
