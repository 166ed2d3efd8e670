"""The diagnose view: what is wrong, worst first; of the chosen one, everything."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import Finding, Location, Moment
from loopviz.tui.draw.text import Line, beside, clean, fill_rows
from loopviz.tui.panels.diagnosis import boxed
from loopviz.tui.panels.finding import heading_line
from loopviz.tui.panels.fixes import draw_fixes
from loopviz.tui.panels.layout import WIDE_CELLS, Plan
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.table import Table
from loopviz.tui.source import source_around
from loopviz.tui.state.effects import Change, Effects, Freeze
from loopviz.tui.state.view_state import LIVE, Key, ViewState
from loopviz.tui.views.diagnose.entries import COLUMNS, Entry, columns_for, entries
from loopviz.tui.views.diagnose.evidence import draw_evidence
from loopviz.tui.views.diagnose.victims import moment_key
from loopviz.tui.views.diagnose.watched import draw_watched, loop_summary
from loopviz.tui.views.live.together import TwoAtOncePanel
from loopviz.tui.views.view import View

__all__ = ["DiagnoseView"]

LIST_CELLS = 80
"""Width of a list with all its columns."""
MAX_LIST_ROWS = 5
"""The most rows of the list on narrow terminals; the rest is scrolled."""
LABEL_CELLS, MARGIN_CELLS = 15, 5
"""Of the diagram of two requests, before and after its time axis."""


class DiagnoseView(View):
    """The cursor is on a finding; once that is opened, on one of its moments."""

    NAME: ClassVar[str] = "diagnose"
    HELP: ClassVar[Sequence[tuple[str, str]]] = (
        *((column.title or "first word", column.help) for column in COLUMNS),
        ("VICTIMS", "requests that waited for it, by route"),
        ("LAST TIMES", "when it happened; opened, one is shown in the live view"),
    )

    def __init__(self) -> None:
        self._table = Table(COLUMNS)
        self._pair = TwoAtOncePanel()
        self._listed = False
        self._opened: tuple[Key, tuple[Moment, ...]] = ("", ())
        """A finding's key, and its moments when it was opened: they stand still, as rows must."""

    def reset(self) -> None:
        self._opened = "", ()

    def keys(self, scene: Scene) -> Sequence[Key]:
        """The findings; of the one that is opened, its moments."""
        found = entries(scene)
        chosen = _chosen(found, scene)
        if scene.view_state.detail and chosen is not None and chosen.finding is not None:
            return [moment_key(chosen, moment) for moment in self._moments(chosen, scene)]
        row = scene.view_state.row
        return [row if row is not None and entry is chosen else entry.key for entry in found]

    def enter(self, scene: Scene | None, state: ViewState) -> Effects:
        """Opens a finding; of an opened one, shows the chosen moment in the live view."""
        chosen = _chosen(entries(scene), scene) if scene is not None else None
        if scene is None or chosen is None:
            return ()
        moments = self._moments(chosen, scene)
        if state.detail and moments:
            moment = next((m for m in moments if moment_key(chosen, m) == state.row), moments[0])
            return _show(moment)
        self._opened = chosen.key, moments
        row = moment_key(chosen, moments[0]) if moments else chosen.key
        return (Change(lambda now: replace(now.choose(row), detail=True)),)

    def finding(self, scene: Scene) -> Finding | None:
        """The chosen one."""
        chosen = _chosen(entries(scene), scene)
        return chosen.finding if chosen is not None else None

    def location(self, scene: Scene) -> Location | None:
        """The culprit's line."""
        chosen = _chosen(entries(scene), scene)
        return chosen.finding.location if chosen and chosen.finding else None

    def row_at(self, y: int) -> Hashable | None:
        return self._table.row_at(y - 1) if self._listed else None

    def draw(self, scene: Scene, width: int, height: int) -> list[Strip]:
        found = entries(scene)
        chosen = _chosen(found, scene)
        self._listed = False
        if chosen is None:
            return _nothing(scene, width, height)
        if width >= WIDE_CELLS:
            left = max(LIST_CELLS, width * 9 // 20) if width >= 2 * LIST_CELLS else width * 9 // 20
            list_ = self._list(found, chosen, scene, left, min(len(found) + 2, height // 2))
            list_ += draw_watched(scene, found, left, height - len(list_))
            fixes = [row.strip for row in draw_fixes(scene, left)]
            if len(list_) + len(fixes) < height:
                list_ += [Line(left).strip(scene.theme.text), *fixes]
            return beside(
                list_, self._detail(chosen, found, scene, width - left, height), scene.theme.text
            )
        if scene.view_state.detail:
            return self._detail(chosen, found, scene, width, height)
        listed = min(len(found), MAX_LIST_ROWS, max(1, height - MAX_LIST_ROWS - 4))
        rows = self._list(found, chosen, scene, width, listed + 2)
        rows += self._detail(chosen, found, scene, width, height - len(rows))
        return rows[:height]

    def _moments(self, chosen: Entry, scene: Scene) -> tuple[Moment, ...]:
        """The moments of a finding; of an opened one, those that it had then."""
        if scene.view_state.detail and self._opened[0] == chosen.key:
            return self._opened[1]
        return chosen.finding.moments if chosen.finding else ()

    def _detail(
        self, chosen: Entry, found: Sequence[Entry], scene: Scene, width: int, height: int
    ) -> list[Strip]:
        """Behind a title and a wall."""
        theme = scene.theme
        place = f"{found.index(chosen) + 1}/{len(found)}"
        style = (
            theme.dim if chosen.over else theme.warm if chosen.word == "warning" else theme.alarm
        )
        title = f"{place}  {clean(chosen.title).upper()}"
        moments = self._moments(chosen, scene)
        body = draw_evidence(chosen, moments, scene, width - 2, height - 1, source_around)
        if chosen.counter is not None and not chosen.over:
            used = max((i for i, row in enumerate(body, 1) if row.text.strip()), default=0)
            body = [*body[:used], *self._two_at_once(scene, width - 2, height - 2 - used)]
        return boxed(body, title, style, chosen.ended, width, height, scene)

    def _two_at_once(self, scene: Scene, width: int, height: int) -> list[Strip]:
        """Two requests that waited at one line at once, if there are such, below a blank row."""
        cells = width - LABEL_CELLS - MARGIN_CELLS
        rows = self._pair.rows(scene, height) if cells > 0 else 0
        if not rows:
            return []
        panels = {"lanes": (0, 0, width, rows)}
        plan = Plan(width, rows, panels, LABEL_CELLS, cells, MARGIN_CELLS, SECOND, wide=False)
        return [Line(width).strip(scene.theme.text), *self._pair.draw(scene, plan, rows)]

    def _list(
        self, found: Sequence[Entry], chosen: Entry, scene: Scene, width: int, height: int
    ) -> list[Strip]:
        """A title with counts, and the table."""
        self._listed = True
        over = sum(entry.over for entry in found)
        now = len(found) - over
        note = f"{now} now" + (f", {over} over" if over else "")
        if scene.frozen:
            note += ", as of the freeze"
        title = heading_line(width, scene, "DIAGNOSIS", scene.theme.title, note)
        state = replace(scene.view_state, chosen={**scene.view_state.chosen, self.NAME: chosen.key})
        rows = [(entry.key, entry) for entry in found]
        self._table.columns = columns_for(found)
        return [
            title,
            *self._table.draw(rows, replace(scene, view_state=state), width, height - 1),
        ]

    def cursor(self, scene: Scene) -> Key | None:
        """The first one, if none was chosen."""
        chosen = _chosen(entries(scene), scene)
        return scene.view_state.row if chosen is None or scene.view_state.row else chosen.key


def _chosen(found: Sequence[Entry], scene: Scene) -> Entry | None:
    """The one that the cursor is on, or on a moment of; the first one if it is on none."""
    row = scene.view_state.row
    of = row[0] if isinstance(row, tuple) and row else None
    return next((entry for entry in found if entry.key in (row, of)), found[0] if found else None)


def _nothing(scene: Scene, width: int, height: int) -> list[Strip]:
    """Nothing is found: how the loop is, and what is watched for."""
    known = scene.snapshot is not None
    note = f"nothing is wrong{scene.here} {scene.when}" if known else "nothing is known yet"
    strips = [heading_line(width, scene, "DIAGNOSIS", scene.theme.title, note)]
    strips += loop_summary(scene, width)
    strips += draw_watched(scene, (), width, height - len(strips))
    return fill_rows(strips, width, height, scene.theme.text)


def _show(moment: Moment) -> Effects:
    """The live view, frozen so that the moment is in sight, and who it was chosen."""

    def there(state: ViewState) -> ViewState:
        live = replace(state, view=LIVE, detail=False)
        return live.choose(moment.request) if moment.request else live

    return Freeze(moment.at_ns), Change(there)
