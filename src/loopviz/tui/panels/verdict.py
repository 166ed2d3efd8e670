"""The verdict in words: the same in the compare strip, in the compare view and in the next step."""

from rich.style import Style

from loopviz.clock import SECOND
from loopviz.model.phases.verdict import Outcome
from loopviz.tui.draw.text import clean
from loopviz.tui.panels.change import fixes_label
from loopviz.tui.panels.scene import Scene

__all__ = ["verdict_style", "verdict_text", "verdict_word"]


_WORDS: dict[Outcome, str] = {
    "solved": "SOLVED",
    "better": "BETTER, NOT SOLVED",
    "same": "NO CHANGE",
    "worse": "WORSE",
    "early": "TOO EARLY",
    "hanging": "STILL HANGING",
}


def verdict_text(scene: Scene) -> str:
    """`SOLVED since a (5 s)`, `BETTER, NOT SOLVED: …`; empty if nothing is compared.

    What a cure has brought with it is named: `SOLVED since a (5 s), new: lock convoy`.
    """
    verdict = scene.verdict
    if verdict is None:
        return ""
    word, reason = _WORDS[verdict.outcome], clean(verdict.reason)
    if verdict.outcome == "solved":
        letters = fixes_label(scene, verdict.fixes)
        new = f", new: {reason}" if reason else ""
        return f"{word} since {letters} ({verdict.lasted_ns // SECOND} s){new}"
    if verdict.outcome == "early":
        return f"{word} ({reason})"
    if verdict.outcome == "hanging":
        reason += f"; {scene.keys.label('restart')} restarts"
    return f"{word}: {reason}" if reason else word


def verdict_word(scene: Scene) -> str:
    """The verdict without its reason."""
    return _WORDS[scene.verdict.outcome] if scene.verdict is not None else ""


def verdict_style(scene: Scene) -> Style:
    """Green if it is solved, red if it is not or worse; dim while it is open."""
    theme, verdict = scene.theme, scene.verdict
    if verdict is None or verdict.outcome == "early":
        return theme.dim
    styles = {"solved": theme.good, "better": theme.warm, "same": theme.warm}
    return styles.get(verdict.outcome, theme.worse)
