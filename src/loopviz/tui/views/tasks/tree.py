"""The tree of who waits for whom: a row for each task, what it waits for below it."""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from textual.strip import Strip

from loopviz.model.snapshot import Location, ResourceInfo, WaitNode, WaitTree
from loopviz.tui.draw.text import Line, cell_width, clean, first_fitting, took
from loopviz.tui.panels.detail import Detail
from loopviz.tui.panels.names import short_name, short_name_of
from loopviz.tui.panels.places import file_line, frame_text
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import MARGIN_CELLS, Column, Table
from loopviz.tui.views.tasks.groups import servers_of
from loopviz.tui.views.tasks.names import tasks_of
from loopviz.tui.views.tasks.row import SERVER, TaskKey, server_name
from loopviz.tui.views.tasks.table import title_note
from loopviz.tui.views.tasks.wait_words import node_name, node_tone, wait_words

__all__ = ["TREE_COLUMNS", "TreePanel", "draw_tree_title"]


@dataclass(frozen=True, slots=True)
class _Row:
    """A node, as it is drawn."""

    node: WaitNode
    name: str
    options: list[str]
    """What it waits for; the longest words first."""
    lasts: str
    line: str

    @property
    def text(self) -> str:
        """The text that a filter searches."""
        return clean(f"{self.name} #{self.node.task} {self.options[0]} {self.line}").lower()


def _columns(name: int, waits: int, line: int) -> tuple[Column, ...]:
    return (
        Column(
            "task",
            name,
            lambda row: row.name,
            "below a task: what it waits for. + and -: right and left open and close it",
            left=True,
        ),
        Column(
            "waits for",
            waits,
            lambda row: first_fitting(row.options, waits),
            "through gather, TaskGroup or wait_for for the tasks below it; a lock or pool: its "
            "holders stand below it",
            lambda row, scene: getattr(scene.theme, node_tone(row.node)),
            left=True,
        ),
        Column("for", 6, lambda row: row.lasts, "how long; of several, the one that waits longest"),
        Column(
            "at",
            line,
            lambda row: row.line,
            "the line at which it waits",
            lambda _, scene: scene.theme.accent,
            left=True,
        ),
    )


TREE_COLUMNS = _columns(30, 26, 14)
_FIXED_CELLS = 6 + 3
"""Cells of the column with the duration, and of the gaps between columns."""


