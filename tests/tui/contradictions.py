"""What no screen may say: each rule compares the words on it with what is known at that moment."""

import re
from collections.abc import Callable, Iterator

from loopviz.model.phases.verdict import is_active
from loopviz.output import lowered
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.panels.next_step import next_step
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.verdict import verdict_text, verdict_word
from loopviz.tui.views.compare.measures import comparison_rows

__all__ = ["RULES", "contradictions", "what_grows_grows"]

WORDS = re.compile(
    r"SOLVED since|BETTER, NOT SOLVED|NO CHANGE|WORSE|TOO EARLY|STILL HANGING", re.ASCII
)
"""How a verdict begins."""

BARS = f"(?: [{re.escape(BLOCKS.levels + ASCII.levels)}]+)?"
"""A counter's own sparkline, which may follow its value."""

Rule = Callable[[Scene, str], Iterator[str]]


def contradictions(scene: Scene, text: str) -> list[str]:
    """What the screen with this text says that is not so."""
    return [f"{rule.__name__}: {found}" for rule in RULES for found in rule(scene, text)]


def there_is_one_verdict(scene, text):
    """The strip, the compare view and the next step give the same one."""
    word = verdict_word(scene)
    for found in set(WORDS.findall(text)):
        if not word or not found.startswith(word):
            yield f"{found} beside {word or 'no verdict'}"
    step = next_step(scene)
    if step is not None and word and not all(t.startswith(word) for t in step.texts[:1]):
        yield f"the next step is {step.texts[0]!r}, the verdict {verdict_text(scene)!r}"


def what_is_solved_is_no_trouble(scene, text):
    if scene.verdict is None or scene.verdict.outcome != "solved" or scene.frozen:
        return
    if not scene.verdict.fixes:
        yield "solved without a fix"
    for key in scene.verdict.fixes:
        if scene.fix(key).wrong:
            yield f"solved by {key}, which is wrong"
    for finding in scene.snapshot.findings:
        named = lowered(finding.title) in scene.verdict.reason.split(", ")
        if finding.severity == "error" and not scene.is_stale(finding) and not named:
            yield f"solved beside {finding.title}"
    for counter in scene.snapshot.counters:
        if counter.bad and counter.recent > 0:
            yield f"solved, and {counter.title} grows"


def what_is_active_is_not_gone(scene, text):
    at_ns = scene.end_ns
    if any(f.severity == "error" and is_active(f, at_ns) for f in scene.snapshot.findings):
        for words in ("none since", "Nothing is wrong"):
            if words in text:
                yield f"{words!r} beside an error that is seen now"


def what_grows_grows(scene, text):
    bad = [counter for counter in scene.snapshot.counters if counter.bad]
    if "and rising" in text and not any(counter.recent > 0 for counter in bad):
        yield "'and rising' of a counter that stands still"
    for counter in bad:
        told = re.search(rf"{re.escape(counter.title)} {counter.value:,}{BARS} stopped", text)
        if told and not counter.still:
            yield f"'stopped' of a counter that moves: {told.group()}"


def without_a_sample_there_is_no_figure(scene, text):
    comparison = scene.snapshot.comparison
    if comparison is None or not comparison.comparable:
        return
    for row in comparison_rows(comparison, scene):
        for figure in row.figures:
            for count, shown in zip(figure.count or (), figure.texts(), strict=False):
                if not count and shown != "–":
                    yield f"{row.name}: {figure.title} is {shown} of no sample"
    for part in re.split(r"[\n│]", text):  # panels stand side by side
        if "gone" in part and re.search(r"\b(p50|p90|p99|max) ", part):
            yield part.strip()


def one_fix_is_enough(scene, text):
    """Fixes that exclude each other are not to be pressed together."""
    if " as well" in text and not any(fix.adds for fix in scene.scenario.fixes):
        yield "'as well', though no fix adds to another"


def keys_are_of_fixes_that_are_there(scene, text):
    step = next_step(scene)
    for letter in re.findall(r"press (\w)\b", step.texts[0] if step else ""):
        if letter not in scene.letters:
            yield f"{letter} is no fix's key"


def what_is_over_lights_nothing(scene, text):
    """A title of a finding in capitals, without when it was last seen, is about now."""
    for finding in scene.snapshot.findings:
        title = finding.title.upper()
        active = [f for f in scene.snapshot.findings if f.title.upper() == title]
        if any(not scene.is_stale(f) for f in active):
            continue
        for line in text.splitlines():
            if f"  {title} ─" in line and not re.search(r"ago|over", line):
                yield f"{title} is over, and the screen does not say so"


RULES: tuple[Rule, ...] = (
    there_is_one_verdict,
    what_is_solved_is_no_trouble,
    what_is_active_is_not_gone,
    what_grows_grows,
    without_a_sample_there_is_no_figure,
    one_fix_is_enough,
    keys_are_of_fixes_that_are_there,
    what_is_over_lights_nothing,
)
