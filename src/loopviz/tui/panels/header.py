"""The header: the scenario, the state of the run, which fixes are on, how much load."""

from collections.abc import Iterable
from typing import NamedTuple

from rich.style import Style
from textual.strip import Strip

from loopviz.clock import MS, SECOND
from loopviz.lab.catalogue import FixInfo
from loopviz.model.snapshot import LOAD_LATE_NS, Snapshot
from loopviz.model.state.routes import scaled
from loopviz.tui.draw.text import Line, cell_width, clean, duration, fit
from loopviz.tui.panels.layout import Plan
from loopviz.tui.panels.scene import Scene
from loopviz.tui.state.view_state import FIX_LETTERS

__all__ = ["draw_banner", "draw_header", "fix_at_header", "state_word"]

LEAST_CELLS = 4
"""The shortest a fix's name is cut to; where there is less room, there are the letters alone."""

WORDS = {
    "starting": "STARTING",
    "ending": "ENDING",
    "target-died": "TARGET DIED",
    "load-died": "LOAD DIED",
    "ended": "ENDED",
    "failed": "FAILED",
}


def state_word(scene: Scene) -> str:
    """LIVE, FROZEN, REPLAY, STARTING, ENDING, TARGET DIED, LOAD DIED, ENDED or FAILED."""
    mode = "REPLAY" if scene.view_state.speed else "FROZEN" if scene.frozen else "LIVE"
    return WORDS.get(scene.status.phase, mode)


class HeaderText(NamedTuple):
    """A text of the header, and the action of a click on it; most have none."""

    text: str
    style: Style
    action: str = ""


def draw_header(scene: Scene, plan: Plan) -> list[Strip]:
    """One row. Narrow terminals lose the title first, then the rate, then parts of the names."""
    line = Line(plan.size("header")[0])
    for part in _parts(scene, line.width):
        line.add(part.text, part.style)
    return [line.strip(scene.theme.bar)]


def fix_at_header(scene: Scene, width: int, x: int) -> str:
    """The action that switches to the fix whose name was drawn there; else empty."""
    at = 0
    for part in _parts(scene, width):
        at += cell_width(part.text)
        if x < at:
            return part.action
    return ""


def _parts(scene: Scene, width: int) -> list[HeaderText]:
    theme = scene.theme
    left = _state(scene)
    name = clean(scene.scenario.id)
    room = width - _cells(left) - cell_width(name) - 3
    fixes, right = _fitting(scene, room)
    title = clean(f"{scene.scenario.id}: {scene.scenario.title}" if scene.scenario.title else "")
    if title and cell_width(title) <= room + cell_width(name) - _cells((*fixes, *right)):
        name = title
    left += [HeaderText(f"  {name}", theme.bar_strong), HeaderText(" " if fixes else "", theme.bar)]
    blank = width - _cells((*left, *fixes, *right))
    return [*left, *fixes, HeaderText(" " * blank, theme.bar), *right]


def _state(scene: Scene) -> list[HeaderText]:
    """` loopviz  FROZEN  +12 s behind`."""
    theme = scene.theme
    word = state_word(scene)
    badge = {
        "LIVE": theme.badge_live,
        "FROZEN": theme.badge_frozen,
        "REPLAY": theme.badge_frozen,
        "STARTING": theme.badge_waiting,
        "ENDING": theme.badge_waiting,
        "ENDED": theme.badge_waiting,
    }.get(word, theme.alarm_fill)
    pace = _speed_text(scene) if word == "REPLAY" else ""
    parts = [HeaderText(" loopviz ", theme.bar_brand), HeaderText(f" {word}{pace} ", badge)]
    if scene.frozen:
        parts.append(HeaderText(f" +{_behind(scene)} behind", theme.bar_strong))
    if loops := scene.loops:
        text = f"LOOP {scene.loop} of {len(loops)}" if scene.loop else f"ALL {len(loops)} LOOPS"
        parts.append(HeaderText(f" {text} ", theme.bar_good if scene.loop else theme.bar, "loop"))
    return parts


