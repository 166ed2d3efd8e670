"""What a screen would get of a session."""

from loopviz.clock import SECOND, monotonic_ns
from tests.support.waiting import wait_until


def frame(session):
    """What a screen would get of the session now."""
    session.poll()
    return session.frame(monotonic_ns(), 60 * SECOND)


def frame_when(session, condition, timeout_s=20.0):
    """Poll as a screen would, until the condition holds of a frame."""

    def look():
        now = frame(session)
        return now if now.snapshot is not None and condition(now) else None

    return wait_until(look, timeout_s, "the expected frame")
