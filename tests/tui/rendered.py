"""Views over a story's snapshot: a controller without a screen."""

from dataclasses import replace

from loopviz.clock import SECOND
from loopviz.engine.session import Frame
from loopviz.model.model import Model
from loopviz.tui.controller import Controller
from loopviz.tui.draw.glyphs import BLOCKS
from loopviz.tui.draw.palette import theme_named
from loopviz.tui.panels.layout import PlanInput, make_plan
from tests.tui.fake_run import FakeRun


class StoryRun(FakeRun):
    """Shows what a model has been told; a story may go on between two frames."""

    def __init__(self, story, model=None):
        super().__init__()
        self.story, self.model = story, model or Model()
        self.changed = {}
        """Fields of the snapshot that are to be others."""

    def frame(self, now_ns, window_ns):
        self.story.feed(self.model)
        snapshot = replace(self.model.snapshot(now_ns, window_ns), **self.changed)
        return Frame(self.scenario, self.status, snapshot)

    def ask_tree(self, loop=0):
        self.calls.append(("ask_tree",))
        return self.model.wait_tree(self.story.now_ns)

    def ask_path(self, request):
        self.calls.append(("ask_path", request.number))
        return self.model.critical_path(request)


class RenderedView:
    """A view as it is drawn: `rows` are its lines without trailing blanks."""

    def __init__(self, view, story, size=(80, 20), glyphs=BLOCKS, theme="dark"):
        self.run = StoryRun(story)
        self.story = story
        self.width, self.height = size
        self.controller = Controller(self.run, lambda: story.now_ns, theme_named(theme), glyphs)
        self.controller.view_state = replace(self.controller.view_state, view=view)
        self.controller.plan = make_plan(self.width, self.height + 4, PlanInput(view=view))
        self.draw()  # the first frame of a run forgets what was chosen before
        self.controller.view_state = replace(self.controller.view_state, view=view)

    @property
    def view(self):
        return self.controller.view

    def passes(self, ns=SECOND):
        """Time passes, so that slow parts of the snapshot are made anew."""
        self.story.idle(ns)
        return self

    def draw(self):
        scene = self.controller.next_scene(self.story.now_ns)
        strips = self.view.draw(scene, self.width, self.height)
        assert [strip.cell_length for strip in strips] == [self.width] * self.height
        return strips

    @property
    def keys(self):
        """What the cursor can be on now."""
        return list(self.view.keys(self.controller.next_scene(self.story.now_ns)))

    @property
    def rows(self):
        return [strip.text.rstrip() for strip in self.draw()]

    @property
    def text(self):
        return "\n".join(self.rows)

    def row(self, words):
        """The one row that has the words in it."""
        (found,) = (row for row in self.rows if words in row)
        return found

    def choose(self, key):
        self.controller.choose(key)
        return self
