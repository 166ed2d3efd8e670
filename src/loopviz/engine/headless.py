"""A run without a screen: start, measure, stop, report."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from loopviz.clock import MS, SECOND, monotonic_ns
from loopviz.engine.program_run import ProgramRun
from loopviz.engine.run import Run
from loopviz.engine.session import opened
from loopviz.errors import LoopvizError, ProgramError, TargetError
from loopviz.options import RunOptions
from loopviz.program import Program
from loopviz.report.build import build_report

__all__ = ["measure"]

DURATION_S = 10.0
"""How long a run is measured unless its options say otherwise."""
START_TIMEOUT_S, PROGRAM_START_TIMEOUT_S = 30.0, 60.0
"""How long a scenario may take to start; a program of the user's own may import more."""
LOAD_TIMEOUT_S = 10.0
"""How long loading the scenario may take, once its file runs."""
DRAIN_TIMEOUT_S = 3.0
COUNTERS_NS = 250 * MS
"""How long to wait for the counters of the last requests: they are written ten times a second."""
STACKS_NS = 500 * MS
"""How long the target may take to send the await stacks of requests that hang."""
HINT = "try a lower --rate, or look at the app's lifespan."
_TICK_S = 0.02

Progress = Callable[[float], None]


def measure(
    target: str | Program,
    options: RunOptions = RunOptions(),
    *,
    progress: Progress = lambda _seconds: None,
) -> dict[str, Any]:
    """Run the target under its load and return the report; of a program that ends, until then.

    `progress` is called with the number of seconds that have gone. Raises UsageError for an unknown
    target or fix, TargetError if the target fails to start or dies before the end, and another
    LoopvizError if the machine is to blame for that.
    """
    duration_s = options.duration_s or DURATION_S
    with opened(target, replace(options, duration_s=duration_s)) as session:
        run = session.run
        limit_s = PROGRAM_START_TIMEOUT_S if isinstance(run, ProgramRun) else START_TIMEOUT_S
        _follow(run, limit_s, lambda: run.began_ns > 0, "start")
        started_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        end_ns = run.began_ns + int(duration_s * SECOND)

        def over() -> bool:
            if run.failure is not None and run.failure[0] == "ended":
                return True
            progress(duration_s - max(end_ns - monotonic_ns(), 0) / SECOND)
            return monotonic_ns() >= end_ns

        _follow(run, duration_s + START_TIMEOUT_S, over, "run on")
        if run.failure is not None:  # a program's own end
            duration_s = (monotonic_ns() - run.began_ns) / SECOND
        elif run.scenario.load:
            run.stop_load()
            _follow(run, DRAIN_TIMEOUT_S, lambda: run.load_stopped, "finish its requests")
        if run.scenario.counters:
            counted_ns = monotonic_ns() + COUNTERS_NS
            _follow(
                run, DRAIN_TIMEOUT_S, lambda: monotonic_ns() >= counted_ns, "send its last counts"
            )
        _wait_for_stacks(run)
        now_ns = monotonic_ns()
        run.poll()  # everything before `now_ns` has been read
        report = build_report(
            run.workers.totals(now_ns),
            target=run.scenario.id,
            fixes=list(options.fixes),
            started_at=started_at,
            duration_s=duration_s,
            seed=options.seed,
            python=run.python,
            program=run.scenario.command if isinstance(run.scenario, Program) else (),
            left_out=run.left_out,
            loops_left_out=run.workers.loops_left_out,
            loops_crowded_out=run.workers.loops_crowded_out,
            began_ns=run.began_ns,
        )
    if run.shutdown is not None:  # known by now: all has ended
        report["shutdown"] = asdict(run.shutdown)
    return report


def _wait_for_stacks(run: Run) -> None:
    """Wait for what findings still lack of hanging requests: await stacks, what tasks await."""
    until_ns = monotonic_ns() + STACKS_NS

    def known() -> bool:
        now_ns = monotonic_ns()
        for model in run.workers.models:
            model.findings(now_ns)
        return now_ns >= until_ns or not any(model.rules.lacks for model in run.workers.models)

    _follow(run, DRAIN_TIMEOUT_S, known, "send where its requests are")


def _follow(run: Run, timeout_s: float, done: Callable[[], bool], what: str) -> None:
    """Poll the run until `done`. Raises LoopvizError if it fails or takes too long."""
    deadline = time.monotonic() + timeout_s
    while not done():
        run.poll()
        if run.failure is not None and run.failure[0] != "ended":
            error = _failure(run, run.failure[1])
            if run.traceback:
                error.add_note(run.traceback)
            raise error
        if run.workers.trouble:
            raise _failure(run, run.workers.trouble)
        if run.loading and _is_hopeless(run):
            raise TargetError(run.loading)
        if time.monotonic() > deadline:
            said = f"{run.scenario.id} did not {what} within {timeout_s:.0f} s"
            raise LoopvizError(f"{said}. {run.status.why}" if run.status.why else f"{said}: {HINT}")
        time.sleep(_TICK_S)
    run.poll()


def _is_hopeless(run: Run) -> bool:
    """Whether a start that takes so long will not come to an end; a program may import for long."""
    if isinstance(run, ProgramRun):
        return bool(run.workers.other or run.unseen)
    return run.loading_s > LOAD_TIMEOUT_S


def _failure(run: Run, why: str) -> LoopvizError:
    if isinstance(run, ProgramRun):
        return ProgramError(why, run.output())
    return LoopvizError(why) if run.workers.machine_failed else TargetError(why)
