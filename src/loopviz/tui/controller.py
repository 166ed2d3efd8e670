"""UI controller: the view state, the current frame, and access to the run. Free of Textual."""

from dataclasses import replace

from loopviz.clock import MS, SECOND, Clock
from loopviz.engine.session import Frame, RunControl
from loopviz.errors import LoopvizError
from loopviz.lab.catalogue import lessons_that_ask
from loopviz.lab.lesson import Lesson
from loopviz.model.snapshot import Snapshot
from loopviz.model.snapshot.merge import of_loop
from loopviz.program import Program
from loopviz.tui.asked import Asked
from loopviz.tui.draw.glyphs import Glyphs
from loopviz.tui.draw.palette import Theme
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.tour import is_cured
from loopviz.tui.source import lesson_of
from loopviz.tui.state.actions import DEFAULT_KEYS
from loopviz.tui.state.effects import Change, Effects, Freeze, GoTo, Notify
from loopviz.tui.state.keys import Keymap
from loopviz.tui.state.progress import NoProgress, Progress
from loopviz.tui.state.tour import STEPS, Tour
from loopviz.tui.state.view_state import LESSON, LIVE, TASKS, Key, ViewState
from loopviz.tui.views import View, views

__all__ = ["Controller"]

MIN_WINDOW_NS = 6 * SECOND + 200 * MS
"""The shortest history that a frame asks for: figures of the last seconds are computed from it."""

CLOSE_NS = 50 * MS
"""Columns of at most this duration, of which the next view may have more than this one."""

SETTLING_NS = 3 * SECOND
"""How long after a moment the model may still learn what tasks did then."""

PRESSED_NS = 3 * SECOND
"""How long presenter's mode shows the key that was pressed."""

GREETING_NS = 15 * SECOND
"""How long the greeting stays, unless a key is answered."""

NOTICE_NS = 6 * SECOND
"""How long an answer to a key stays on the screen."""

RETAINED_NS = 65 * SECOND
"""How much history before a freeze is retained in detail."""