def _fitting(scene: Scene, room: int) -> tuple[list[HeaderText], list[HeaderText]]:
    """The fixes and what stands on the right, in the fullest forms that fit together."""
    right, rate, brief, alarms = (_right(scene, brief) for brief in range(4))
    fixes = scene.scenario.fixes
    longest = max((cell_width(_name(fix)) for fix in fixes), default=0)
    too_wide = _cells((*_fixes(scene, longest), *brief)) - room
    shorter = longest - max(1, -(-too_wide // max(1, len(fixes))))  # no name gives more than that
    forms = (
        *((longest, form) for form in (right, rate, brief)),
        *((most, brief) for most in range(shorter, LEAST_CELLS - 1, -1)),
        *((0, form) for form in (brief, alarms)),
    )
    for most, form in forms:
        parts = _fixes(scene, most)
        if _cells((*parts, *form)) <= room:
            return parts, form
    return [], alarms if _cells(alarms) <= room else []


def _cells(parts: Iterable[HeaderText]) -> int:
    return sum(cell_width(part.text) for part in parts)


def _name(fix: FixInfo) -> str:
    """The fix's key; `+shared_state` adds to the others."""
    return f"+{clean(fix.key)}" if fix.adds else clean(fix.key)


def _fixes(scene: Scene, most: int) -> list[HeaderText]:
    """`[a to_thread] b plain_def `: one that is on has brackets; one that cannot be, parentheses.

    `most`: cells of a name at most; 0: only the letters.
    """
    theme = scene.theme
    parts = []
    fixes = zip(FIX_LETTERS, scene.letters, scene.scenario.fixes, strict=False)
    for place, letter, fix in fixes:
        name = _name(fix)
        name = fit(name, min(cell_width(name), most), scene.glyphs.more)
        text = f"{letter} {name}" if most else letter
        if fix.unavailable:
            text, style = f"({text})", theme.bar_dim
        elif fix.key in scene.status.fixes_on:
            text, style = f"[{text}]", theme.bar_good
        else:
            text, style = f" {text} ", theme.bar
        parts.append(HeaderText(text, style, f"fix-{place}"))
    return parts


def _speed_text(scene: Scene) -> str:
    """` 0.05× ▶`: how fast it moves on, or that it stands."""
    pace = f" {scene.view_state.speed:g}{scene.glyphs.times}"
    return f"{pace} PAUSED" if scene.view_state.paused else f"{pace} {scene.glyphs.pointer}"


def _behind(scene: Scene) -> str:
    """`12 s`, `2:05`; in a replay, which moves, `1.4 s`, `340 ms`."""
    behind = scene.now_ns - scene.end_ns
    if scene.view_state.speed:
        step = SECOND // 10 if behind >= SECOND else 10 * MS
        return duration(behind - behind % step, " ") if behind >= step else "0 ms"
    s = behind // SECOND
    return f"{s} s" if s < 120 else f"{s // 60}:{s % 60:02}"


def _right(scene: Scene, brief: int) -> list[HeaderText]:
    """The load, and what is wrong with the picture; frames are counted where events are lost.

    `brief` 1 has no word for the load, 2 no rate, 3 no load.
    """
    theme, snapshot = scene.theme, scene.snapshot
    brief = max(brief, 2) if scene.present else brief
    rate = scene.status.rate
    if snapshot and snapshot.routes:
        rps = sum(route.offered_rps for route in snapshot.routes)
    else:
        rps = sum(load.rps for load in scene.scenario.load) * rate
    clients = sum(scaled(load.clients, rate) for load in scene.scenario.load)
    factor = f"{scene.glyphs.times}{f'{rate:.2f}'.rstrip('0').ljust(3, '0')}"
    load = [
        HeaderText(" " if brief else "  load ", theme.bar_dim),
        HeaderText(factor, theme.bar_strong),
        HeaderText(f" {_asked(rps, clients)} " if brief < 2 else " ", theme.bar),
    ]
    if scene.is_program and not scene.scenario.load:
        load = [HeaderText(f" {clean(scene.status.url)} ", theme.bar_strong)]
    load = load if brief < 3 else []
    wrong = [HeaderText(f" {trouble} ", theme.bar_alarm) for trouble in _sees_less(snapshot)]
    if scene.status.changed:
        wrong.append(
            HeaderText(f" changed: {scene.keys.label('restart')} reloads ", theme.bar_good)
        )
    if dropped := snapshot.health.dropped_events if snapshot else 0:
        wrong += [HeaderText(f" {scene.fps} fps ", theme.bar_dim)] if not brief else []
        wrong.append(HeaderText(f" drop {dropped} ", theme.bar_alarm))
    return load + wrong


def _asked(rps: float, clients: int) -> str:
    """`20 rps`, `50 clients`, or both."""
    both = [f"{clients} client{'s' * (clients != 1)}"] if clients else []
    return " + ".join([f"{rps:.0f} rps", *both] if rps or not clients else both)


def _sees_less(snapshot: Snapshot | None) -> list[str]:
    """Why not all of the loop is seen, or latencies are not the server's alone."""
    if snapshot is None:
        return []
    found = ["STEPS ONLY"] if snapshot.loop.coverage == "steps" else []
    if snapshot.health.failed_hooks:
        found.append(f"HOOK FAILED {clean(snapshot.health.failed_hooks[0].partition(':')[0])}")
    late_ns = max((route.late_recent_ns for route in snapshot.routes), default=0)
    if late_ns >= LOAD_LATE_NS:
        found.append(f"LOAD AT ITS LIMIT: {duration(late_ns, ' ')} LATE")
    elif any(route.at_limit for route in snapshot.routes):
        found.append("LOAD AT ITS LIMIT")
    return found


def draw_banner(scene: Scene, plan: Plan) -> list[Strip]:
    """One row, when there is something to say: what happened, and the key to press."""
    theme = scene.theme
    width = plan.size("banner")[0]
    if scene.status.phase in ("running", "ending"):
        text = fit(clean(scene.status.why), width - 2, scene.glyphs.more)
        return [Line(width).add(f" {text}", theme.warm).strip(theme.text)]
    if scene.status.phase == "starting":
        load = ": the app comes up, then its load" if scene.scenario.load else ""
        why = scene.status.why or f"Starting {scene.scenario.id}{load}."
        return [Line(width).add(f" {clean(why)}", theme.warm).strip(theme.text)]
    why = clean(scene.status.why) or f"{state_word(scene).capitalize()}."
    again, others = scene.keys.label("restart"), scene.keys.label("scenarios")
    key = f" {again} restart " if scene.can_start_again else ""
    if scene.status.phase == "failed":
        key = f" {again} retry  {others} scenarios "
    ground = theme.badge_waiting if scene.status.phase == "ended" else theme.alarm_fill
    line = Line(width).add(" " + fit(why, min(cell_width(why), width - len(key) - 2)), ground)
    line.to(width - len(key), ground).add(key, theme.cursor)
    return [line.strip(ground)]
