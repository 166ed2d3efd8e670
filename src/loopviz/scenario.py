"""The classes that scenarios are written with: `Scenario`, `Fix`, `Load`, `Expect`, `Answer`, ….

A scenario is one small FastAPI module with a bug and its fixes side by side as branches of one
`if`. See `scenarios/block.py` for the shape.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Answer", "Counter", "Expect", "Fix", "Load", "Scenario"]


@dataclass(eq=False, slots=True)
class Fix:
    """A toggle. An endpoint reads `on` once per request; it may flip at any moment.

    A scenario's fixes are alternatives: on the screen, switching to one switches the one before
    off. One that `adds` is used together with the others. The command line switches on all that
    it is given.
    """

    key: str
    """Short id, used on the command line: `--fix to_thread`."""
    title: str
    """The change in a few words, as code where possible: `await asyncio.to_thread(...)`."""
    why: str
    """One sentence: why it helps, or, for a wrong fix, why it does not."""
    wrong: bool = False
    """True for a fix that looks right but is not; it is there to be tried."""
    answers: Sequence[str] = ()
    """Rules for whose findings the fix is suggested; empty: none."""
    extra: str = ""
    """The extra of loopviz that the fix needs, `celery`; without it, it is shown as unavailable."""
    workers: int = 1
    """Number of processes that serve the app while the fix is on. They share the address and the
    temporary folder; in a scenario with such a fix, each request has its own connection."""
    on: bool = False
    adds: bool = False
    """True for a fix that is used together with the others: its key leaves them as they are, and
    theirs leave it."""


@dataclass(eq=False, slots=True)
class Counter:
    """A number that endpoints count up: `acknowledged.value += 1`. Shown live, and reported."""

    key: str
    """Short id, in the report's `counters`."""
    title: str
    """A few words for what is counted."""
    bad: bool = False
    """True if it should stay 0: duplicate charges, lost updates."""
    value: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """Arrivals on one route: `rps` per second, on a schedule determined by a seed."""

    route: str
    """`METHOD /path`, for instance `GET /report`; `{n}` in it becomes the arrival's number."""
    rps: float
    """Arrivals per second."""
    arrivals: Literal["poisson", "constant"] = "poisson"
    timeout_s: float = 10.0
    """Seconds after which the client gives up."""
    copies: int = 1
    """Requests that each arrival sends at once, all with its number: a client that asks twice."""
    leaves: float = 0.0
    """Share of the requests, 0 to 1, whose client disconnects before it has the response …"""
    leaves_within_s: float = 0.5
    """… at a random moment, at most this many seconds after sending."""
    at_once: int = 0
    """How many users there are: while so many wait for a response, none of them asks for another,
    so what queues is bounded. 0: arrivals wait for nobody."""
    warm_up: bool = False
    """Whether this `GET` is sent once before the load begins, so that what happens only once, such
    as imports, is no part of the lesson. That request is neither shown nor counted. It is not for
    a route whose first request matters: one that fills a cache, or makes a client."""


@dataclass(frozen=True, slots=True)
class Expect:
    """A claim that a test checks: a metric with `fix` on, against another run, same arrivals.

    The bounds apply to the ratio fix / bug, or fix / `against`, another fix: `at_most=0.2` says
    that the fix brings the metric to a fifth or less; `at_least=2, against="x"` that it is at least
    twice that of fix x. With `against=None`, or for the bug itself (`fix=None`), the bounds are in
    the metric's own unit.
    """

    metric: str
    """`p99_ms GET /ping`, `errors GET /ping`, `counter lost`, …; see `report.expectations`."""
    fix: str | Sequence[str] | None = None
    """A fix's key, or several that are on together."""
    against: str | None = "bug"
    at_most: float | None = None
    at_least: float | None = None
    why: str = ""

    @property
    def fixes(self) -> tuple[str, ...]:
        """The keys of the fixes that are on; empty: the bug."""
        return (self.fix,) if isinstance(self.fix, str) else tuple(self.fix or ())

    @property
    def name(self) -> str:
        """`counter lost with no_await`; of the bug, the metric alone."""
        return f"{self.metric} with {'+'.join(self.fixes)}" if self.fixes else self.metric


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that the tour offers to the scenario's question."""

    text: str
    """A few words that fit on a row."""
    why: str
    """One sentence: why it is right, or what is wrong with it."""
    right: bool = False
    """True for exactly one of them."""
    proof: str = ""
    """The name of the `Expect` that shows that it is right, `counter lost with no_await`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One lesson: an app with a bug, the load that shows it, and the fixes."""

    title: str
    group: str = ""
    """A few words for what it is about: lists of lessons have these as headings."""
    symptom: str = ""
    """What a user with this problem says, in a few words; the tour and the docs begin with it."""
    lesson: str
    """One sentence, shown at the bottom of the screen."""
    look: Sequence[str]
    """Up to three lines: what to watch."""
    router: Any
    """The `fastapi.APIRouter` with the endpoints (`GET /ping` is added to every scenario)."""
    load: Sequence[Load]
    fixes: Sequence[Fix] = ()
    counters: Sequence[Counter] = ()
    """Shown in this order."""
    link: str = ""
    """URL of a thread or document in which real users hit the bug."""
    middleware: Sequence[Any] = ()
    """ASGI middleware around the app, the outermost first."""
    lifespan: Callable[[Any], AbstractAsyncContextManager[None]] | None = None
    """FastAPI's `lifespan`: starts what must be up before the first request."""
    zoom_ms: float = 0
    """Milliseconds that a column of the time axis stands for at the start: as few as the lesson
    needs to be seen, but the picture then moves on as much faster. 0: the usual, 6 s in all."""
    expect: Sequence[Expect] = field(default=())
    question: str = ""
    """One sentence: what the tour asks about the running bug; empty: the tour leaves it out."""
    answers: Sequence[Answer] = ()
    """Two or three answers to the question, exactly one of them right, in any order."""
    headline: str = ""
    """The figure that the lesson is about, of which less is better: `p90_ms GET /report`,
    `errors GET /a`, `counter lost`, `in_use asyncio.Queue`, `waiting asyncio.Lock`, `lag_p99_ms`,
    `utilization`. After a fix it is judged first. Empty: what the first `Expect` says that a fix
    brings down."""
