"""The header: the scenario, the state of the run, which fixes are on, how much load."""

from rich.style import Style
from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import LOAD_LATE_NS, Snapshot
from loopviz.tui.draw.text import Line, cell_width, clean, duration, fit
from loopviz.tui.panels.fixes import tick
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene

__all__ = ["draw_banner", "draw_header", "state_word"]

WORDS = {
    "starting": "STARTING",
    "target-died": "TARGET DIED",
    "load-died": "LOAD DIED",
    "failed": "FAILED",
}


def state_word(scene: Scene) -> str:
    """LIVE, FROZEN, REPLAY, STARTING, TARGET DIED, LOAD DIED or FAILED."""
    mode = "REPLAY" if scene.view_state.speed else "FROZEN" if scene.frozen else "LIVE"
    return WORDS.get(scene.status.phase, mode)


def draw_header(scene: Scene, plan: Plan) -> list[Strip]:
    """One row. Narrow terminals lose the frame rate first, then the title."""
    theme = scene.theme
    width = plan.size("header")[0]
    line = Line(width).add(" loopviz ", theme.bar_brand)
    word = state_word(scene)
    badge = {"LIVE": theme.badge_live, "FROZEN": theme.badge_frozen}.get(word)
    badge = theme.badge_frozen if word == "REPLAY" else badge
    if word == "STARTING":
        badge = theme.badge_waiting
    line.add(f" {word}{_speed_text(scene) if word == 'REPLAY' else ''} ", badge or theme.alarm_fill)
    if scene.frozen:
        line.add(f" +{_behind(scene)} behind", theme.bar_strong)
    right = _right(scene, width)
    fixes = _fixes(scene, width)
    least = line.left - sum(cell_width(text) for text, _ in fixes) - len(scene.scenario.id) - 6
    if sum(cell_width(text) for text, _ in right) > least:  # a replay says much
        right = [part for part in right if part[1] in (theme.bar_strong, theme.bar_alarm)]
        right = [(f" {text.strip()} ", style) for text, style in right]
        right = right if sum(cell_width(text) for text, _ in right) <= least else []
    used = sum(cell_width(text) for text, _ in (*fixes, *right)) + 5
    title = f"{scene.scenario.id}: {scene.scenario.title}" if scene.scenario.title else ""
    title = clean(title or scene.scenario.id)
    room = line.left - used - 2
    line.add("  ", theme.bar)
    if cell_width(title) > room:  # then its id alone
        title = clean(scene.scenario.id)
    line.add(title, theme.bar_strong)
    if fixes:
        line.add("   ", theme.bar)
    for text, style in fixes:
        line.add(text, style)
    rest = sum(cell_width(text) for text, _ in right)
    line.to(width - rest, theme.bar)
    for text, style in right:
        line.add(text, style)
    return [line.strip(theme.bar)]


def _speed_text(scene: Scene) -> str:
    """` ×1/10`, and whether it stands."""
    speed = scene.view_state.speed
    pace = f"1/{1 / speed:.0f}" if speed < 1 else "1"
    return f" {scene.glyphs.times}{pace}{' PAUSED' if scene.view_state.paused else ''}"


def _behind(scene: Scene) -> str:
    """`12 s`, `2:05`; in a replay, which moves, `1.4 s`."""
    behind = scene.now_ns - scene.end_ns
    if scene.view_state.speed:
        return duration(behind - behind % (SECOND // 10), " ") if behind >= SECOND else "0 s"
    s = behind // SECOND
    return f"{s} s" if s < 120 else f"{s // 60}:{s % 60:02}"


def _fixes(scene: Scene, width: int) -> list[tuple[str, Style]]:
    theme = scene.theme
    parts: list[tuple[str, Style]] = []
    word = "fixes " if width >= 100 else ""
    for letter, fix in zip(scene.letters, scene.scenario.fixes, strict=False):
        on = fix.key in scene.status.fixes_on
        style = theme.bar_good if on else theme.bar_dim if fix.unavailable else theme.bar
        parts.append((" " if parts else word, theme.bar_dim))
        parts.append((f"{letter}[{tick(fix, scene)}]", style))
    return parts


def _right(scene: Scene, width: int) -> list[tuple[str, Style]]:
    theme, snapshot = scene.theme, scene.snapshot
    rate = scene.status.rate
    if snapshot and snapshot.routes:
        rps = sum(route.offered_rps for route in snapshot.routes)
    else:
        rps = sum(load.rps for load in scene.scenario.load) * rate
    factor = f"{rate:.2f}".rstrip("0").ljust(3, "0")
    parts = [("load " if width >= 72 else "  ", theme.bar_dim)]
    parts.append((f"{scene.glyphs.times}{factor}", theme.bar_strong))
    parts.append((f" {rps:.0f} rps", theme.bar))
    if width >= 100:
        parts.append((f"   {scene.fps:2d} fps", theme.bar_dim))
    parts += [(f"  {trouble}", theme.bar_alarm) for trouble in _sees_less(snapshot)]
    dropped = snapshot.health.dropped_events if snapshot else 0
    if scene.status.changed:
        parts.append((f"  changed: {scene.keys.label('restart')} reloads ", theme.bar_good))
        if not dropped:
            return parts
    if width < (100 if scene.frozen else 72) and not dropped:
        return [*parts, (" ", theme.bar)]
    parts.append(("  drop ", theme.bar_dim))
    parts.append((f"{dropped} ", theme.bar_alarm if dropped else theme.bar))
    return parts


def _sees_less(snapshot: Snapshot | None) -> list[str]:
    """Why not all of the loop is seen, or latencies are not the server's alone."""
    if snapshot is None:
        return []
    found = ["STEPS ONLY"] if snapshot.loop.coverage != "full" else []
    if snapshot.health.failed_hooks:
        found.append(f"HOOK FAILED {clean(snapshot.health.failed_hooks[0].partition(':')[0])}")
    late_ns = max((route.late_recent_ns for route in snapshot.routes), default=0)
    if late_ns >= LOAD_LATE_NS:
        found.append(f"LOAD AT ITS LIMIT: {duration(late_ns, ' ')} LATE")
    return found


def draw_banner(scene: Scene, plan: Plan) -> list[Strip]:
    """One row, when there is something to say: what happened, and the key to press."""
    theme = scene.theme
    width = plan.size("banner")[0]
    covers = "legend" in plan.panels
    why = scene.status.why if scene.status.phase == "running" else ""
    notice = why if covers else scene.notice or why
    if notice:
        text = fit(clean(notice), width - 2, scene.glyphs.more)
        return [Line(width).add(f" {text}", theme.warm).strip(theme.text)]
    if scene.status.phase == "starting":
        why = scene.status.why or f"Starting {scene.scenario.id}: the app comes up, then its load."
        return [Line(width).add(f" {clean(why)}", theme.warm).strip(theme.text)]
    why = clean(scene.status.why) or f"{state_word(scene).capitalize()}."
    again, others = scene.keys.label("restart"), scene.keys.label("scenarios")
    key = f" {again} restart "
    if scene.status.phase == "failed":
        key = f" {again} retry  {others} scenarios "
    line = Line(width).add(
        " " + fit(why, min(cell_width(why), width - len(key) - 2)), theme.alarm_fill
    )
    line.to(width - len(key), theme.alarm_fill).add(key, theme.cursor)
    return [line.strip(theme.alarm_fill)]
