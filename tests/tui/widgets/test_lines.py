"""The widget that shows prepared lines."""

import gc

from rich.segment import Segment
from textual.strip import Strip

from loopviz.tui.widgets.lines import LineRow


def test_an_undivided_row_is_no_garbage_for_the_collector():
    """Each line drawn would be, thousands a minute: Textual's strip caches itself."""
    gc.collect()
    gc.disable()
    try:
        row = LineRow([Segment("loop")], 4)
        assert row.divide([4]) == [row]
        del row
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_row_is_cut_as_a_strip_is():
    segments = [Segment("lo"), Segment("op")]
    assert list(LineRow(segments, 4).divide([1, 4])) == list(Strip(segments, 4).divide([1, 4]))
