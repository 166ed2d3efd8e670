"""A comparison that the real model has made, and the strip that shows it."""

from dataclasses import replace

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.testing import Story
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.draw.palette import theme_named
from loopviz.tui.panels.compare import draw_compare
from loopviz.tui.panels.layout import PlanInput, make_plan
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.actions import DEFAULT_KEYS
from loopviz.tui.state.view_state import ViewState
from loopviz.wire.samples import Sample
from tests.tui.fake_run import SCENARIO, T0, FakeRun


def compared(*, before_ms=100, after_ms=4, seconds=20, marks=("fix:to_thread=on",), lost=0):
    """What the model makes of so many seconds of 35 requests a second on either side."""
    model = Model(
        [("GET /report", 15), ("GET /ping", 20)],
        counters=[("lost", "lost votes", True)],
        headline="p99_ms GET /report",
    )
    model.mark(T0, "scenario:block")
    story = Story(T0).counts("lost", 0)
    story.resource(1, "asyncio.Semaphore", 5, name="db pool").task(1).step(1).acquires(1, 1, 1)
    for phase, latency in enumerate((before_ms, after_ms)):
        for second in range(seconds):
            start = T0 + (phase * seconds + second) * SECOND
            for route, rps in enumerate((15, 20)):
                times = [start + i * SECOND // rps for i in range(rps)]
                samples = [Sample(route, t, t, t + (latency + i) * MS, 200)
                           for i, t in enumerate(times)]  # fmt: skip
                model.feed_load(samples, [0, 0], [0, 0], [0, 0])
            story.idle(MS).counts("lost", lost * (second + 1) if not phase else lost * seconds)
            story.runs(SECOND - MS).feed(model)
        if not phase:
            story.step(1).releases(1, 1, 0).end(1)
            for mark in marks:
                model.mark(T0 + seconds * SECOND, mark)
    now = T0 + 2 * seconds * SECOND
    return model.snapshot(now, 5 * SECOND)


def scene_of(snapshot, *, on=("to_thread",), view_state=None, ascii_only=False, **scenario):
    status = replace(FakeRun().status, fixes_on=frozenset(on))
    return Scene(
        replace(SCENARIO, **scenario),
        status,
        snapshot,
        snapshot.now_ns if snapshot else T0,
        snapshot.now_ns if snapshot else T0,
        theme_named("dark"),
        ASCII if ascii_only else BLOCKS,
        keys=DEFAULT_KEYS,
        view_state=view_state or ViewState("compare"),
    )


def strip(scene, width=80, height=24, view="compare"):
    scene = replace(scene, view_state=replace(scene.view_state, view=view))
    strips = draw_compare(scene, make_plan(width, height, PlanInput(comparing=True, view=view)))
    assert {row.cell_length for row in strips} == {width}
    return [row.text.rstrip() for row in strips]
