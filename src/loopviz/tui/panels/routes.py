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


def _took(ns: int, route: RouteInfo) -> str:
    return duration(ns) if route.latency_recent.count else "–"


FIGURES: tuple[RouteColumn, ...] = (
    ("rps", 4, lambda route: f"{route.offered_rps:.0f}"),
    ("sent", 6, lambda route: str(route.sent)),
    ("ok", 6, lambda route: str(route.ok)),
    ("err", 5, lambda route: str(_failed(route))),
    ("open", 5, lambda route: str(route.in_flight)),
    ("p50", 7, lambda route: _took(route.latency_recent.p50_ns, route)),
    ("p99", 7, lambda route: _took(route.latency_recent.p99_ns, route)),
)
OPTIONAL_FIGURES = ("sent", "open", "ok")
"""Figures that a narrow panel leaves out, in this order."""


def _figures(inner: int, names: int) -> list[RouteColumn]:
    """The figures that leave room for the longest name."""
    kept = list(FIGURES)
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
    figures = _figures(inner, min(longest, 24) + 3)
    name = inner - sum(figure[1] for figure in figures) - 1
    head = Line(inner).add(fit("  route", name), theme.dim)
    for title, wide, _ in figures:
        head.add(f"{title:>{wide}}", theme.dim)
    rows = [_row(route, inner, name, figures, scene) for route in routes]
    body = [head.strip(theme.text), *rows]
    for route in routes:
        if route.errors:
            kinds = ", ".join(f"{clean(kind)} {n}×" for kind, n in route.errors.items())
            style = theme.alarm if _failed(route) else theme.dim
            line = Line(inner).add(f"  {clean(route.route)}: {kinds}", style)
            body.append(line.strip(theme.text))
    return boxed(
        body, "LOAD", theme.title, "latency counts from the scheduled time", width, height, scene
    )


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
