"""How much history the model keeps in detail, and for how long."""

from collections.abc import Iterator

from loopviz.clock import SECOND
from loopviz.model.state.counters import Counters
from loopviz.model.state.loop import LoopTimes
from loopviz.model.state.routes import Routes
from loopviz.model.state.trace import Trace
from loopviz.model.stats.series import Series

__all__ = ["KEEP_NS", "RETAINED_NS", "History"]

KEEP_NS = 65 * SECOND
"""How much of the newest history is kept."""
RETAINED_NS = 30 * SECOND
"""How much of the newest history is kept while an older interval is retained."""
_AFTER_NS = 10 * SECOND
"""How long after `retain` was called a request may end and still be retained."""
_FORGET_NS = 10 * SECOND
"""How often history that is too old is dropped."""


class History:
    """Forgets the oldest requests, stalls and tracks of one model, except what is retained."""

    def __init__(self, trace: Trace, loop: LoopTimes, routes: Routes, counters: Counters) -> None:
        self._trace, self._loop, self._routes, self._counters = trace, loop, routes, counters
        self._began = self._newest = self._forgotten = 0
        self._retains = False

    @property
    def newest_ns(self) -> int:
        """Time of the newest event; 0: none has come."""
        return self._newest

    @property
    def oldest_ns(self) -> int:
        """See `Snapshot.oldest_ns`."""
        return max(self._began, self._trace.requests.finished.oldest_ns)

    def extend(self, first_ns: int, last_ns: int) -> None:
        """Events from `first_ns` to `last_ns` are about to be added."""
        self._began = self._began or first_ns
        self._newest = max(self._newest, last_ns)
        self._forgotten = self._forgotten or self._newest

    def trim(self) -> None:
        """Drops what is too old, when that is due."""
        keep = RETAINED_NS if self._retains else KEEP_NS
        if self._newest - self._forgotten <= keep + _FORGET_NS:
            return
        self._forgotten = before = self._newest - keep
        self._loop.forget_before(before)
        self._trace.forget_before(before)
        self._routes.forget_before(before)
        self._counters.forget_before(before)

    def retain(self, since_ns: int) -> None:
        """See `Model.retain`."""
        finished, stalls = self._trace.requests.finished, self._trace.stalls
        self._retains = self._trace.requests.orphans.retained = since_ns > 0
        if self._retains:
            finished.retain(since_ns - _FORGET_NS, self._newest + _AFTER_NS)
            stalls.retain()
            for track in self._tracks():
                track.retain()
        else:
            finished.release()
            stalls.release()
            for track in self._tracks():
                track.release()

    def _tracks(self) -> Iterator[Series]:
        yield from self._loop.tracks
        yield from self._counters.tracks
        yield self._routes.busy
        for route in self._routes.routes:
            yield from (route.done, route.late)
