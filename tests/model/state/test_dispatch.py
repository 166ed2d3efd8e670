"""What each kind of record means to the model."""

from loopviz.model.model import Model
from loopviz.wire.events import SWITCHES, Kind


def test_every_kind_of_record_has_a_handler():
    """`Trace.feed` takes the switches itself, and `LoopTimes` takes the timers."""
    handlers = Model().trace._handlers
    unknown = handlers[max(Kind) + 1]
    unhandled = [kind for kind in Kind if handlers[kind] is unknown]
    assert unhandled == [*SWITCHES, Kind.TIMER]