class Controller:
    """Commands change it; the screen draws the scene that it makes for each frame."""

    def __init__(
        self,
        run: RunControl,
        clock: Clock,
        theme: Theme,
        glyphs: Glyphs,
        keys: Keymap = DEFAULT_KEYS,
    ) -> None:
        self.run, self.clock = run, clock
        self.theme, self.glyphs, self.keys = theme, glyphs, keys
        self.view_state = ViewState()
        self.views = views()
        self.plan: Plan | None = None
        """The layout of the screen; None before the first frame."""
        self.scene: Scene | None = None
        """The frame that is on the screen."""
        self.fps = 0
        self._all: Snapshot | None = None
        """The newest picture of all loops."""
        self.frozen: Snapshot | None = None
        """The picture at the moment of the freeze."""
        self._past: tuple[tuple[int, int, int], Snapshot] | None = None
        self._asked = Asked(run)
        self._notice = ("", 0)
        """The answer to the last key, and until when it stands."""
        self._scenario = ""
        self._lesson: Lesson | None = None
        self._usual_ns = 0
        """The duration of a column with which the scenario begins; 0: the plan's."""
        self._played_ns = 0
        self._left: ViewState | None = None
        """That of the program that goes on while a lesson is shown."""
        self._led = ""
        """The view that was chosen for the user; empty: they have chosen one."""
        self._over = False
        """The program has ended, and its last picture was kept."""
        self.tour: Tour | None = None
        """The tour, while there is one. What matters of it is kept at the next frame."""
        self.progress: Progress = NoProgress()
        """Keeps the tour's progress."""
        self._kept: object = None
        """What was kept of the tour last."""
        self._greeting = ""
        """One sentence for the first frames."""
        self.present = False
        """Presenter's mode."""
        self._pressed = ("", 0)
        """The action of the last key, and until when that is shown."""

    @property
    def view(self) -> View:
        """The one that is shown."""
        return self.views[self.view_state.view]

    @property
    def columns(self) -> Columns | None:
        """The time axis as it is on the screen."""
        if self.plan is None or self.scene is None:
            return None
        return self.columns_until(self.scene.end_ns)

    @property
    def newest_ns(self) -> int:
        """The last moment that can be shown."""
        return self.scene.now_ns if self.scene is not None else 0

    def oldest_ns(self, columns: Columns) -> int:
        """The first moment that can be shown at that zoom."""
        snapshot = self.frozen or (self.scene.snapshot if self.scene is not None else None)
        if snapshot is None:
            return 0
        known = snapshot.overview
        if columns.cell_ns >= SECOND and len(known.busy_ns):
            return min(known.start_s * SECOND, snapshot.oldest_ns)
        return snapshot.oldest_ns

    def columns_until(self, end_ns: int) -> Columns:
        """The time axis that ends then, at the view state's zoom, or the scenario's own."""
        assert self.plan is not None
        if cell_ns := self.view_state.cell_ns or self._usual_ns:
            return Columns(cell_ns, self.plan.columns, end_ns)
        return Columns.over(self.plan.window_ns, self.plan.columns, end_ns)

    def next_scene(self, now_ns: int) -> Scene:
        """The frame of this moment. `scene.scenario` differs from the last one's after a switch."""
        self._play(now_ns)
        frame = self.run.frame(now_ns, self._window_ns())
        if frame.scenario.id != self._scenario:
            self._scenario = frame.scenario.id
            self._lesson = lesson_of(frame.scenario)
            self._usual_ns = int(frame.scenario.zoom_ms * MS)
            self._led = LIVE if isinstance(frame.scenario, Program) else ""
            self._over = False
            self.reset()
            if self._left is not None and not frame.aside:
                self.view_state, self._left, self._led = self._left, None, ""
        self._lead(frame)
        notice, until_ns = self._notice
        state, asked = self.view_state, self._asked
        end_ns = state.end_ns or now_ns
        self.scene = Scene(
            frame.scenario,
            frame.status,
            self._picture(frame, end_ns, now_ns),
            end_ns,
            now_ns,
            self.theme,
            self.glyphs,
            keys=self.keys,
            view_state=state,
            fps=self.fps,
            lesson=self._lesson,
            notice=notice if now_ns < until_ns else "",
            offers=self.view.offers(state),
            stack=asked.stack(state.loop, self.view.stack_task(state), frozen=state.frozen),
            tree=asked.tree(state.loop, shown=self.view.shows_tree(state), frozen=state.frozen),
            written=frame.written,
            aside=frame.aside,
            frozen_at_ns=self.frozen.now_ns if self.frozen is not None else 0,
            present=self.present,
            pressed=self._pressed[0] if self.present and now_ns < self._pressed[1] else "",
        )
        self._follow()
        self._stay(frame)
        self.scene = replace(self.scene, path=asked.path(self.view.path_request(self.scene)))
        self.scene = replace(self.scene, tour=self._toured(self.scene))
        return self.scene

    def offer_tour(self) -> None:
        """Name its key while the first run begins."""
        if key := self.keys.label("tour"):
            steps = ", ".join(STEPS)
            self._greeting = f"New here? {key} starts a tour of the lessons: {steps}."

    def begin_tour(self, *, again: bool = False) -> None:
        """Go on with the tour where it was left, or begin it `again`."""
        lessons = lessons_that_ask(self.run.entries())
        if not lessons:
            self.notify("There is no lesson with a question, so there is no tour.")
            return
        try:
            tour = self.progress.tour(lessons, again=again)
        except LoopvizError as error:
            self.notify(str(error))
            return
        self.tour = tour
        self.notify("")
        if self.scene is not None and self.scene.scenario.id != tour.lesson:
            self.run.switch(tour.lesson)

    def _toured(self, scene: Scene) -> Tour | None:
        """The tour follows what the person does: to another lesson, to a fix and back."""
        tour, scenario = self.tour, scene.scenario.id
        if tour is None or scenario not in tour.lessons or not scene.scenario.question:
            return None
        tour = tour if tour.lesson == scenario else tour.at(scenario)
        self.tour = tour = tour.fixed(is_cured(scene))
        if tour.kept != self._kept:
            self._kept = tour.kept
            if problem := self.progress.keep(tour):
                self.notify(problem)
        return tour

    def notify(self, text: str, lasting_ns: int = NOTICE_NS) -> None:
        """Answer a key in one sentence. An empty text takes the last answer away."""
        self._notice = (text, self.clock() + lasting_ns)

    def show_pressed(self, action: str) -> None:
        """In presenter's mode, show which key was pressed, for a moment."""
        self._pressed = (action, self.clock() + PRESSED_NS)

    def freeze(self, end_ns: int = 0) -> bool:
        """Show that moment from now on, by default the one on the screen; False: there is none."""
        scene = self.scene
        if scene is None or scene.snapshot is None:
            return False
        if self.frozen is None:
            self.frozen = self._all or scene.snapshot
            self.run.retain(scene.end_ns - RETAINED_NS)
        self.view_state = replace(
            self.view_state, end_ns=end_ns or self.view_state.end_ns or scene.end_ns
        )
        return True

    def go_to(self, request: int, start_ns: int, end_ns: int) -> bool:
        """The live view, frozen with that time in its middle, the request and its slice chosen.

        `request` 0: of nobody's. What is kept for good is shown, however old. False: nothing is.
        """
        columns = self.columns
        if columns is None or not self.freeze():
            return False
        width = columns.cell_ns * columns.count
        middle = min((start_ns + end_ns) // 2, start_ns + width // 3)
        end = min(middle + width // 2, self.newest_ns)
        state = replace(self.view_state, view=LIVE).choose(request or None)
        self.view_state = replace(
            state, slice_ns=start_ns, end_ns=end, speed=0.0, until_ns=0, time_range=None
        )
        return True

    def apply(self, effects: Effects) -> bool:
        """Do what a view wants done; False: it wants nothing of its own."""
        for effect in effects or ():
            match effect:
                case Notify(text):
                    self.notify(text)
                case Change(edit):
                    self.view_state = edit(self.view_state)
                case Freeze(at_ns):
                    self.freeze(self._end_beyond(at_ns) if at_ns else 0)
                case GoTo(request, at_ns):
                    self.go_to(request, at_ns, at_ns)
        return effects is not None

    def _end_beyond(self, at_ns: int) -> int:
        """The end of a picture in which that moment has a quarter of the width after it."""
        columns = self.columns
        after = columns.cell_ns * columns.count // 4 if columns else 0
        return min(at_ns + after, self.scene.end_ns if self.scene else at_ns)

    def go_live(self) -> None:
        """Show what happens now."""
        self.view_state = self.view_state.live()
        if self.frozen is not None:
            self.frozen = self._past = None
            self.run.release()

    def reset(self) -> None:
        """Another run: nothing of the old one is to be seen."""
        self.go_live()
        self.view_state = self.view_state.for_new_run()
        self.notify(self._greeting, GREETING_NS)
        self._greeting = ""
        for view in self.views.values():
            view.reset()

    def restarted(self) -> None:
        """The same scenario starts again."""
        self._scenario = ""

    def move(self, by: int) -> None:
        """Move the cursor down by that many rows, or to the first row if there was no cursor."""
        if self.scene is None:
            return
        keys = list(self.view.keys(self.scene))
        if not keys:
            return
        row = self.view.cursor(self.scene)
        at = keys.index(row) + by if row in keys else (0 if by > 0 else len(keys) - 1)
        self.choose(keys[max(0, min(len(keys) - 1, at))])

    def visit(self, lesson: str) -> None:
        """Show a lesson; the program goes on, and is found again as it was left."""
        self.go_live()
        self._left = self.view_state
        self.view_state = replace(self.view_state, view=LESSON)
        self.run.visit(lesson)

    def choose_loop(self, number: int) -> None:
        """Show that loop alone; 0: all."""
        self.view_state = self.view_state.of_loop(number)
        self._asked.forget_tree()
        for view in self.views.values():
            view.reset()

    def choose(self, key: Key | None) -> None:
        self.view_state = self.view_state.choose(key)

    def _follow(self) -> None:
        """While it is live, the cursor goes from request to request."""
        assert self.scene is not None
        row = self.view_state.row
        if row is not None and not self.view_state.frozen:
            newer = self.view.follow(self.scene)
            if newer != row:
                self.choose(newer)

    def _lead(self, frame: Frame) -> None:
        """Tasks lead in a program that serves no requests, until the user has chosen a view."""
        state, snapshot = self.view_state, frame.snapshot
        if self._led and state.view == self._led and snapshot is not None:
            serves = not isinstance(frame.scenario, Program) or frame.scenario.serves
            serves = serves or bool(frame.status.url or snapshot.requests or frame.scenario.load)
            self._led = LIVE if serves else TASKS
            self.view_state = replace(state, view=self._led)
        elif state.view != self._led:
            self._led = ""

    def _stay(self, frame: Frame) -> None:
        """A program has ended by itself: its last seconds stay on the screen."""
        if frame.status.phase == "ended" and not self._over:
            self._over = True
            self.freeze()

    def _window_ns(self) -> int:
        if self.frozen is not None and self.plan is not None:
            return 0  # what is shown is made of the frozen snapshot
        if self.plan is None:
            return MIN_WINDOW_NS
        columns = self.columns_until(self.clock())
        count = columns.count if columns.cell_ns > CLOSE_NS else self.plan.width
        return max(MIN_WINDOW_NS, columns.cell_ns * (count + 1))

    def _picture(self, frame: Frame, end_ns: int, now_ns: int) -> Snapshot | None:
        """The picture of all loops, or of the one that was chosen."""
        found = self._picture_of_all(frame, end_ns, now_ns)
        number = self.view_state.loop
        return of_loop(found, number) if found is not None and number else found

    def _picture_of_all(self, frame: Frame, end_ns: int, now_ns: int) -> Snapshot | None:
        if self.frozen is None or self.plan is None:
            self._all = frame.snapshot
            return frame.snapshot
        start_ns = self.columns_until(end_ns).start_ns
        known = min(now_ns - end_ns, SETTLING_NS) // (SECOND // 2)
        wanted = (start_ns, end_ns, known)
        if self._past is None or self._past[0] != wanted:
            self._past = wanted, self.run.past(self.frozen, start_ns, end_ns)
        return self._past[1]

    def _play(self, now_ns: int) -> None:
        """Slow motion: the moment that is shown moves on."""
        state = self.view_state
        if state.playing and self._played_ns:
            end_ns = state.end_ns + int((now_ns - self._played_ns) * state.speed)
            if end_ns >= state.until_ns:
                self.view_state = replace(state, end_ns=state.until_ns, speed=0.0, until_ns=0)
            else:
                self.view_state = replace(state, end_ns=end_ns)
        self._played_ns = now_ns
