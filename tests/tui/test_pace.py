"""The frame rate falls while writes pile up, and comes back."""

from loopviz.clock import SECOND
from loopviz.tui.pace import Pace


def painted(pace, start_ns, backlog):
    """Frames painted in a second of thirty ticks."""
    return sum(pace.due(start_ns + i * SECOND // 30, backlog) for i in range(30))


def test_pace_falls_and_recovers():
    pace = Pace()
    assert painted(pace, 0, 0) == 30
    assert pace.fps == 30
    falling = [painted(pace, second * SECOND, 10) for second in range(1, 4)]
    assert falling[-1] <= 5
    later = [painted(pace, second * SECOND, 0) for second in range(4, 18)]
    assert later[0] <= 5
    assert later[-1] == 30