def _fitting(width: int) -> tuple[Column, ...]:
    """The columns, as wide as there is room for."""
    room = width - MARGIN_CELLS - _FIXED_CELLS
    line = min(24, max(10, room * 24 // 100))
    name = max(16, (room - line) * 52 // 100)
    return _columns(name, max(8, room - line - name), line)


class TreePanel:
    """Remembers which rows are closed, and what was drawn where."""

    def __init__(self) -> None:
        self._table = Table(TREE_COLUMNS)
        self._closed: set[TaskKey] = set()
        self._nodes: dict[Hashable, WaitNode] = {}
        self._tree: WaitTree | None = None
        self._made: list[list[_Row]] = []
        """The rows of each root of that tree."""

    def node(self, key: Hashable) -> WaitNode | None:
        """The node of that row."""
        return self._nodes.get(key)

    def unfold(self, key: Hashable, *, open_: bool) -> bool:
        """Open what is below the row, or close it. False: there is nothing to open or close."""
        node = self._nodes.get(key)
        if node is None or not node.parent or open_ == (node.key not in self._closed):
            return False
        self._closed ^= {node.key}
        self._tree = None
        return True

    def is_open(self, key: TaskKey) -> bool:
        return key not in self._closed

    def above(self, key: Hashable) -> TaskKey | None:
        """The row that the row with that key is below."""
        above: list[WaitNode] = []
        for node in self._nodes.values():
            del above[node.depth :]
            if node.key == key:
                return above[-1].key if above else None
            above.append(node)
        return None

    def rows(self, scene: Scene, *, server_open: bool = True) -> list[_Row]:
        """The rows that are open: pinned branches first, those with the filter's text alone.

        The server's own tasks are last, behind one row unless they are asked for.
        """
        branches = self._branches(scene)
        if wanted := scene.view_state.filter:
            branches = [rows for rows in branches if any(wanted in row.text for row in rows)]
        pins = scene.view_state.pins
        branches = sorted(branches, key=lambda rows: all(row.node.key not in pins for row in rows))
        hidden = servers_of(tasks_of(scene)) if not wanted else frozenset()
        own = [rows for rows in branches if rows[0].node.task in hidden and _is_quiet(rows, pins)]
        rest = [rows for rows in branches if not any(rows is each for each in own)]
        if rest and own:
            rest.append([_server_row(own, open_=server_open)])
            branches = [*rest, *(own if server_open else ())]
        return [row for rows in branches for row in self._open(rows)]

    def draw(self, rows: Sequence[_Row], scene: Scene, width: int, height: int) -> list[Strip]:
        self._table.columns = _fitting(width)
        pins = scene.view_state.pins
        return self._table.draw(
            [(row.node.key, row) for row in rows],
            scene,
            width,
            height,
            empty=_empty(scene),
            marks=lambda key: "*" if key in pins else " ",
        )

    def row_at(self, y: int) -> Hashable | None:
        return self._table.row_at(y)

    def draw_fact(self, key: Hashable, detail: Detail) -> None:
        """What the row waits for, in all words."""
        node = self._nodes.get(key)
        if node is None:
            return
        glyphs, theme = detail.scene.glyphs, detail.scene.theme
        words = wait_words(node, short_name_of(node.what, detail.scene), glyphs)[0]
        detail.fact("waits for", words, getattr(theme, node_tone(node)), rows=2)
        detail.fact("at", frame_text(node.location, detail.room), theme.accent)

    def draw_alone(self, key: Hashable, detail: Detail) -> None:
        """All about a row whose task is not listed, or that is not known."""
        node = self._nodes.get(key)
        if node is not None:
            detail.title(node_name(node, detail.scene.glyphs))
            self.draw_fact(key, detail)
        else:
            detail.title("who waits for whom")
            detail.text(
                "A row that is chosen shows all about its task here.", detail.scene.theme.dim
            )

    def location(self, key: Hashable) -> Location | None:
        node = self._nodes.get(key)
        return node.location if node is not None else None

    def _branches(self, scene: Scene) -> list[list[_Row]]:
        """The rows of each root; made once for each tree, as they may be many."""
        tree = scene.tree
        if tree is None:
            self._nodes, self._tree = {}, None
            return []
        if self._tree is not tree:
            self._nodes = {node.key: node for node in tree.nodes}
            names = {one.name: short_name(one, scene) for one in _resources(scene)}
            self._made = [
                [self._row(node, scene, names, tree.at_ns) for node in branch]
                for branch in _branches(tree)
            ]
            self._tree = tree
        return self._made

    def _row(self, node: WaitNode, scene: Scene, names: Mapping[str, str], at_ns: int) -> _Row:
        name = names.get(node.what, node.what)
        sign = ("- " if node.key not in self._closed else "+ ") if node.parent else "  "
        return _Row(
            node,
            f"{'  ' * node.depth}{sign}{node_name(node, scene.glyphs)}",
            wait_words(node, name, scene.glyphs),
            took(max(at_ns - node.since_ns, 0)) if node.since_ns else "",
            file_line(node.location),
        )

    def _open(self, rows: Sequence[_Row]) -> Iterator[_Row]:
        closed = -1
        for row in rows:
            if closed >= 0 and row.node.depth > closed:
                continue
            closed = row.node.depth if row.node.key in self._closed else -1
            yield row


def _is_quiet(rows: Sequence[_Row], pins: Collection[object]) -> bool:
    """Whether nothing in the branch wants to be seen: no pin, no deadlock."""
    return not any(row.node.deadlock or row.node.key in pins for row in rows)


def _server_row(branches: Sequence[Sequence[_Row]], *, open_: bool) -> _Row:
    """The head of the server's own tasks."""
    count = sum(rows[0].node.count for rows in branches)
    node = replace(
        branches[0][0].node, key=SERVER, task=0, count=count, parent=False, location=None
    )
    return _Row(node, server_name(count, open_=open_), ["what the server runs for itself"], "", "")


def _branches(tree: WaitTree) -> Iterator[list[WaitNode]]:
    """The nodes of each root."""
    branch: list[WaitNode] = []
    for node in tree.nodes:
        if not node.depth and branch:
            yield branch
            branch = []
        branch.append(node)
    if branch:
        yield branch


def _resources(scene: Scene) -> tuple[ResourceInfo, ...]:
    return scene.snapshot.resources if scene.snapshot is not None else ()


def _empty(scene: Scene) -> str:
    if scene.view_state.filter:
        return f'Nothing in the tree has "{scene.view_state.filter}" in it: esc shows all.'
    if scene.frozen and scene.tree is None:
        now = scene.keys.label("now")
        return f"The tree is only known live, and was not open at the freeze: {now} goes back."
    return "No tasks yet."


def draw_tree_title(scene: Scene, width: int) -> Strip:
    """`TASKS 42 live · who waits for whom · 4 in a deadlock`; what does not fit is left out."""
    theme, tree = scene.theme, scene.tree
    line = Line(width).add(" TASKS ", theme.title)
    if tree is None:
        return line.add("who waits for whom", theme.text).strip(theme.text)
    tied = sum(node.count for node in tree.nodes if node.deadlock and node.key[0] != "again")
    parts = [
        (f"{tree.live:,} live", theme.strong, True),
        (f"{tied:,} in a deadlock", theme.alarm, bool(tied)),
        (f"{tree.rest:,} not shown", theme.warm, bool(tree.rest)),
        ("who waits for whom", theme.text, True),
        ("what tasks await is not read yet", theme.dim, not tree.read_ns),
    ]
    gap, end = "", title_note(scene)
    for text, style, shown in parts:
        if shown and cell_width(gap + text) <= line.left - cell_width(end) - 2:
            line.add(gap, theme.faint).add(text, style)
            gap = f" {scene.glyphs.dot} "
    if end:
        line.end(f"{end} ", theme.warm, theme.text)
    return line.strip(theme.text)
