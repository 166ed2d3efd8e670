"""CPU limits of control groups, from files as they are in containers."""

import pytest

from loopviz.probe.cgroup import CpuLimits, find_limits

V2 = "31 23 0:27 {shown} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate\n"
V1 = (
    "33 32 0:29 {shown} /sys/fs/cgroup/cpu,cpuacct rw master:12 - cgroup cgroup rw,cpu,cpuacct\n"
    "34 32 0:30 {shown} /sys/fs/cgroup/memory rw,nosuid master:13 - cgroup cgroup rw,memory\n"
)
ROOT = "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
STAT_V2 = """\
usage_usec 4223412
user_usec 4012345
system_usec 211067
core_sched.force_idle_usec 0
nr_periods {periods}
nr_throttled {reached}
throttled_usec 3872141
nr_bursts 0
burst_usec 0
"""
STAT_V1 = "nr_periods {periods}\nnr_throttled {reached}\nthrottled_time 3872141000\n"


class Machine:
    """Files below a folder as they are below `/`."""

    def __init__(self, root):
        self.root = root

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def process(self, cgroup, mountinfo):
        self.write("proc/self/cgroup", cgroup)
        self.write("proc/self/mountinfo", ROOT + mountinfo)
        return self

    def v2(self, group, limit, periods=0, reached=0):
        self.write(f"sys/fs/cgroup{group}/cpu.max", f"{limit}\n")
        self.write(
            f"sys/fs/cgroup{group}/cpu.stat", STAT_V2.format(periods=periods, reached=reached)
        )
        return self

    def v1(self, group, quota, periods=0, reached=0):
        folder = f"sys/fs/cgroup/cpu,cpuacct{group}"
        self.write(f"{folder}/cpu.cfs_quota_us", f"{quota}\n")
        self.write(f"{folder}/cpu.cfs_period_us", "100000\n")
        self.write(f"{folder}/cpu.stat", STAT_V1.format(periods=periods, reached=reached))
        return self

    def limits(self):
        return [(limit.cores, limit.setting) for limit in find_limits(self.root)]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_container_sees_its_own_group_as_the_root(machine):
    """Docker and Kubernetes with version 2: the process has a namespace of its own."""
    machine.process("0::/\n", V2.format(shown="/")).v2("", "50000 100000")
    assert machine.limits() == [(0.5, "cpu.max 50000 100000")]


def test_a_limit_of_a_group_around_it_counts(machine):
    machine.process("0::/system.slice/app.service\n", V2.format(shown="/"))
    machine.v2("/system.slice/app.service", "max 100000").v2("/system.slice", "150000 100000")
    assert machine.limits() == [(1.5, "cpu.max 150000 100000")]


def test_version_1_in_a_container_that_shows_its_own_group_only(machine):
    name = "/docker/0f3c9d"
    machine.process(
        f"5:memory:{name}\n4:cpu,cpuacct:{name}\n0::{name}\n", V1.format(shown=name)
    ).v1("", 200_000)
    assert machine.limits() == [(2, "cpu.cfs_quota_us 200000 of 100000")]


def test_version_1_without_a_limit(machine):
    machine.process("4:cpu,cpuacct:/user.slice\n", V1.format(shown="/")).v1("/user.slice", -1)
    assert machine.limits() == []
    assert not CpuLimits(machine.root)


def test_periods_are_counted_from_one_time_that_it_was_reached_to_the_next(machine):
    machine.process("0::/\n", V2.format(shown="/")).v2("", "50000 100000", 100, 40)
    limits = CpuLimits(machine.root)
    assert limits
    assert limits.reached() is None
    machine.v2("", "50000 100000", 103, 40)
    assert limits.reached() is None
    machine.v2("", "50000 100000", 110, 49)
    found = limits.reached()
    assert (found.periods, found.reached, found.limit.cores) == (10, 9, 0.5)
    assert limits.reached() is None


@pytest.mark.parametrize("stat", ["", "nr_periods\n", "usage_usec 5\n"])
def test_counts_that_cannot_be_read_make_no_limit(machine, stat):
    machine.process("0::/\n", V2.format(shown="/")).v2("", "50000 100000")
    machine.write("sys/fs/cgroup/cpu.stat", stat)
    assert CpuLimits(machine.root).reached() is None


def test_a_group_that_is_gone_makes_no_limit(machine):
    machine.process("0::/\n", V2.format(shown="/")).v2("", "50000 100000")
    limits = CpuLimits(machine.root)
    (machine.root / "sys/fs/cgroup/cpu.stat").unlink()
    assert limits.reached() is None


def test_a_system_without_control_groups_has_no_limits(tmp_path):
    assert not CpuLimits(tmp_path)
