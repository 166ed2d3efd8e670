"""A task's await stack, with the source of the app's own frames."""

from collections.abc import Iterator
from itertools import groupby

from loopviz.model.snapshot import Location, TaskInfo
from loopviz.tui.draw.text import clean, wrap
from loopviz.tui.panels.code import Source
from loopviz.tui.panels.detail import Detail
from loopviz.tui.panels.places import file_line, frame_text
from loopviz.tui.panels.scene import Scene

__all__ = ["draw_stack", "is_library"]

_INSTALLED = (
    *("/site-packages/", "/dist-packages/", "/lib/python", "<frozen "),
    "/loopviz/lab/target/",
)
_LESSONS = "/loopviz/_scenarios/"


def is_library(where: Location) -> bool:
    """True if it is installed code, not the app's own."""
    return _LESSONS not in where.path and any(part in where.path for part in _INSTALLED)


def draw_stack(detail: Detail, task: TaskInfo, scene: Scene, source: Source, most: int) -> None:
    """Outermost first; frames of libraries in a row are one line, but for the innermost one."""
    theme, stack = scene.theme, scene.stack
    if task.outcome or most < 2:
        return
    frozen = ", as it was at the freeze" if scene.frozen else ""
    if not stack:
        if task.place is None:
            return
        detail.heading("waits at" if task.state else "waited last at", frozen.strip(", "))
        stack = (task.place,)
    else:
        detail.heading("await stack", "outermost first" + frozen)
    rows = list(_frames(stack, source, detail.width - 6))
    room = most - 1
    if len(rows) > room:  # the innermost ones matter
        rows = [("", f"{scene.glyphs.more} {len(rows) - room + 1} rows above"), *rows[1 - room :]]
    for kind, text in rows:
        style = {"own": theme.strong, "code": theme.accent}.get(kind, theme.dim)
        indent = "    " if kind == "code" else ""
        detail.text(f"{indent}{text}", style)


def _frames(stack: tuple[Location, ...], source: Source, width: int) -> Iterator[tuple[str, str]]:
    """Kind (`own`, `code`, `library`) and text of each row."""
    for library, run in groupby(stack, is_library):
        frames = list(run)
        if library:
            innermost = frames[-1] is stack[-1]
            folded = frames[:-1] if innermost else frames
            if folded:
                yield "library", _folded(folded)
            if innermost:
                yield "library", frame_text(frames[-1], width)
            continue
        for frame in frames:
            yield "own", frame_text(frame, width)
            for _, text in source(frame, 0):
                for part in wrap(clean(text), width)[:2]:
                    yield "code", part


def _folded(frames: list[Location]) -> str:
    """`4 frames of starlette, fastapi`."""
    if len(frames) == 1:
        return file_line(frames[0])
    names = list(dict.fromkeys(frame.file.partition("/")[0] for frame in frames))
    more = " and others" if len(names) > 3 else ""
    return f"{len(frames)} frames of {', '.join(names[:3])}{more}"
