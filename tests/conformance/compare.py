"""One suite bare and probed, test by test."""

from dataclasses import dataclass, field

from tests.conformance.environment import Environment
from tests.conformance.run import Outcomes, earlier, run_suite
from tests.conformance.suites import Suite

__all__ = ["Row", "compare"]


@dataclass(frozen=True)
class Row:
    """What the table says of one suite on one interpreter."""

    suite: str
    """With its version."""
    release: str
    core: str
    """Which of the probe's cores recorded: native, Python."""
    bare: Outcomes
    probed: Outcomes
    caused: dict[str, str] = field(default_factory=dict)
    """Tests that fail with the probe, twice, and without it never; why."""
    flaky: dict[str, str] = field(default_factory=dict)
    """Tests that failed with the probe the first time, but not only then."""

    def summary(self) -> str:
        """One line, and one for each test that fails probed but not bare."""
        lines = [f"{self.suite} on {self.release}, {self.core} core"]
        for name, run in (("bare", self.bare), ("probed", self.probed)):
            counts = ", ".join(
                f"{run.count(o)} {o}" for o in ("passed", "failed", "error", "skipped")
            )
            lines.append(f"  {name}: {counts}, {run.took_s:.0f} s")
        lines += [f"  {what}: {count}" for what, count in self.probed.probe.items()]
        lines += [f"  CAUSED {test}" for test in self.caused]
        lines += [f"  flaky {test}" for test in self.flaky]
        return "\n".join(lines)


def compare(
    suite: Suite, where: Environment, *, pure: bool = False, reuse_bare: bool = False
) -> Row:
    """Run both ways; what fails only probed is run both ways once more."""
    bare = earlier(suite, where, probed=False) if reuse_bare else None
    if bare is None:
        bare = run_suite(suite, where, probed=False)
    probed = run_suite(suite, where, probed=True, pure=pure)
    name = f"{suite.name} {where.versions.get(suite.distribution, '')}".strip()
    core = "Python" if pure or not where.has_native_core() else "native"
    row = Row(name, where.release, core, bare, probed)
    suspects = probed.failures() - bare.failures()
    if suspects:
        again_bare = run_suite(suite, where, probed=False, only=suspects)
        again = run_suite(suite, where, probed=True, pure=pure, only=suspects)
        for test in sorted(suspects):
            caused = test in again.failures() and test not in again_bare.failures()
            (row.caused if caused else row.flaky)[test] = probed.why.get(test, "")
    return row
