"""The scene that every panel draws: the frame, its moment, theme and glyphs."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property

from loopviz.clock import MS
from loopviz.engine.output import NOTHING, Written
from loopviz.engine.session import Status
from loopviz.lab.catalogue import FixInfo, ScenarioInfo
from loopviz.lab.lesson import Lesson
from loopviz.model.phases.verdict import FixVerdict, is_active, judge
from loopviz.model.snapshot import (
    CounterValue,
    CriticalPath,
    Finding,
    Location,
    Running,
    Snapshot,
    WaitTree,
)
from loopviz.model.snapshot.merge import add_findings
from loopviz.model.state.stalls import SLOW_NS
from loopviz.program import Program
from loopviz.tui.draw.glyphs import Glyphs
from loopviz.tui.draw.palette import Theme
from loopviz.tui.state.keys import Keymap
from loopviz.tui.state.tour import Tour
from loopviz.tui.state.view_state import FIX_LETTERS, ViewState

__all__ = ["Scene"]


@dataclass(frozen=True)
class Scene:
    """One frame, ready to draw.

    `status` and `scenario` are always today's; while the view is `frozen`, `end_ns` is the moment
    that is shown: what has a history in `snapshot` is as it was then, the rest as it was when the
    view was frozen.
    """

    scenario: ScenarioInfo
    status: Status
    snapshot: Snapshot | None
    end_ns: int
    now_ns: int
    theme: Theme
    glyphs: Glyphs
    _: KW_ONLY
    keys: Keymap
    """It names keys: `scene.keys.label("freeze")`."""
    view_state: ViewState = field(default_factory=ViewState)
    fps: int = 0
    lesson: Lesson | None = None
    """The scenario's source; None if it could not be read."""
    notice: str = ""
    """One sentence that answers the last key, for some seconds."""
    offers: frozenset[str] = frozenset()
    """`filter` and `order`, as far as the view's rows have them."""
    stack: tuple[Location, ...] | None = None
    """The await stack of the task that the view shows, outermost frame first; None: unknown."""
    tree: WaitTree | None = None
    """Who waits for whom, if the view shows it; None: it is not known."""
    path: CriticalPath | None = None
    """What decided the latency of the request whose detail is open; None: it is not known."""
    written: Written = NOTHING
    """What the app has written up to now."""
    aside: str = ""
    """The program of the user's own that goes on while this lesson is shown; empty: none does."""
    frozen_at_ns: int = 0
    """The moment of the freeze, to which the time axis counts; 0: it counts to the end."""
    tour: Tour | None = None
    """The tour, if this scenario is the lesson that it is at."""
    present: bool = False
    """Presenter's mode: fewer figures, and the keys that are pressed are shown."""
    pressed: str = ""
    """The action of the key that was pressed last, for some seconds in presenter's mode."""

    @property
    def is_program(self) -> bool:
        """True if no scenario runs but a program of the user's own: no lesson, no fixes."""
        return isinstance(self.scenario, Program)

    @property
    def can_start_again(self) -> bool:
        """False for what loopviz has not started, once it has ended."""
        return self.started_here or self.status.phase != "ended"

    @property
    def started_here(self) -> bool:
        """False for a process that ran before, and for a recording."""
        program = self.scenario if isinstance(self.scenario, Program) else None
        return program is None or not (program.pid or program.recording)

    @property
    def frozen(self) -> bool:
        """True if a moment of the past is shown."""
        return self.view_state.frozen

    @property
    def loops(self) -> tuple[int, ...]:
        """The numbers of the loops that can be shown alone; empty: there is one only."""
        return tuple(number for number, _ in self.snapshot.loops) if self.snapshot else ()

    @property
    def loop(self) -> int:
        """The number of the loop that is shown alone; 0: all are."""
        return self.view_state.loop if self.view_state.loop in self.loops else 0

    @property
    def here(self) -> str:
        """` in loop 2`, of what is said of one loop that is shown alone; empty: all are."""
        return f" in loop {self.loop}" if self.loop else ""

    @property
    def when(self) -> str:
        """`so far`, of nothing that is wrong; `now` once a fix was switched.

        What a rule found before that may not be told any more.
        """
        return "now" if self.snapshot and self.snapshot.comparison else "so far"

    @property
    def view(self) -> str:
        return self.view_state.view

    @property
    def cell_ns(self) -> int:
        """The duration of a column, as it was chosen or as the scenario begins; 0: the plan's."""
        return self.view_state.cell_ns or int(self.scenario.zoom_ms * MS)

    @property
    def blocked_by(self) -> Running | None:
        """The callback that blocks the loop at the end of the picture; None: nothing does."""
        if self.snapshot is None or self.status.phase != "running":
            return None
        running = self.snapshot.loop.running
        return running if running and self.end_ns - running.since_ns > SLOW_NS else None

    @cached_property
    def finding(self) -> Finding | None:
        """The worst finding; one that is still seen goes before one that is not.

        None if it happened only once while a counter rises that ought to stay 0, or if it is only
        how a lesson's app starts.
        """
        if not self.snapshot or not self.snapshot.findings:
            return None
        if self.status.phase == "starting" and self.scenario.lesson:
            return None
        findings = self.snapshot.findings
        worst = next((f for f in findings if not self.is_stale(f)), findings[0])
        return None if worst.once and self.rising_counter is not None else worst

    @cached_property
    def began_ns(self) -> int:
        """When a lesson began: before that its app started; 0: that is out of sight."""
        marks = self.snapshot.marks if self.snapshot and self.scenario.lesson else ()
        return max((mark.at_ns for mark in marks if mark.kind == "scenario"), default=0)

    @cached_property
    def rising_counter(self) -> CounterValue | None:
        """A counter that ought to stay 0 and rises: the endpoints see what no rule does."""
        counters = self.snapshot.counters if self.snapshot else ()
        return next((c for c in counters if c.bad and c.value and c.recent > 0), None)

    @property
    def suggested_fix(self) -> FixInfo | None:
        """The fix to try now; None if there is none, or it is on, or all is solved.

        With trouble, but without a finding that a fix answers, the first one that helps.
        """
        on = self.status.fixes_on
        if self.verdict is not None and self.verdict.outcome == "solved":
            return None
        finding = self.finding
        if finding is not None and not (self.is_stale(finding) and (self.rising_counter or on)):
            fix = self.fix(finding.suggested_fix)
            if fix is not None or self.rising_counter is None:
                return None if fix is None or fix.key in on else fix
        good = [fix for fix in self.scenario.fixes if not fix.wrong]
        if self.rising_counter is None or any(fix.key in on for fix in good):
            return None
        return next((fix for fix in good if not fix.unavailable), None)

    def is_stale(self, finding: Finding) -> bool:
        """True if the finding was not seen lately."""
        return not is_active(finding, self.end_ns)

    @cached_property
    def verdict(self) -> FixVerdict | None:
        """What the last change of fixes has done, as of `snapshot.comparison`; None without one."""
        if self.snapshot is None:
            return None
        wrong = [fix.key for fix in self.scenario.fixes if fix.wrong]
        on = None if self.frozen else self.status.fixes_on
        return judge(self.snapshot.comparison, self._all_findings, wrong, on)

    @property
    def _all_findings(self) -> Sequence[Finding]:
        """Those of all loops, also while one is shown alone."""
        assert self.snapshot is not None
        if not self.loop:
            return self.snapshot.findings
        return add_findings(of.findings for _, of in self.snapshot.loops)

    @property
    def letters(self) -> tuple[str, ...]:
        """The keys of the scenario's fixes, in their order; those beyond the sixth have none."""
        count = min(len(self.scenario.fixes), len(FIX_LETTERS))
        return tuple(self.keys.label(f"fix-{letter}") for letter in FIX_LETTERS[:count])

    def letter(self, fix_key: str) -> str:
        """The key on the keyboard for a fix; empty if there is none."""
        keys = [fix.key for fix in self.scenario.fixes]
        letters = dict(zip(keys, self.letters, strict=False))
        return letters.get(fix_key, "")

    def fix(self, fix_key: str) -> FixInfo | None:
        return next((fix for fix in self.scenario.fixes if fix.key == fix_key), None)
