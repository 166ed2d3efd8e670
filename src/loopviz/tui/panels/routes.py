"""The routes' table: what the load sent and what it got back."""

from collections.abc import Callable, Sequence

from textual.strip import Strip

from loopviz.model.snapshot import RouteInfo
from loopviz.tui.draw.text import Line, cell_width, clean, duration, fit
from loopviz.tui.panels.diagnosis import boxed
from loopviz.tui.panels.finding import paragraph
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene

__all__ = ["draw_routes"]

RouteColumn = tuple[str, int, Callable[[RouteInfo], str]]
"""Head, width, text."""


def _failed(route: RouteInfo) -> int:
    """A client that left, as it was to, is no error."""
    return sum(count for kind, count in route.errors.items() if kind != "left")


def _offered(route: RouteInfo) -> str:
    """`50`, or `20 cl`: the clients of a closed loop; `–` for what nobody asks for at a rate."""
    if route.clients:
        return f"{route.clients} cl"
    return f"{route.offered_rps:.0f}" if route.offered_rps else "–"


def _took(ns: int, route: RouteInfo) -> str:
    return duration(ns) if route.latency_recent.count else "–"


FIGURES: tuple[RouteColumn, ...] = (
    ("rps", 4, _offered),
    ("sent", 6, lambda route: str(route.sent)),
    ("ok", 6, lambda route: str(route.ok)),
    ("err", 5, lambda route: str(_failed(route))),
    ("open", 5, lambda route: str(route.in_flight)),
    ("p50", 7, lambda route: _took(route.latency_recent.p50_ns, route)),
    ("p99", 7, lambda route: _took(route.latency_recent.p99_ns, route)),
)
OPTIONAL_FIGURES = ("sent", "open", "ok")
"""Figures that a narrow panel leaves out, in this order."""


def _figures(inner: int, names: int, routes: Sequence[RouteInfo]) -> list[RouteColumn]:
    """The figures that leave room for the longest name."""
    rate = max([3, *(len(_offered(route)) for route in routes)]) + 1
    kept = [("rps", rate, _offered), *FIGURES[1:]]
    for less in OPTIONAL_FIGURES:
        if inner - sum(figure[1] for figure in kept) - 1 < names:
            kept = [figure for figure in kept if figure[0] != less]
    return kept


def draw_routes(scene: Scene, plan: Plan) -> list[Strip]:
    """A title, a head, a row for each route, and the errors by kind if there is room."""
    width, height = plan.size("routes")
    inner = width - 2
    theme = scene.theme
    if scene.is_program and not scene.scenario.load:
        return boxed(_no_load(scene, inner), "LOAD", theme.title, "", width, height, scene)
    routes = scene.snapshot.routes if scene.snapshot else ()
    longest = max((cell_width(clean(route.route)) for route in routes), default=8)
    figures = _figures(inner, min(longest, 24) + 3, routes)
    name = inner - sum(figure[1] for figure in figures) - 1
    head = Line(inner).add(fit("  route", name), theme.dim)
    for title, wide, _ in figures:
        head.add(f"{title:>{wide}}", theme.dim)
    rows = [_row(route, inner, name, figures, scene) for route in routes]
    body = [head.strip(theme.text), *rows, *_what_to_know(routes, inner, scene)]
    for route in routes:
        if route.errors:
            kinds = ", ".join(f"{clean(kind)} {n}×" for kind, n in route.errors.items())
            style = theme.alarm if _failed(route) else theme.dim
            line = Line(inner).add(f"  {clean(route.route)}: {kinds}", style)
            body.append(line.strip(theme.text))
    for left_out in scene.status.left_out:
        text = fit(f"  not sent: {clean(left_out)}", inner, scene.glyphs.more)
        body.append(Line(inner).add(text, theme.dim).strip(theme.text))
    title, style = _title(routes), theme.title
    if any(route.at_limit for route in routes):
        title, style = "LOAD AT ITS LIMIT", theme.alarm
    return boxed(body, title, style, _counted_from(routes), width, height, scene)


def _is_closed(route: RouteInfo) -> bool:
    """Whether its clients wait for answers before they send; those of events only listen."""
    return bool(route.clients) and not route.route.startswith("SSE ")


def _title(routes: Sequence[RouteInfo]) -> str:
    """What kind of load it is, unless it is an open loop, as all lessons have."""
    kinds = {_is_closed(route) for route in routes}
    if True not in kinds:
        return "LOAD"
    return "LOAD, OPEN AND CLOSED LOOP" if False in kinds else "LOAD, CLOSED LOOP"


def _counted_from(routes: Sequence[RouteInfo]) -> str:
    """From when latencies count: in a closed loop nothing is due before it is sent."""
    if not any(map(_is_closed, routes)):
        return "latency counts from the scheduled time"
    return "cl: clients; their latency counts from the sending"


def _what_to_know(routes: Sequence[RouteInfo], width: int, scene: Scene) -> list[Strip]:
    """What a reader of the latencies must know of the load."""
    rows: list[Strip] = []
    limited = [route for route in routes if route.at_limit]
    if limited:
        text = "the load is at its limit: what these figures show is its own doing, too"
        rows += paragraph(text, scene.theme.alarm, width, scene)
    if any(map(_is_closed, routes)):
        text = (
            "closed loop: each client (cl) sends when its last request is answered, so latencies "
            "hide the queue of a slow app (coordinated omission)"
        )
        rows += paragraph(text, scene.theme.dim, width, scene)
    return rows


def _no_load(scene: Scene, width: int) -> list[Strip]:
    """Where a program waits for requests that are the user's to send."""
    if not scene.status.url:
        text = "none: it has not said at which address it serves HTTP, if it does"
        return paragraph(text, scene.theme.dim, width, scene)
    text = f"yours, to {scene.status.url}"
    hint = 'loopviz sends some with --load "GET / @ 20", for example'
    rows = paragraph(text, scene.theme.text, width, scene)
    return [*rows, *paragraph(hint, scene.theme.dim, width, scene)]


def _row(
    route: RouteInfo, inner: int, name: int, figures: Sequence[RouteColumn], scene: Scene
) -> Strip:
    theme = scene.theme
    line = Line(inner).add(fit(f"  {clean(route.route)}", name, scene.glyphs.more), theme.text)
    for title, wide, text in figures:
        style = theme.strong if title in ("p50", "p99") else theme.text
        if title == "err":
            style = theme.alarm if _failed(route) else theme.dim
        line.add(f"{text(route):>{wide}}", style)
    return line.strip(theme.text)
