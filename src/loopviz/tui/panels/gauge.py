"""How a resource stands: whether that is worth a look, in a word, and as a gauge."""

from rich.style import Style

from loopviz.model.snapshot import ResourceInfo
from loopviz.tui.draw.text import Line, fit, width_of
from loopviz.tui.panels.names import short_name
from loopviz.tui.panels.scene import Scene
from loopviz.wire.kinds import Family

__all__ = ["add_gauge", "full_word", "matters"]

MANY = 5
"""So many have to wait for locks of which there are many."""


def matters(view: ResourceInfo) -> bool:
    """Whether it has something to say: somebody waited, or it has room and was used."""
    if view.family is Family.EVENT:
        return False
    if view.capacity == 1 and view.instances > 1:  # a lock for each thing
        return view.waiting.max >= MANY
    roomy = view.capacity > 1 or view.family is Family.QUEUE
    return bool(view.waiting.max or (roomy and view.in_use.max))


def full_word(view: ResourceInfo) -> str:
    """`HELD` for what one alone can have, `FULL` for what has room for several, else empty."""
    capacity = _capacity(view)
    if not capacity or view.in_use.now < capacity:
        return ""
    return "HELD" if capacity == 1 else "FULL"


def add_gauge(line: Line, view: ResourceInfo, width: int, scene: Scene) -> None:
    """` db pool ████████ 5/5 FULL wait 41`, `width` cells: the bar gives way, then the name."""
    looks, glyphs = scene.looks, scene.glyphs
    used, capacity = view.in_use.now, _capacity(view)
    words = _words(view, scene)
    said = sum(width_of(text) for text, _ in words)
    most = width_of(f"{capacity}/{capacity} FULL wait 99")  # room for it, whatever is said now
    name = short_name(view, scene)
    if view.instances > 1:
        name += f" {glyphs.times}{view.instances}"
    wide = max(1, min(width_of(name), width - said - 2))
    line.add(" ", looks.text).add(fit(name, wide, glyphs.more), looks.text).add(" ", looks.text)
    bar = min(20, width - max(said, most) - wide - 3) if capacity > 1 else 0
    if bar >= 4:
        style = words[0][1] if used >= capacity else looks.run
        _bar(line, min(1.0, used / capacity), bar, style, scene)
        line.add(" ", looks.text)
    for text, style in words:
        line.add(text, style)


def _capacity(view: ResourceInfo) -> int:
    """0: there is none, or it is that of many, which says nothing."""
    return view.capacity if view.instances == 1 else 0


def _words(view: ResourceInfo, scene: Scene) -> list[tuple[str, Style]]:
    """`5/5`, ` FULL`, ` wait 41`: each state has a word, whatever its colour."""
    looks = scene.looks
    used, waiting, capacity = view.in_use.now, view.waiting.now, _capacity(view)
    full = full_word(view)
    style = looks.alarm if waiting else looks.warm if full else looks.text
    words = [(f"{used}/{capacity}" if capacity else f"{used}", style)]
    if full:
        words.append((f" {full}", style))
    elif not capacity:
        words.append((" items, no limit" if view.family is Family.QUEUE else " in use", looks.dim))
    if waiting:
        words.append((f" wait {waiting}", looks.alarm))
    elif not full and capacity:
        words.append((" ok", looks.dim))
    return words


def _bar(line: Line, share: float, width: int, style: Style, scene: Scene) -> None:
    looks, glyphs = scene.looks, scene.glyphs
    steps = glyphs.eighths or glyphs.levels
    eighths = round(share * width * 8) or int(share > 0)
    whole = eighths // 8
    part = glyphs.eighths[eighths % 8] if glyphs.eighths and eighths % 8 else ""
    line.add(steps[-1] * whole + part, style)
    line.add(glyphs.dot * (width - whole - len(part)), looks.faint)
