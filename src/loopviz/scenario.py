"""What a scenario's author writes: `Scenario`, `Fix`, `Load`, `Expect`.

A scenario is one small FastAPI module with a bug and its fixes side by side as branches of one
`if`. See `scenarios/block.py` for the shape.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Expect", "Fix", "Load", "Scenario"]


@dataclass(eq=False, slots=True)
class Fix:
    """A toggle. An endpoint reads `on` once per request; it may flip at any moment."""

    key: str
    """Short id, used on the command line: `--fix to_thread`."""
    title: str
    """What the fix does, as code where possible: `await asyncio.to_thread(...)`."""
    why: str
    """One sentence: why it helps, or, for a wrong fix, why it does not."""
    wrong: bool = False
    """True for a fix that looks right and is not; it is there to be tried."""
    on: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """Arrivals on one route: `rps` per second, on a schedule that a seed fixes."""

    route: str
    """`METHOD /path`, for instance `GET /report`."""
    rps: float
    arrivals: Literal["poisson", "constant"] = "poisson"
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Expect:
    """A claim that a test checks: a metric with `fix` on, against another run, same arrivals.

    The ratio is fix / bug, or fix / `against`, another fix: `at_most=0.2` says that the fix brings
    the metric to a fifth or less; `at_least=2, against="x"` that it is at least twice that of the
    fix x. `fix=None` claims something of the bug itself: then the bounds are in the metric's unit.
    """

    metric: str
    """`p99_ms GET /ping` (or `p50_ms`, `p90_ms`), `lag_p99_ms`, `findings slow-callback`."""
    fix: str | None = None
    against: str | None = None
    at_most: float | None = None
    at_least: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One lesson: an app with a bug, the load that shows it, and the fixes."""

    title: str
    lesson: str
    """One sentence, shown at the bottom of the screen."""
    look: Sequence[str]
    """Up to three lines: what to look at."""
    router: Any
    """The `fastapi.APIRouter` with the endpoints (`GET /ping` is added to every scenario)."""
    load: Sequence[Load]
    fixes: Sequence[Fix] = ()
    link: str = ""
    """Where real users hit it: a thread or a document."""
    lifespan: Callable[[Any], AbstractAsyncContextManager[None]] | None = None
    """As FastAPI's `lifespan`: what must be up before the first request."""
    expect: Sequence[Expect] = field(default=())
