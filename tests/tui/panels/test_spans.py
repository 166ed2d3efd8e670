"""What a lane draws again when the window around it changes."""

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import RequestInfo, State
from loopviz.tui.draw.glyphs import BLOCKS
from loopviz.tui.draw.palette import theme_named
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.spans import LaneCells

THEME = theme_named("dark")
T0 = 100 * SECOND


def request(number):
    start = T0 + number * 50 * MS
    end = start + 30 * MS
    spans = ((start, start + 10 * MS, State.RUN), (start + 10 * MS, end, State.AWAIT))
    return RequestInfo(
        number=number,
        route="GET /",
        lane=0,
        spans=spans,
        start_ns=start,
        end_ns=end,
        open=False,
        status=200,
        busy_ns=10 * MS,
        ready_ns=0,
        waiting_ns=20 * MS,
    )


def test_older_requests_left_of_the_picture_cost_nothing(monkeypatch):
    drawn = []
    put = LaneCells._put

    def counting(self, cells, shared, request, columns):
        drawn.append(request.number)
        return put(self, cells, shared, request, columns)

    monkeypatch.setattr(LaneCells, "_put", counting)
    requests = [request(number) for number in range(100)]
    columns = Columns(20 * MS, 100, T0 + 5 * SECOND)
    lane = LaneCells(THEME, BLOCKS)
    first = lane.cells(requests[60:], columns)
    shown = len(drawn)
    assert 35 <= shown <= 41
    assert lane.cells(requests, columns) == first
    assert lane.cells(requests[60:], columns) == first
    assert len(drawn) == shown
    assert LaneCells(THEME, BLOCKS).cells(requests, columns) == first
