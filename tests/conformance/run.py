"""Run one suite once, bare or probed: each test's outcome.

A suite that says nothing for two minutes hangs: it is killed, the test is put down as hung, and the
rest is run without it. The same if the interpreter crashes.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.conformance.environment import Environment
from tests.conformance.suites import PYTEST_OPTIONS, Suite

__all__ = ["FAILURES", "Outcomes", "earlier", "run_suite"]

_PATIENCE_S = 120
_RANK = ("skipped", "passed", "error", "failed", "hung", "crashed")
FAILURES = frozenset(_RANK[2:])


@dataclass
class Outcomes:
    """What came out of a run."""

    tests: dict[str, str] = field(default_factory=dict)
    """By node id: one of passed, skipped, error, failed, hung, crashed."""
    why: dict[str, str] = field(default_factory=dict)
    """Of those that failed: the end of the traceback."""
    probe: dict[str, int] = field(default_factory=dict)
    """What the probe's plugin counted: loops watched and refused, hooks that failed."""
    took_s: float = 0.0

    def count(self, outcome: str) -> int:
        """How many tests had that outcome."""
        return sum(each == outcome for each in self.tests.values())

    def failures(self) -> set[str]:
        """The tests that did not pass."""
        return {test for test, outcome in self.tests.items() if outcome in FAILURES}


def run_suite(
    suite: Suite,
    where: Environment,
    *,
    probed: bool,
    pure: bool = False,
    only: Collection[str] | None = None,
) -> Outcomes:
    """Run it to its end, in as many processes as that takes; `pure`: on the Python core."""
    said = _said(suite, where, probed, pure)
    skip, chosen = said.with_suffix(".skip"), said.with_suffix(".only")
    said.write_text("")
    plugins = ["-pconformance_outcomes", *["-pconformance_probe"] * probed]
    home, options = where.home(suite), [*PYTEST_OPTIONS, *plugins, *suite.options]
    variables = {"CONFORMANCE_OUTCOMES": said, "CONFORMANCE_SKIP": skip}
    variables |= {"LOOPVIZ_PURE": "1"} if pure else {}
    if only is not None:
        chosen.write_text("\n".join(only))
        variables["CONFORMANCE_ONLY"] = chosen
    result, started = Outcomes(), time.monotonic()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's ignores it
    while True:
        skip.write_text("\n".join(result.tests))
        with said.with_suffix(".log").open("ab") as log:
            process = subprocess.Popen(
                [where.python, "-m", "pytest", f"--rootdir={home}", *options],
                cwd=home,
                env=_environment() | {name: str(path) for name, path in variables.items()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            hung = _watch(process, said)
        before = len(result.tests)
        finished = _read(said, result, "hung" if hung else "crashed")
        if finished or len(result.tests) == before:
            break
        said.write_text("")
    result.took_s = time.monotonic() - started
    if only is None:
        said.with_suffix(".json").write_text(json.dumps(asdict(result)))
    return result


def earlier(suite: Suite, where: Environment, *, probed: bool) -> Outcomes | None:
    """What the last whole run gave, if there was one."""
    saved = _said(suite, where, probed, pure=False).with_suffix(".json")
    return Outcomes(**json.loads(saved.read_text())) if saved.exists() else None


def _said(suite: Suite, where: Environment, probed: bool, pure: bool) -> Path:
    way = ("pure" if pure else "probed") if probed else "bare"
    return where.folder / f"{suite.name}-{way}.jsonl"


def _environment() -> dict[str, str]:
    """Ours, without what would make other people's tests behave otherwise."""
    foreign = ("PYTHON", "PYTEST", "VIRTUAL_ENV", "LOOPVIZ")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def _watch(process: subprocess.Popen[bytes], said: Path) -> bool:
    """Wait for its end. True: it hung, and was killed."""
    size, since = -1, time.monotonic()
    try:
        while process.poll() is None:
            time.sleep(0.2)
            if said.stat().st_size != size:
                size, since = said.stat().st_size, time.monotonic()
            elif time.monotonic() - since > _PATIENCE_S:
                return True
        return False
    finally:  # whatever it has left behind is in its session
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read(said: Path, result: Outcomes, cut_short: str) -> bool:
    """Add what it said. True: it came to its end."""
    running, finished = "", False
    for line in said.read_text().splitlines():
        test, outcome, why = json.loads(line)
        if outcome == "started":
            running = test
        elif outcome == "finished":
            finished = True
        elif outcome.startswith("probe: "):
            what = outcome.removeprefix("probe: ")
            result.probe[what] = result.probe.get(what, 0) + int(why)
        else:
            running = ""
            if _RANK.index(outcome) >= _RANK.index(result.tests.get(test, "skipped")):
                result.tests[test] = outcome
            if why:
                result.why[test] = why
    if running and not finished:
        result.tests[running] = cut_short
    return finished
