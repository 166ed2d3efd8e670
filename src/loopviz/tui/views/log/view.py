"""The log view: what the app writes on standard output and standard error, the newest last."""

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from operator import attrgetter
from typing import ClassVar, NamedTuple

from rich.style import Style
from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.engine.output import OutputLine
from loopviz.tui.draw.text import Line, fill_rows, wrap
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import MARGIN_CELLS, Column, Table
from loopviz.tui.state.effects import Change, Effects
from loopviz.tui.state.view_state import Key, ViewState
from loopviz.tui.views.view import View

__all__ = ["LogView"]

WHOLE_ROWS = 6
"""The most rows for the whole text of the chosen line."""


class LogRow(NamedTuple):
    """A line with its number in the run, which stays the same while older ones are forgotten."""

    number: int
    line: OutputLine
    began_ns: int


def _since(row: LogRow) -> str:
    return f"{(row.line.at_ns - row.began_ns) / SECOND:.1f} s"


def _stream(row: LogRow) -> str:
    if row.line.said:
        return row.line.said
    return "err" if row.line.is_error else "out"


def _stream_style(row: LogRow, scene: Scene) -> Style:
    if row.line.said == "mark":
        return scene.theme.mark
    return scene.theme.warm if row.line.is_error or row.line.said else scene.theme.dim


COLUMNS = (
    Column("time", 9, _since, "since the run began, when loopviz read the line"),
    Column(
        "from",
        4,
        _stream,
        "out: standard output, err: standard error; log: a log record from WARNING on that was "
        "written to neither; mark: a loopviz.mark",
        _stream_style,
        left=True,
    ),
    Column(
        "line", 20, lambda row: row.line.text, "its text, without colours", left=True, wide=True
    ),
)


class LogView(View):
    """Follows the newest line until a row is chosen, which then stays in sight, as a whole."""

    NAME: ClassVar[str] = "log"
    FILTERS: ClassVar[bool] = True
    HELP: ClassVar[Sequence[tuple[str, str]]] = tuple(
        (column.title, column.help) for column in COLUMNS
    )

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._table = Table(COLUMNS)

    def keys(self, scene: Scene) -> Sequence[Key]:
        return [row.number for row in _rows(scene)]

    def move(self, scene: Scene | None, state: ViewState, by: int) -> Effects:
        """From the newest line upwards; below the last one, it is followed again."""
        numbers = [row.number for row in _rows(scene)] if scene is not None else []
        if not numbers:
            return ()
        last = len(numbers) - 1
        at = numbers.index(state.row) if state.row in numbers else last + (by < 0)
        to = max(0, at + by)
        return (Change(lambda now: now.choose(numbers[to] if to <= last else None)),)

    def enter(self, scene: Scene | None, state: ViewState) -> Effects:  # noqa: ARG002
        """Nothing: the chosen line is shown as a whole already."""
        return ()

    def row_at(self, y: int) -> Hashable | None:
        return self._table.row_at(y - 1)

    def draw(self, scene: Scene, width: int, height: int) -> list[Strip]:
        rows = _rows(scene)
        chosen = next((row for row in rows if row.number == scene.view_state.row), None)
        if chosen is None:
            self._table.to_end()
        whole = _whole(chosen, scene, width) if chosen is not None else []
        title = heading_line(width, scene, "LOG", scene.theme.title, _note(scene, rows))
        if not rows and not scene.view_state.filters.get(self.NAME):
            said = [f"  {text}" for text in wrap(_nothing(scene), width - 4)]
            empty = [
                Line(width).add(text, scene.theme.dim).strip(scene.theme.text) for text in said
            ]
            return fill_rows([title, *empty], width, height, scene.theme.text)
        table = self._table.draw(
            [(row.number, row) for row in rows],
            scene,
            width,
            height - 1 - len(whole),
            empty="No line has that in it.",
        )
        return [title, *table, *whole][:height]


def _rows(scene: Scene) -> list[LogRow]:
    """The lines that the filter lets through, up to the moment that is shown."""
    began_ns, lines, forgotten = scene.written
    wanted = scene.view_state.filters.get(LogView.NAME, "").lower()
    if scene.frozen:
        lines = lines[: bisect_right(lines, scene.end_ns, key=attrgetter("at_ns"))]
    return [
        LogRow(number, line, began_ns)
        for number, line in enumerate(lines, forgotten)
        if not wanted or wanted in line.text.lower()
    ]


def _note(scene: Scene, rows: Sequence[LogRow]) -> str:
    """`42 lines, 3 on standard error, as of the freeze`."""
    if not scene.written.lines:
        return ""
    count = len(rows)
    parts = [f"{count:,} line{'' if count == 1 else 's'}"]
    if scene.view_state.filters.get(LogView.NAME):
        parts = [f"{parts[0]} of {len(scene.written.lines):,}"]
    if errors := sum(row.line.is_error for row in rows):
        parts.append(f"{errors:,} on standard error")
    if scene.written.forgotten:
        parts.append(f"{scene.written.forgotten:,} older ones are forgotten")
    if scene.frozen:
        parts.append("up to the moment that is shown")
    return ", ".join(parts)


def _nothing(scene: Scene) -> str:
    if not scene.started_here:
        return "loopviz has not started this program: what it writes is where it was started."
    name = "The program" if scene.is_program else "The app"
    then = "by the moment that is shown" if scene.frozen else "so far"
    return f"{name} has written nothing {then}. What it prints and logs is shown here."


def _whole(row: LogRow, scene: Scene, width: int) -> list[Strip]:
    """All of a line that is too long for its row."""
    text = row.line.text
    room = width - MARGIN_CELLS - sum(column.width + 1 for column in COLUMNS[:-1])
    pieces = wrap(text, width - 4)
    if len(text) < room or len(pieces) < 1:
        return []
    shown = pieces[:WHOLE_ROWS]
    if len(pieces) > WHOLE_ROWS:
        shown[-1] += f" {scene.glyphs.more}"
    title = heading_line(width, scene, "LINE", scene.theme.title, _since(row))
    return [
        title,
        *(
            Line(width).add(f"  {piece}", scene.theme.text).strip(scene.theme.text)
            for piece in shown
        ),
    ]
