"""From a request's spans to cells of one lane.

A cell that one state fills shows the state's glyph. Where states share a cell the longest wins,
but a blocking slice always gets a cell (its last one is the bang), and a run slice stays visible
as a sliver unless ready delay fills the cell.
"""

from collections.abc import Sequence
from functools import lru_cache

from rich.style import Style

from loopviz.model.snapshot import RequestInfo, Span, State
from loopviz.model.state.stalls import SLOW_NS
from loopviz.tui.draw.glyphs import Glyphs
from loopviz.tui.draw.palette import Theme
from loopviz.tui.draw.time_columns import Columns

__all__ = ["Cell", "Cells", "LaneCells", "draw_shape", "idle", "shape", "shared_cell"]

Cell = tuple[str, Style]
Cells = tuple[list[str], list[Style]]

CELL_PARTS = 256
"""Parts of a cell that several slices share; a slice takes at least one. With fewer parts the short
slices of several requests in one cell would count for too much."""

MAX_PIECES = 24
"""Pieces of a cell beyond which only a blocking one is added: more do not change its glyph."""

_WAITS = tuple(state for state in State if state.waits)

Piece = tuple[int, int, State | None]
"""From part, to part, state; None as state is the bang of a blocking slice."""

Shape = tuple[tuple[tuple[int, int, State], ...], tuple[tuple[int, Piece], ...]]
"""Runs of full cells (first, after last, state), and pieces of shared ones, on the grid."""


