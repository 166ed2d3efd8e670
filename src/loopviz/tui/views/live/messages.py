"""The messages of WebSockets and streams: on their lane, and in words."""

from collections.abc import Sequence

from loopviz.model.snapshot import RequestInfo
from loopviz.tui.draw.text import duration
from loopviz.tui.draw.time_columns import Columns
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.spans import Cells

__all__ = ["draw_messages", "is_websocket", "message_facts"]


def draw_messages(
    cells: Cells, requests: Sequence[RequestInfo], scene: Scene, columns: Columns
) -> None:
    """A mark for each message, but not over what delays the request."""
    chars, styles = cells
    glyphs = scene.glyphs
    kept = glyphs.blocking + glyphs.bang + glyphs.gil + glyphs.ready + glyphs.resource
    for request in requests:
        if request.stream is None:
            continue
        for at in request.stream.times:
            column = columns.at(at)
            if 0 <= column < columns.count and chars[column] not in kept:
                chars[column], styles[column] = glyphs.message, scene.theme.strong


def is_websocket(request: RequestInfo) -> bool:
    return request.route.startswith("WS ")


def message_facts(request: RequestInfo) -> list[str]:
    """`40 sent`, `12 received`, `first after 12 ms`, `longest gap 1.2 s`; or `9 parts sent`."""
    stream = request.stream
    if stream is None:
        return []
    if is_websocket(request):
        facts = [f"{stream.sent:,} sent", f"{stream.received:,} received"]
    else:
        facts = [f"{stream.sent:,} part{'' if stream.sent == 1 else 's'} sent"]
    if stream.first_ns:
        facts.append(f"first after {duration(stream.first_ns, ' ')}")
    if stream.gap_ns:
        facts.append(f"longest gap {duration(stream.gap_ns, ' ')}")
    return facts
