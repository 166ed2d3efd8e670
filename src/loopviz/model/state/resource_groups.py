"""Resource groups: the resources that were made at one line under one name."""

from loopviz.model.names import Naming, Site
from loopviz.model.stats.histogram import Histogram
from loopviz.model.stats.series import Envelope
from loopviz.wire.kinds import Family, kind_of

__all__ = ["JobOccupancy", "Occupancy", "ResourceGroup"]


class Occupancy:
    """Two counts, in use and waiting: their values now, their peaks and their means over time."""

    __slots__ = (
        "at",
        "envelope",
        "in_use",
        "in_use_area",
        "max_in_use",
        "max_waiting",
        "since",
        "waiting",
        "waiting_area",
    )

    def __init__(self, at: int) -> None:
        self.in_use = self.waiting = 0
        self.envelope = Envelope()
        self.begin(at)

    def begin(self, at: int) -> None:
        """Starts peaks and means anew."""
        self.at = self.since = at
        self.in_use_area = self.waiting_area = 0
        self.max_in_use, self.max_waiting = self.in_use, self.waiting

    def change(self, at: int, in_use: int, waiting: int) -> None:
        """Changes both counts. The means are exact even if `at` precedes the last change."""
        since = self.at
        if at > since:
            lasted = at - since
            self.in_use_area += self.in_use * lasted
            self.waiting_area += self.waiting * lasted
            self.at = at
        elif at < since:
            late = since - max(at, self.since)
            self.in_use_area += in_use * late
            self.waiting_area += waiting * late
        if in_use:
            self.in_use += in_use
            if self.in_use > self.max_in_use:
                self.max_in_use = self.in_use
        if waiting:
            self.waiting += waiting
            if self.waiting > self.max_waiting:
                self.max_waiting = self.waiting
        self.envelope.note(self.at, max(self.in_use, 0), max(self.waiting, 0))

    def past(self, start: int, end: int) -> None:
        """Adds a wait from `start` to `end` that became known afterwards."""
        if (start := max(start, self.since)) < end:
            self.waiting_area += end - start

    def means(self, now: int) -> tuple[float, float]:
        """The means of both counts from `begin` until now."""
        rest = max(now - self.at, 0)
        lasted = max(now, self.at) - self.since
        if lasted <= 0:
            return float(self.in_use), float(self.waiting)
        in_use = self.in_use_area + self.in_use * rest
        waiting = self.waiting_area + self.waiting * rest
        return in_use / lasted, waiting / lasted


class JobOccupancy(Occupancy):
    """The jobs of an executor: running ones are in use, queued ones wait."""

    __slots__ = ("waited",)

    def begin(self, at: int) -> None:
        super().begin(at)
        self.waited = Histogram()
        """How long jobs were queued."""


class ResourceGroup(Occupancy):
    """The resources of one description, of which there is usually only one."""

    __slots__ = (
        "capacity",
        "gave_up",
        "given_up",
        "handed_over",
        "idle",
        "instances",
        "jobs",
        "key",
        "kind",
        "name",
        "namesakes",
        "site",
        "units",
        "waited",
    )

    def __init__(self, key: str, at: int) -> None:
        self.namesakes = False
        """Whether others have its name, which then does not say which one is meant."""
        self.jobs: JobOccupancy | None = None
        """Its jobs, if it is an executor or the limiter of one."""
        self.units = False
        """Whether units of it were acquired: then these, not its jobs, are its occupancy."""
        self.handed_over = False
        """Whether a task released what another one had acquired: a signal, or a shared unit."""
        super().__init__(at)
        self.instances = 0
        """How many resources it has had."""
        self.capacity = 0
        """The capacity of one of them; 0: unbounded, or not known."""
        self.idle = 0
        """How many tasks wait to take something out: idle consumers."""
        self.describe(key)

    def describe(self, key: str) -> None:
        """Takes the parts of `key`, which is a RESOURCE's text."""
        self.key = key
        kind, name, path, line, function, *_ = (*key.split("\t"), "", "", "", "", "")
        self.kind = kind_of(kind)
        """Its `id` is empty if it was never introduced."""
        self.name = name
        """The app's name for it; empty: none."""
        self.site = Site("", path, int(line) if line.isdigit() else 0, function)
        """Where it was made."""

    def begin(self, at: int) -> None:
        super().begin(at)
        if self.jobs is not None:
            self.jobs.begin(at)
        self.waited = Histogram()
        """How long tasks that got a unit had waited."""
        self.given_up = Histogram()
        """How long tasks that gave up had waited."""
        self.gave_up = 0

    @property
    def shown(self) -> "ResourceGroup | JobOccupancy":
        """Its occupancy: an executor's jobs, or else units and waiting tasks."""
        return self if self.units or self.jobs is None else self.jobs

    @property
    def anonymous(self) -> bool:
        """Whether it stands for all events of libraries; anyio uses one to wait for a socket."""
        return self.kind.family is Family.EVENT and not (self.name or self.site.path)

    def display(self, naming: Naming) -> str:
        """Its name for people: `jobs`, with namesakes `jobs (db.py:17)`, or `db.py:17 Queue(9)`."""
        made = f"{naming.short(self.site.path)}:{self.site.line}" if self.site.path else ""
        if self.name:
            return f"{self.name} ({made})" if self.namesakes and made else self.name
        sized = self.capacity and self.kind.family is not Family.LOCK
        what = self.kind.class_name + (f"({self.capacity})" if sized else "")
        return f"{made} {what}" if made else what