def shape(spans: Sequence[Span], cell_ns: int) -> Shape:
    """The cells of the spans on the grid. They depend on nothing else, so they can be kept."""
    full: list[tuple[int, int, State]] = []
    pieces: list[tuple[int, Piece]] = []
    for start, end, state in spans:
        if end <= start:
            continue
        first, last = start // cell_ns, (end - 1) // cell_ns
        from_part = (start - first * cell_ns) * CELL_PARTS // cell_ns
        to_part = -(-(end - last * cell_ns) * CELL_PARTS // cell_ns)
        if state is State.BLOCKING:
            bang = last if first == last or to_part * 2 >= CELL_PARTS else last - 1
            pieces.append((bang, (0, CELL_PARTS, None)))
            if bang < last:
                pieces.append((last, (0, to_part, state)))
            last = bang - 1
            to_part = CELL_PARTS
            if last < first:
                continue
        if first == last:
            if from_part == 0 and to_part == CELL_PARTS:
                full.append((first, first + 1, state))
            else:
                pieces.append((first, (from_part, max(to_part, from_part + 1), state)))
            continue
        if from_part:
            pieces.append((first, (from_part, CELL_PARTS, state)))
            first += 1
        if to_part < CELL_PARTS:
            pieces.append((last, (0, to_part, state)))
            last -= 1
        if first <= last:
            full.append((first, last + 1, state))
    return tuple(full), tuple(pieces)


class LaneCells:
    """One lane's cells, kept from frame to frame: what has ended is drawn once, then moves.

    A request that has ended must not change any more, and requests come in order.
    """

    def __init__(self, theme: Theme, glyphs: Glyphs) -> None:
        self._theme, self._glyphs = theme, glyphs
        self._known: list[int] = []
        self._first = 0
        self._grid = (0, 0)
        self._cells: Cells = ([], [])
        self._shared: dict[int, list[Piece]] = {}

    def cells(self, requests: Sequence[RequestInfo], columns: Columns) -> Cells:
        """The lane over the columns; idle cells are spaces. The lists are the caller's."""
        start_ns = columns.start_ns
        ended = [request for request in requests if request.end_ns > start_ns and not request.open]
        numbers = [request.number for request in ended]
        grid = (columns.cell_ns, columns.count)
        known = self._known
        if numbers and known and numbers[0] in known:
            known = known[known.index(numbers[0]) :]
        moved = columns.first - self._first
        if grid != self._grid or moved < 0 or numbers[: len(known)] != known:
            known = []
            blank = idle(columns.count, self._theme)
            self._grid, self._cells, self._shared = grid, blank, {}
        elif moved:
            chars, styles = self._cells
            fresh = idle(min(moved, columns.count), self._theme)
            self._cells = (chars[moved:] + fresh[0], styles[moved:] + fresh[1])
        self._first, self._known = columns.first, numbers
        touched: set[int] = set()
        for request in ended[len(known) :]:
            touched |= self._put(self._cells, self._shared, request, columns)
        _resolve(touched, self._cells, self._shared, columns, self._theme, self._glyphs)
        if self._shared and len(self._shared) > 8:
            newest = max(self._shared)
            self._shared = {c: p for c, p in self._shared.items() if c >= newest - 2}
        cells = (self._cells[0].copy(), self._cells[1].copy())
        for request in requests:
            if request.open and request.spans:
                near = {column: pieces.copy() for column, pieces in self._shared.items()}
                touched = self._put(cells, near, request, columns)
                _resolve(touched, cells, near, columns, self._theme, self._glyphs)
        return cells

    def _put(
        self, cells: Cells, shared: dict[int, list[Piece]], request: RequestInfo, columns: Columns
    ) -> set[int]:
        """Full cells at once; the numbers of those that it shares, whose pieces it adds."""
        spans = request.spans
        first = request.start_ns // columns.cell_ns
        full = len(shared.get(first, ())) >= MAX_PIECES
        if full and request.busy_ns < SLOW_NS and (request.end_ns - 1) // columns.cell_ns == first:
            return set()
        if request.open:  # to the end of its column, so that the row holds until the grid moves
            start, _, state = spans[-1]
            spans = (*spans[:-1], (start, columns.after_ns, state))
        what = shape(spans, columns.cell_ns)
        return _gather(what, cells, shared, columns, self._theme, self._glyphs)


def idle(count: int, theme: Theme) -> Cells:
    """Cells in which nothing is."""
    return [" "] * count, [theme.text] * count


def draw_shape(what: Shape, cells: Cells, columns: Columns, theme: Theme, glyphs: Glyphs) -> None:
    """Draw a shape over the cells."""
    shared: dict[int, list[Piece]] = {}
    touched = _gather(what, cells, shared, columns, theme, glyphs)
    _resolve(touched, cells, shared, columns, theme, glyphs)


def _gather(
    what: Shape,
    cells: Cells,
    shared: dict[int, list[Piece]],
    columns: Columns,
    theme: Theme,
    glyphs: Glyphs,
) -> set[int]:
    """Draw the full cells; add the pieces to those that lie in a cell already, and say where."""
    chars, styles = cells
    first, count = columns.first, columns.count
    full, pieces = what
    for start, end, state in full:
        a, b = max(0, start - first), min(count, end - first)
        if a < b:
            chars[a:b] = [glyphs.of(state)] * (b - a)
            styles[a:b] = [theme.of(state)] * (b - a)
    touched: set[int] = set()
    for cell, piece in pieces:
        if 0 <= cell - first < count:
            here = shared.setdefault(cell, [])
            if len(here) >= MAX_PIECES and (piece[2] is not None or _bangs(here)):
                continue
            here.append(piece)
            touched.add(cell)
    return touched


def _resolve(
    touched: set[int],
    cells: Cells,
    shared: dict[int, list[Piece]],
    columns: Columns,
    theme: Theme,
    glyphs: Glyphs,
) -> None:
    """Draw the shared cells, each once: from afar hundreds of slices lie in one."""
    chars, styles = cells
    for cell in touched:
        at = cell - columns.first
        chars[at], styles[at] = shared_cell(tuple(shared[cell]), theme, glyphs)


def _bangs(pieces: list[Piece]) -> bool:
    return any(state is None for _, _, state in pieces)


@lru_cache(maxsize=1024)
def shared_cell(pieces: tuple[Piece, ...], theme: Theme, glyphs: Glyphs) -> Cell:
    """One glyph for a cell that several slices, or a part of one, lie in."""
    total = dict.fromkeys(State, 0)
    for start, end, state in pieces:
        if state is None:
            return glyphs.bang, theme.bang
        total[state] += end - start
    if not theme.edges or not glyphs.eighths:
        return _plain(total, theme, glyphs)
    row = _sequence(pieces)
    if len(row) == 2:
        return _edge(row[0], row[1], theme, glyphs)
    if len(row) == 1 and (only := row[0][1]) is not None and not total[State.RUN]:
        return glyphs.of(only), theme.of(only)
    return _sliver(total, theme, glyphs)


def _sequence(pieces: tuple[Piece, ...]) -> list[tuple[int, State | None]]:
    """(parts, state or idle) from left to right; neighbours of one state are one."""
    row: list[tuple[int, State | None]] = []
    at = 0

    def put(parts: int, state: State | None) -> None:
        if row and row[-1][1] == state:
            row[-1] = (row[-1][0] + parts, state)
        elif parts > 0:
            row.append((parts, state))

    for start, end, state in sorted(pieces, key=lambda piece: piece[:2]):
        put(start - at, None)
        put(end - max(start, at), state)
        at = max(at, end)
    put(CELL_PARTS - at, None)
    return row


def _edge(
    left: tuple[int, State | None], right: tuple[int, State | None], theme: Theme, glyphs: Glyphs
) -> Cell:
    """Two states side by side: a block of the left one's colour on the right one's."""
    thin = (None, State.AWAIT, State.THREAD)
    if left[1] in thin and right[1] in thin:
        if State.THREAD in (left[1], right[1]):
            longer = left[1] if left[0] * 2 >= CELL_PARTS else right[1]
            return (glyphs.of(longer), theme.of(longer)) if longer else (" ", theme.text)
        half = glyphs.half_left if left[1] else glyphs.half_right
        return half, theme.waiting
    eighths = min(7, max(1, round(left[0] * 8 / CELL_PARTS)))
    return glyphs.eighths[eighths], theme.edge(left[1], right[1])


def _sliver(total: dict[State, int], theme: Theme, glyphs: Glyphs) -> Cell:
    """More than two: amounts are exact, places are not."""
    ready, resource = total[State.READY], total[State.RESOURCE]
    if total[State.BLOCKING]:
        return glyphs.of(State.BLOCKING), theme.blocking
    if total[State.GIL]:
        return glyphs.of(State.GIL), theme.gil
    solid = State.RUN if total[State.RUN] and ready * 2 < CELL_PARTS else State.READY
    waits = max(_WAITS, key=lambda state: total[state])
    if not total[State.RUN] and ready * 8 < CELL_PARTS and ready < total[waits]:
        if waits is State.AWAIT and total[waits] * 2 < CELL_PARTS:
            return glyphs.half_right, theme.waiting
        return glyphs.of(waits), theme.of(waits)
    eighths = min(8, max(1, round(total[solid] * 8 / CELL_PARTS)))
    if eighths == 8:
        return glyphs.of(solid), theme.of(solid)
    behind = State.READY if solid is State.RUN and ready * 4 >= CELL_PARTS else None
    behind = State.RESOURCE if behind is None and resource * 4 >= CELL_PARTS else behind
    return glyphs.eighths[eighths], theme.edge(solid, behind)


def _plain(total: dict[State, int], theme: Theme, glyphs: Glyphs) -> Cell:
    """Without colours to share a cell: the longest state, run counting for more."""
    total = dict(total)
    total[State.RUN] *= 4
    slow = (state for state in (State.BLOCKING, State.GIL) if total[state])
    state = next(slow, None) or max(total, key=lambda state: total[state])
    return glyphs.of(state), theme.of(state)
