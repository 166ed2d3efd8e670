"""The header: what is shown, how it stands, which fixes are on, how much load."""

from rich.style import Style
from textual.strip import Strip

from loopviz.clock import SECOND
from loopviz.model.snapshot import Snapshot
from loopviz.tui.draw.text import Line, clean, duration, fit, width_of
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene

__all__ = ["paint_banner", "paint_header", "state_word"]

WORDS = {
    "starting": "STARTING",
    "target-died": "TARGET DIED",
    "load-died": "LOAD DIED",
    "failed": "FAILED",
}


def state_word(scene: Scene) -> str:
    """LIVE, FROZEN, REPLAY, STARTING, TARGET DIED, LOAD DIED or FAILED."""
    shown = "REPLAY" if scene.look.speed else "FROZEN" if scene.frozen else "LIVE"
    return WORDS.get(scene.status.phase, shown)


def paint_header(scene: Scene, plan: Plan) -> list[Strip]:
    """One row. Narrow terminals lose the frame rate first, then the title."""
    looks = scene.looks
    width = plan.size("header")[0]
    line = Line(width).add(" loopviz ", looks.bar_brand)
    word = state_word(scene)
    badge = {"LIVE": looks.badge_live, "FROZEN": looks.badge_frozen}.get(word)
    badge = looks.badge_frozen if word == "REPLAY" else badge
    if word == "STARTING":
        badge = looks.badge_waiting
    line.add(f" {word}{_pace(scene) if word == 'REPLAY' else ''} ", badge or looks.alarm_fill)
    if scene.frozen:
        line.add(f" +{_behind(scene)} behind", looks.bar_strong)
    right = _right(scene, width)
    fixes = _fixes(scene, width)
    least = line.left - sum(width_of(text) for text, _ in fixes) - len(scene.scenario.id) - 6
    if sum(width_of(text) for text, _ in right) > least:  # a replay says much
        right = [part for part in right if part[1] in (looks.bar_strong, looks.bar_alarm)]
        right = [(f" {text.strip()} ", style) for text, style in right]
        right = right if sum(width_of(text) for text, _ in right) <= least else []
    used = sum(width_of(text) for text, _ in (*fixes, *right)) + 5
    title = f"{scene.scenario.id}: {scene.scenario.title}" if scene.scenario.title else ""
    title = clean(title or scene.scenario.id)
    room = line.left - used - 2
    line.add("  ", looks.bar)
    if width_of(title) > room:  # then its id alone
        title = clean(scene.scenario.id)
    line.add(title, looks.bar_strong)
    if fixes:
        line.add("   ", looks.bar)
    for text, style in fixes:
        line.add(text, style)
    rest = sum(width_of(text) for text, _ in right)
    line.to(width - rest, looks.bar)
    for text, style in right:
        line.add(text, style)
    return [line.strip(looks.bar)]


def _pace(scene: Scene) -> str:
    """` ×1/10`, and whether it stands."""
    speed = scene.look.speed
    pace = f"1/{1 / speed:.0f}" if speed < 1 else "1"
    return f" {scene.glyphs.times}{pace}{' PAUSED' if scene.look.paused else ''}"


def _behind(scene: Scene) -> str:
    """`12 s`, `2:05`; in a replay, which moves, `1.4 s`."""
    behind = scene.now_ns - scene.end_ns
    if scene.look.speed:
        return duration(behind - behind % (SECOND // 10), " ") if behind >= SECOND else "0 s"
    s = behind // SECOND
    return f"{s} s" if s < 120 else f"{s // 60}:{s % 60:02}"


def _fixes(scene: Scene, width: int) -> list[tuple[str, Style]]:
    looks = scene.looks
    parts: list[tuple[str, Style]] = []
    word = "fixes " if width >= 100 else ""
    for letter, fix in zip(scene.letters, scene.scenario.fixes, strict=False):
        on = fix.key in scene.status.fixes_on
        tick = "-" if fix.unavailable else "x" if on else " "
        style = looks.bar_good if on else looks.bar_dim if fix.unavailable else looks.bar
        parts.append((" " if parts else word, looks.bar_dim))
        parts.append((f"{letter}[{tick}]", style))
    return parts


def _right(scene: Scene, width: int) -> list[tuple[str, Style]]:
    looks, snapshot = scene.looks, scene.snapshot
    rate = scene.status.rate
    if snapshot and snapshot.routes:
        rps = sum(route.offered_rps for route in snapshot.routes)
    else:
        rps = sum(load.rps for load in scene.scenario.load) * rate
    factor = f"{rate:.2f}".rstrip("0").ljust(3, "0")
    parts = [("load " if width >= 72 else "  ", looks.bar_dim)]
    parts.append((f"{scene.glyphs.times}{factor}", looks.bar_strong))
    parts.append((f" {rps:.0f} rps", looks.bar))
    if width >= 100:
        parts.append((f"   {scene.fps:2d} fps", looks.bar_dim))
    parts += [(f"  {trouble}", looks.bar_alarm) for trouble in _sees_less(snapshot)]
    dropped = snapshot.health.dropped_events if snapshot else 0
    if scene.status.changed:
        parts.append((f"  changed: {scene.keys.shown('restart')} reloads ", looks.bar_good))
        if not dropped:
            return parts
    if width < (100 if scene.frozen else 72) and not dropped:
        return [*parts, (" ", looks.bar)]
    parts.append(("  drop ", looks.bar_dim))
    parts.append((f"{dropped} ", looks.bar_alarm if dropped else looks.bar))
    return parts


def _sees_less(snapshot: Snapshot | None) -> list[str]:
    """Why loopviz does not see all of the loop: a foreign loop, a hook that failed."""
    if snapshot is None:
        return []
    found = ["STEPS ONLY"] if snapshot.loop.coverage != "full" else []
    if snapshot.health.failed_hooks:
        found.append(f"HOOK FAILED {clean(snapshot.health.failed_hooks[0].partition(':')[0])}")
    return found


def paint_banner(scene: Scene, plan: Plan) -> list[Strip]:
    """One row, when there is something to say: what happened, and the key to press."""
    looks = scene.looks
    width = plan.size("banner")[0]
    covers = "legend" in plan.panels
    why = scene.status.why if scene.status.phase == "running" else ""
    said = why if covers else scene.notice or why
    if said:
        text = fit(clean(said), width - 2, scene.glyphs.more)
        return [Line(width).add(f" {text}", looks.warm).strip(looks.text)]
    if scene.status.phase == "starting":
        why = scene.status.why or f"Starting {scene.scenario.id}: the app comes up, then its load."
        return [Line(width).add(f" {clean(why)}", looks.warm).strip(looks.text)]
    why = clean(scene.status.why) or f"{state_word(scene).capitalize()}."
    again, others = scene.keys.shown("restart"), scene.keys.shown("scenarios")
    key = f" {again} restart "
    if scene.status.phase == "failed":
        key = f" {again} retry  {others} scenarios "
    line = Line(width).add(
        " " + fit(why, min(width_of(why), width - len(key) - 2)), looks.alarm_fill
    )
    line.to(width - len(key), looks.alarm_fill).add(key, looks.cursor)
    return [line.strip(looks.alarm_fill)]
