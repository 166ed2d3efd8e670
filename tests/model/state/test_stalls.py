"""What made a stall, by what its thread waited for."""

from loopviz.clock import MS
from loopviz.model.state.stalls import Stall

START = 1000 * MS


def test_a_thread_waits_for_one_thing_at_a_time():
    """Waits are spread over the loop's busy time: the sum of their shares may be too large."""
    stall = Stall(START, "x", 0)
    stall.end_ns = START + 100 * MS
    stall.add_waits(0, queued_ns=80 * MS, gil_ns=70 * MS, limited=False, keeps_gil=None)
    assert (stall.queued_ns, stall.gil_ns, stall.cause) == (80 * MS, 20 * MS, "machine")
