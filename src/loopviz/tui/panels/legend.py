"""The legend: one row that says what the glyphs mean."""

from rich.style import Style
from textual.strip import Strip

from loopviz.model.snapshot import State
from loopviz.tui.draw.text import Line, cell_width
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene

__all__ = ["GLYPH_HELP", "MESSAGE_HELP", "ORPHAN_HELP", "draw_legend"]

GLYPH_HELP = (
    (State.RUN, "run", "a step of the request runs on the loop"),
    (State.READY, "ready", "it could run, but the loop is busy with something else"),
    (State.RESOURCE, "resource", "it waits for its turn: a lock, a pool, a queue, a limiter"),
    (State.AWAIT, "await", "it waits for something else: a socket, a timer, another task"),
    (State.THREAD, "thread", "a worker thread or process does something for it"),
    (State.BLOCKING, "blocking", "one step blocks the loop; everything else has to wait"),
    (State.GIL, "GIL", "its step waits while a thread has the GIL; so does everything else"),
)

ORPHAN_HELP = ("orphan", "works on after its request has ended, or its client has left")

MESSAGE_HELP = ("message", "a WebSocket's message, sent or received, or a part of a stream")


def draw_legend(scene: Scene, plan: Plan) -> list[Strip]:
    """One row; on narrow terminals it begins further left.

    The glyphs of the GIL, of orphans and messages are rare, and in it only while they are in the
    picture.
    """
    theme, glyphs = scene.theme, scene.glyphs
    width = plan.size("legend")[0]
    words: list[list[tuple[str, Style]]] = []
    for state, name, _ in GLYPH_HELP:
        if state is State.GIL and not _shows_gil(scene):
            continue
        word = [(glyphs.of(state), theme.of(state)), (f" {name}", theme.dim)]
        if state is State.BLOCKING:
            word.insert(1, (glyphs.bang, theme.bang))
        words.append(word)
    if _shows_orphans(scene):
        words.append([(glyphs.orphan, theme.orphan), (f" {ORPHAN_HELP[0]}", theme.dim)])
    if _shows_messages(scene):
        words.append([(glyphs.message, theme.strong), (f" {MESSAGE_HELP[0]}", theme.dim)])
    words.append([(glyphs.mark, theme.mark), (" change", theme.dim)])
    cells = sum(cell_width(text) for word in words for text, _ in word)
    indent, gap = next(
        (
            (indent, gap)
            for indent, gap in ((plan.label, 3), (plan.label, 2), (1, 2), (1, 1))
            if indent + cells + gap * (len(words) - 1) <= width
        ),
        (1, 1),
    )
    line = Line(width).to(indent, theme.dim)
    for word in words:
        if line.left < sum(cell_width(text) for text, _ in word):
            break
        for text, style in word:
            line.add(text, style)
        line.add(" " * gap, theme.dim)
    return [line.strip(theme.text)]


def _shows_gil(scene: Scene) -> bool:
    if scene.snapshot is None:
        return False
    loops = (scene.snapshot.loop, *(peer.loop for peer in scene.snapshot.peers))
    return any(stall.cause == "gil" for loop in loops for stall in loop.stalls)


def _shows_messages(scene: Scene) -> bool:
    snapshot = scene.snapshot
    return snapshot is not None and any(r.stream is not None for r in snapshot.requests)


def _shows_orphans(scene: Scene) -> bool:
    snapshot = scene.snapshot
    if snapshot is None:
        return False
    return bool(snapshot.orphans) or any(request.gone_ns for request in snapshot.requests)
