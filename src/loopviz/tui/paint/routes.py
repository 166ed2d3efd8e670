"""The routes' table: what the load sent and what it got back."""

from textual.strip import Strip

from loopviz.model.snapshot import RouteView
from loopviz.tui.paint.diagnosis import boxed
from loopviz.tui.paint.layout import Plan
from loopviz.tui.paint.scene import Scene
from loopviz.tui.paint.text import Line, clean, duration, fit

__all__ = ["paint_routes"]

FIGURES = (("rps", 4), ("sent", 6), ("ok", 6), ("err", 5), ("open", 5), ("p50", 7), ("p99", 7))


def paint_routes(scene: Scene, plan: Plan) -> list[Strip]:
    """A title, a head, a row for each route, and the errors by kind if there is room."""
    width, height = plan.size("routes")
    inner = width - 2
    looks = scene.looks
    name = inner - sum(wide for _, wide in FIGURES) - 1
    head = Line(inner).add(fit("  route", name), looks.dim)
    for title, wide in FIGURES:
        head.add(f"{title:>{wide}}", looks.dim)
    routes = scene.snapshot.routes if scene.snapshot else ()
    body = [head.strip(looks.text), *(_row(route, inner, name, scene) for route in routes)]
    for route in routes:
        if route.errors:
            kinds = ", ".join(f"{clean(kind)} {n}×" for kind, n in route.errors.items())
            line = Line(inner).add(f"  {clean(route.route)}: {kinds}", looks.alarm)
            body.append(line.strip(looks.text))
    return boxed(
        body, "LOAD", looks.title, "latency counts from the scheduled time", width, height, scene
    )


def _row(route: RouteView, inner: int, name: int, scene: Scene) -> Strip:
    looks = scene.looks
    errors = sum(route.errors.values())
    line = Line(inner).add(fit(f"  {clean(route.route)}", name, scene.glyphs.more), looks.text)
    line.add(f"{route.offered_rps:>4.0f}{route.sent:>6}{route.ok:>6}", looks.text)
    line.add(f"{errors:>5}", looks.alarm if errors else looks.dim)
    line.add(f"{route.in_flight:>5}", looks.text)
    recent = route.latency_recent
    for value in (recent.p50_ns, recent.p99_ns):
        line.add(f"{duration(value) if recent.count else '–':>7}", looks.strong)
    return line.strip(looks.text)
