"""Where the person sits: what is looked at, and what is asked of the run. Knows no Textual."""

from dataclasses import replace

from loopviz.clock import MS, SECOND, Clock
from loopviz.engine.session import Frame, RunControl
from loopviz.lab.lesson import Lesson
from loopviz.model.snapshot import Location, Snapshot
from loopviz.tui.draw.glyphs import Glyphs
from loopviz.tui.draw.palette import Looks
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene
from loopviz.tui.source import lesson_of
from loopviz.tui.state.actions import DEFAULT_KEYS
from loopviz.tui.state.effects import Change, Effects, Freeze, GoTo, Say
from loopviz.tui.state.keys import Keymap
from loopviz.tui.state.view_state import LIVE, Key, Look
from loopviz.tui.views import View, views

__all__ = ["Desk"]

LEAST_NS = 6 * SECOND + 200 * MS
"""History to ask for at least: figures of the last seconds are made of it."""

KNOWN_NS = 3 * SECOND
"""So long after a moment it turns out what tasks did then: what they waited for, who ran."""

NOTICE_NS = 6 * SECOND
"""How long an answer to a key stands."""

BACK_NS = 65 * SECOND
"""How much history before a freeze is retained in detail."""


class Desk:
    """Commands act on it, the screen shows what it sees."""

    def __init__(
        self,
        controller: RunControl,
        clock: Clock,
        looks: Looks,
        glyphs: Glyphs,
        keys: Keymap = DEFAULT_KEYS,
    ) -> None:
        self.controller, self.clock = controller, clock
        self.looks, self.glyphs, self.keys = looks, glyphs, keys
        self.look = Look()
        self.views = views()
        self.plan: Plan | None = None
        """Where things are on the screen; None before the first frame."""
        self.scene: Scene | None = None
        """What is on the screen."""
        self.fps = 0
        self.held: Snapshot | None = None
        """The picture at the moment of the freeze."""
        self._past: tuple[tuple[int, int, int], Snapshot] | None = None
        self._stack: tuple[int, tuple[Location, ...] | None] = (0, None)
        """The task whose await stack was last asked for, and that."""
        self._notice = ("", 0)
        """What to say, and until when."""
        self._scenario = ""
        self._lesson: Lesson | None = None
        self._played_ns = 0

    @property
    def view(self) -> View:
        """The one that is shown."""
        return self.views[self.look.view]

    @property
    def columns(self) -> Columns | None:
        """The time axis as it is on the screen."""
        if self.plan is None or self.scene is None:
            return None
        return self.grid(self.scene.end_ns)

    @property
    def newest_ns(self) -> int:
        """The last moment that can be shown."""
        return self.scene.now_ns if self.scene is not None else 0

    def oldest_ns(self, columns: Columns) -> int:
        """The first moment that can be shown at that zoom."""
        snapshot = self.held or (self.scene.snapshot if self.scene is not None else None)
        if snapshot is None:
            return 0
        known = snapshot.overview
        if columns.cell_ns >= SECOND and len(known.busy_ns):
            return min(known.start_s * SECOND, snapshot.oldest_ns)
        return snapshot.oldest_ns

    def grid(self, end_ns: int) -> Columns:
        """The time axis that ends then, at the look's zoom."""
        assert self.plan is not None
        if self.look.cell_ns:
            return Columns(self.look.cell_ns, self.plan.columns, end_ns)
        return Columns.over(self.plan.window_ns, self.plan.columns, end_ns)

    def see(self, now_ns: int) -> Scene:
        """The frame of this moment. `scene.scenario` differs from the last one's after a switch."""
        self._play(now_ns)
        frame = self.controller.frame(now_ns, self._window_ns())
        if frame.scenario.id != self._scenario:
            self._scenario = frame.scenario.id
            self._lesson = lesson_of(frame.scenario)
            self.forget()
        notice, until_ns = self._notice
        end_ns = self.look.end_ns or now_ns
        self.scene = Scene(
            frame.scenario,
            frame.status,
            self._picture(frame, end_ns, now_ns),
            end_ns,
            now_ns,
            self.looks,
            self.glyphs,
            keys=self.keys,
            look=self.look,
            fps=self.fps,
            lesson=self._lesson,
            notice=notice if now_ns < until_ns else "",
            offers=self.view.offers,
            stack=self._stack_of(self.view.asks(self.look)),
            anchor_ns=self.held.now_ns if self.held is not None else 0,
        )
        self._follow()
        return self.scene

    def _stack_of(self, task: int) -> tuple[Location, ...] | None:
        """Where that task is now; while the view is frozen, what was known of it before."""
        known = self._stack[1] if self._stack[0] == task else None
        if not task or self.look.frozen:
            return known
        self._stack = task, self.controller.ask_stack(task) or known
        return self._stack[1]

    def say(self, text: str) -> None:
        """Answer a key, in one sentence; empty: nothing more to say."""
        self._notice = (text, self.clock() + NOTICE_NS)

    def freeze(self, end_ns: int = 0) -> bool:
        """Show that moment from now on, by default the one on the screen; False: there is none."""
        scene = self.scene
        if scene is None or scene.snapshot is None:
            return False
        if self.held is None:
            self.held = scene.snapshot
            self.controller.retain(scene.end_ns - BACK_NS)
        self.look = replace(self.look, end_ns=end_ns or self.look.end_ns or scene.end_ns)
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
        look = replace(self.look, view=LIVE).choose(request or None)
        self.look = replace(look, slice_ns=start_ns, end_ns=end, speed=0.0, until_ns=0, span=None)
        return True

    def apply(self, effects: Effects) -> bool:
        """Do what a view wants done; False: it wants nothing of its own."""
        for effect in effects or ():
            match effect:
                case Say(text):
                    self.say(text)
                case Change(edit):
                    self.look = edit(self.look)
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
        self.look = self.look.now()
        if self.held is not None:
            self.held = self._past = None
            self.controller.release()

    def forget(self) -> None:
        """Another run: nothing of the old one is to be seen."""
        self.go_live()
        self.look = self.look.anew()
        self._notice = ("", 0)
        for view in self.views.values():
            view.forget()

    def restarted(self) -> None:
        """The same scenario begins anew."""
        self._scenario = ""

    def move(self, by: int) -> None:
        """The cursor goes so many rows down; to the first one if there was none."""
        if self.scene is None:
            return
        keys = list(self.view.keys(self.scene))
        if not keys:
            return
        row = self.view.at(self.scene)
        at = keys.index(row) + by if row in keys else (0 if by > 0 else len(keys) - 1)
        self.choose(keys[max(0, min(len(keys) - 1, at))])

    def choose(self, key: Key | None) -> None:
        self.look = self.look.choose(key)

    def _follow(self) -> None:
        """While it is live, the cursor goes from request to request."""
        assert self.scene is not None
        row = self.look.row
        if row is not None and not self.look.frozen:
            newer = self.view.follow(self.scene)
            if newer != row:
                self.choose(newer)

    def _window_ns(self) -> int:
        if self.held is not None and self.plan is not None:
            return 0  # what is shown is made of what is held
        if self.plan is None:
            return LEAST_NS
        columns = self.grid(self.clock())
        return max(LEAST_NS, columns.cell_ns * (columns.count + 1))

    def _picture(self, frame: Frame, end_ns: int, now_ns: int) -> Snapshot | None:
        if self.held is None or self.plan is None:
            return frame.snapshot
        start_ns = self.grid(end_ns).start_ns
        known = min(now_ns - end_ns, KNOWN_NS) // (SECOND // 2)
        wanted = (start_ns, end_ns, known)
        if self._past is None or self._past[0] != wanted:
            self._past = wanted, self.controller.past(self.held, start_ns, end_ns)
        return self._past[1]

    def _play(self, now_ns: int) -> None:
        """Slow motion: the moment that is shown moves on."""
        look = self.look
        if look.playing and self._played_ns:
            end_ns = look.end_ns + int((now_ns - self._played_ns) * look.speed)
            if end_ns >= look.until_ns:
                self.look = replace(look, end_ns=look.until_ns, speed=0.0, until_ns=0)
            else:
                self.look = replace(look, end_ns=end_ns)
        self._played_ns = now_ns
