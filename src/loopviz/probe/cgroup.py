"""The CPU limits that control groups put on this process, and how often they are reached."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

__all__ = ["CpuLimit", "CpuLimits", "Throttled", "find_limits"]


class CpuLimit(NamedTuple):
    """A limit of CPU time in each period."""

    cores: float
    setting: str
    """The file and its value: `cpu.max 50000 100000`."""
    stat: Path

    def counts(self) -> tuple[int, int]:
        """How many periods there were so far, and in how many the limit was reached."""
        lines = self.stat.read_text().splitlines()
        fields = dict(line.split(" ", 1) for line in lines)
        return int(fields["nr_periods"]), int(fields["nr_throttled"])


class Throttled(NamedTuple):
    """A limit was reached in some periods."""

    limit: CpuLimit
    periods: int
    reached: int


class CpuLimits:
    """Counts periods in which a limit was reached. A container's limit is one of a control group's.

    Limits that are set later are not noticed.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        """`root` is where `/proc` and `/sys` are."""
        self._counts: dict[CpuLimit, tuple[int, int]] = {}
        with suppress(OSError, ValueError, KeyError):
            self._counts = {limit: limit.counts() for limit in find_limits(root)}

    def __bool__(self) -> bool:
        return bool(self._counts)

    def reached(self) -> Throttled | None:
        """The limit reached most often since it was last returned here; None if none was."""
        worst: Throttled | None = None
        for limit, (periods, reached) in self._counts.items():
            with suppress(OSError, ValueError, KeyError):
                now = limit.counts()
                found = Throttled(limit, now[0] - periods, now[1] - reached)
                if found.reached > (worst.reached if worst else 0):
                    worst = found
        if worst is not None:
            periods, reached = self._counts[worst.limit]
            self._counts[worst.limit] = periods + worst.periods, reached + worst.reached
        return worst


def find_limits(root: Path = Path("/")) -> Iterator[CpuLimit]:
    """The limits of this process's control groups, from its own outwards.

    Raises OSError without `/proc`, ValueError if its files are not as expected.
    """
    groups = _groups((root / "proc/self/cgroup").read_text())
    for line in (root / "proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        shown, mount = fields.split()[3:5]
        version = 2 if kind == "cgroup2" else 1 if "cpu" in options.split(",") else 0
        if kind not in ("cgroup", "cgroup2") or version not in groups:
            continue
        top = root / mount.lstrip("/")
        folder = top / _below(groups[version], shown)
        for group in (folder, *folder.parents):
            limit = _limit_v2(group) if version == 2 else _limit_v1(group)
            if limit is not None:
                yield limit
            if group == top:
                break


def _groups(cgroup: str) -> dict[int, str]:
    """The process's group, by version, from `/proc/self/cgroup`."""
    found = {}
    for line in cgroup.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            found[2] = path
        elif "cpu" in controllers.split(","):
            found[1] = path
    return found


def _below(path: str, shown: str) -> str:
    """The group's path below the mount point, which shows the group `shown`; empty: not below."""
    try:
        below = PurePosixPath(path).relative_to(shown)
    except ValueError:
        return ""  # a container that shows its own group only
    return "" if ".." in below.parts else str(below)


def _limit_v2(group: Path) -> CpuLimit | None:
    try:
        quota, period = (group / "cpu.max").read_text().split()
    except FileNotFoundError:  # the root has none
        return None
    if quota == "max":
        return None
    setting = f"cpu.max {quota} {period}"
    return CpuLimit(int(quota) / int(period), setting, group / "cpu.stat")


def _limit_v1(group: Path) -> CpuLimit | None:
    try:
        quota = int((group / "cpu.cfs_quota_us").read_text())
        period = int((group / "cpu.cfs_period_us").read_text())
    except FileNotFoundError:
        return None
    if quota <= 0:
        return None
    setting = f"cpu.cfs_quota_us {quota} of {period}"
    return CpuLimit(quota / period, setting, group / "cpu.stat")
