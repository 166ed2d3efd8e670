"""Rows: resources that were made at the same line under the same name are one group."""

from loopviz.model.names import Naming, Site
from loopviz.model.stats.histogram import Histogram
from loopviz.model.stats.series import Envelope
from loopviz.wire.kinds import Family, kind_of

__all__ = ["JobOccupancy", "Occupancy", "ResourceGroup"]


class Occupancy:
    """Two counts, in use and waiting: now, at their peak, and on average over time."""

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
        """Peaks and means from here on."""
        self.at = self.since = at
        self.in_use_area = self.waiting_area = 0
        self.max_in_use, self.max_waiting = self.in_use, self.waiting

    def change(self, at: int, in_use: int, waiting: int) -> None:
        """Both grow by so much. The means are exact even if `at` is earlier than the last one."""
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
        """In use and waiting, on average from `begin` until now."""
        rest = max(now - self.at, 0)
        lasted = max(now, self.at) - self.since
        if lasted <= 0:
            return float(self.in_use), float(self.waiting)
        in_use = self.in_use_area + self.in_use * rest
        waiting = self.waiting_area + self.waiting * rest
        return in_use / lasted, waiting / lasted


class JobOccupancy(Occupancy):
    """Of an executor: jobs that run, and jobs that are queued."""

    __slots__ = ("waited",)

    def begin(self, at: int) -> None:
        super().begin(at)
        self.waited = Histogram()
        """How long jobs were queued."""


class ResourceGroup(Occupancy):
    """What the resources of one description have in common; most often there is just one."""

    __slots__ = (
        "capacity",
        "gave_up",
        "given_up",
        "idle",
        "instances",
        "jobs",
        "key",
        "kind",
        "name",
        "site",
        "units",
        "waited",
    )

    def __init__(self, key: str, at: int) -> None:
        self.jobs: JobOccupancy | None = None
        """Jobs, if it is an executor, or a limiter of one."""
        self.units = False
        """Units of it were acquired or given back: they are its occupancy, whatever jobs it has."""
        super().__init__(at)
        self.instances = 0
        """Resources of this group, those that are gone too."""
        self.capacity = 0
        """Of one of them; 0: none, or not known."""
        self.idle = 0
        """Tasks that wait to take something out: idle consumers."""
        self.describe(key)

    def describe(self, key: str) -> None:
        """`key` is a RESOURCE's text."""
        self.key = key
        kind, name, path, line, function, *_ = (*key.split("\t"), "", "", "", "", "")
        self.kind = kind_of(kind)
        """Its `id` is empty if it was never introduced."""
        self.name = name
        """As the app calls it, empty if it does not."""
        self.site = Site("", path, int(line) if line.isdigit() else 0, function)
        """Where it was made."""

    def begin(self, at: int) -> None:
        super().begin(at)
        if self.jobs is not None:
            self.jobs.begin(at)
        self.waited = Histogram()
        """How long tasks waited for a unit, until they had it."""
        self.given_up = Histogram()
        """How long those waited that never got one."""
        self.gave_up = 0

    @property
    def shown(self) -> "ResourceGroup | JobOccupancy":
        """Its occupancy: of an executor, its jobs; else units and waiting tasks."""
        return self if self.units or self.jobs is None else self.jobs

    @property
    def anonymous(self) -> bool:
        """Whether it stands for all events of libraries: anyio waits for a socket with one."""
        return self.kind.family is Family.EVENT and not (self.name or self.site.path)

    def display(self, naming: Naming) -> str:
        """What people call it: its name, or `db.py:17 Semaphore(10)`."""
        if self.name:
            return self.name
        what = self.kind.class_name + (f"({self.capacity})" if self.capacity else "")
        return f"{naming.short(self.site.path)}:{self.site.line} {what}" if self.site.path else what
