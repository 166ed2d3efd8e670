"""The legend: one row that says what the glyphs mean."""

from textual.strip import Strip

from loopviz.model.snapshot import State
from loopviz.tui.paint.layout import Plan
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line

__all__ = ["GLYPH_HELP", "paint_legend"]

GLYPH_HELP = (
    (State.RUN, "run", "a step of the request runs on the loop"),
    (State.READY, "ready", "it could run, but the loop is busy with something else"),
    (State.AWAIT, "await", "it waits for something that is not the loop"),
    (State.BLOCKING, "blocking", "one step holds the loop; everything else has to wait"),
)


def paint_legend(scene: Scene, plan: Plan) -> list[Strip]:
    """One row."""
    looks, glyphs = scene.looks, scene.glyphs
    line = Line(plan.size("legend")[0])
    line.to(plan.label, looks.dim)
    for state, name, _ in GLYPH_HELP:
        line.add(glyphs.of(state), looks.of(state))
        if state is State.BLOCKING:
            line.add(glyphs.bang, looks.bang)
        line.add(f" {name}   ", looks.dim)
    line.add(glyphs.mark, looks.mark).add(" change", looks.dim)
    return [line.strip(looks.text)]
