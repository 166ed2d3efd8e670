"""Random programs of a loop that serves requests, as a story and as plain intervals."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

from loopviz.clock import MS
from loopviz.testing import Story

ROUTES = ("GET /a", "GET /b")

programs = st.lists(
    st.one_of(
        st.tuples(st.just("request"), st.integers(1, 5), st.integers(0, 30)),
        st.tuples(st.just("step"), st.integers(1, 5), st.integers(0, 40), st.integers(0, 45)),
        st.tuples(st.just("respond"), st.integers(1, 5), st.integers(0, 25)),
        st.tuples(st.just("callback"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("idle"), st.integers(1, 30), st.just(0)),
    ),
    min_size=1,
    max_size=50,
)


@dataclass
class World:
    """Plays a program, move by move; `ran` is what the loop did: start, end, request or 0."""

    story: Story = field(default_factory=Story)
    ran: list[tuple[int, int, int]] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)
    """The request's number by its task."""
    suspended: dict[int, int] = field(default_factory=dict)
    """Of each task, when it was."""
    amid: Callable[[], object] = lambda: None
    """Called in the middle of what runs."""
    count: int = 0
    tasks: int = 0

    def play(self, move):
        word, who, runs, *rest = move
        story = self.story
        if word == "request" and who not in self.numbers:
            self.tasks += 1
            sent = story.now_ns - runs * MS
            task = self.tasks * 10 + who
            story.task(task).step(task).request(task, ROUTES[who % 2], sent_ns=sent)
            self.count += 1
            self.numbers[who] = self.count
            self.suspended[who] = task
            self._runs(MS, self.count)
        elif word == "step" and who in self.numbers:
            story.step(self.suspended[who], waited=rest[0] * MS, place="sleep\ta.py\t3\tf")
            self._runs(runs * MS, self.numbers[who])
        elif word == "respond" and who in self.numbers:
            task = self.suspended.pop(who)
            story.step(task)
            self._runs(runs * MS, self.numbers.pop(who))
            story.response(task, ROUTES[who % 2]).end(task)
        elif word == "callback":
            story.callback("call\tlib.py\t7\tcall")
            self._runs(who * MS, 0)
        elif word == "idle":
            story.idle(who * MS)

    def _runs(self, ns, request):
        self.ran.append((self.story.now_ns, self.story.now_ns + ns, request))
        self.story.runs(ns // 2)
        if ns:
            self.amid()
        self.story.runs(ns - ns // 2)
