"""The rows of the tasks view: groups and their tasks, filtered, sorted, folded."""

from collections.abc import Callable, Collection

from loopviz.model.snapshot import TaskGroupInfo, TaskInfo, TaskTable
from loopviz.tui.draw.glyphs import Glyphs
from loopviz.tui.views.tasks.groups import is_servers
from loopviz.tui.views.tasks.row import (
    TaskKey,
    TaskRow,
    group_row,
    more_row,
    server_row,
    task_row,
    trouble_row,
)

__all__ = ["ORDERS", "task_rows"]

TROUBLED_ROWS = 3
"""Rows of tasks in trouble while their head row is collapsed."""

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
    view: TaskTable,
    at_ns: int,
    glyphs: Glyphs,
    *,
    order: str,
    wanted: str = "",
    is_open: Callable[[TaskGroupInfo], bool],
    filling: int = 0,
    most: int = 0,
    trouble_open: bool = False,
    server_open: bool = False,
    pins: Collection[object] = (),
    kept: TaskInfo | None = None,
    room: tuple[int, int] = (24, 40),
) -> list[TaskRow]:
    """From the top: what is pinned, tasks in trouble, groups with their tasks if open, the server.

    The server's own groups are behind one row unless they are asked for, by `server_open`, a pin or
    a filter.

    Of the group with the number `filling` so many tasks are shown that there are `most` rows.
    `wanted` is in small letters; `kept` is a task that is shown although it is not listed, or not
    among the first in trouble; `room` is what a name has, and what it waits on.
    """
    sort = ORDERS[order]
    members: dict[int, list[TaskInfo]] = {}
    for task in view.tasks:
        members.setdefault(task.group, []).append(task)
    in_trouble = list(view.troubled)
    if kept is not None and kept not in view.tasks and kept not in in_trouble:
        if kept.never_retrieved or kept.outlived_ns or kept.outcome == "lost":
            in_trouble.append(kept)
        else:
            members.setdefault(kept.group, []).append(kept)
    troubled = [task_row(task, at_ns, glyphs, "", room[1]) for task in in_trouble]
    troubled = [row for row in troubled if wanted in row.text]
    stays = ("task", kept.number) if kept is not None else None
    pinned: list[TaskRow] = []
    rows: list[tuple[TaskRow, list[TaskRow]]] = []
    servers: list[tuple[TaskRow, list[TaskRow]]] = []
    for group in view.groups:
        tasks = members.get(group.number, [])
        if not group.live and not group.started:
            continue
        own = [task_row(task, at_ns, glyphs, group.label, room[1]) for task in tasks]
        whole = group_row(group, tasks, room, open_=False, glyphs=glyphs)
        found = own if wanted in whole.text else [row for row in own if wanted in row.text]
        pinned += [row for row in own if row.key in pins]
        if wanted and not found and wanted not in whole.text:
            continue
        open_ = is_open(group) or bool(wanted and wanted not in whole.text)
        fills = group.number == filling and not open_
        head = group_row(group, tasks, room, open_=open_ or fills, glyphs=glyphs)
        part = servers if is_servers(group) and not wanted and head.key not in pins else rows
        part.append((head, found if open_ or fills else []))
    rows.sort(key=lambda pair: (pair[0].key not in pins, *sort(pair[0])))
    servers.sort(key=lambda pair: sort(pair[0]))
    if servers:
        server_open = server_open or not rows
        heads = [head for head, _ in servers]
        rows.append((server_row(heads, room[1], open_=server_open), []))
        rows += servers if server_open else []
    heads = [head for head, _ in rows]
    top = [
        *pinned,
        *_troubled(view, troubled, stays, room[1], trouble_open=trouble_open, glyphs=glyphs),
    ]
    pinned_keys = {row.key for row in pinned}
    inner = {
        head.key: sorted((row for row in tasks if row.key not in pinned_keys), key=sort)
        for head, tasks in rows
    }
    if filling and ("group", filling) in inner:
        left = most - len(top) - len(heads) - sum(map(len, inner.values()))
        _cut(inner, filling, left, stays)
    return [*top, *(row for head in heads for row in (head, *inner[head.key]))]


def _cut(
    inner: dict[TaskKey, list[TaskRow]], filling: int, left: int, stays: TaskKey | None
) -> None:
    """Cut the group that fills the free rows; `-left` of its rows are too many.

    The row with the cursor stays.
    """
    tasks = inner["group", filling]
    if left < 0:
        kept = max(len(tasks) + left - 1, 0)
        at = next((i for i, row in enumerate(tasks) if row.key == stays), 0)
        if at >= kept > 0:
            tasks.insert(kept - 1, tasks.pop(at))
        inner["group", filling] = [*tasks[:kept], more_row(filling, tasks[kept:])]


def _troubled(
    view: TaskTable,
    rows: list[TaskRow],
    stays: TaskKey | None,
    room: int,
    *,
    trouble_open: bool,
    glyphs: Glyphs,
) -> list[TaskRow]:
    if not rows:
        return []
    more = len(rows) > TROUBLED_ROWS
    visible = rows
    if not trouble_open:
        later = [row for row in rows[TROUBLED_ROWS:] if row.key == stays]
        visible = [*rows[:TROUBLED_ROWS], *later]
    sign = f"{'-' if trouble_open else '+'} " if more else "  "
    return [trouble_row(view, rows, room, sign=sign, glyphs=glyphs), *visible]
