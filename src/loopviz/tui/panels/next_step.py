"""The one next step, for people who have read nothing."""

from typing import NamedTuple

from loopviz.lab.catalogue import FixInfo
from loopviz.model.phases.metric import Metric
from loopviz.model.snapshot import Comparison, RouteComparison
from loopviz.tui.draw.text import clean
from loopviz.tui.panels.change import fix_letters, most_sampled
from loopviz.tui.panels.scene import Scene
from loopviz.tui.panels.verdict import verdict_text, verdict_word
from loopviz.tui.state.view_state import LIVE

__all__ = ["NextStep", "next_step", "step_of_run"]

MIN_REQUESTS = 30
"""Requests of one route that are measured before a fix is suggested: as many as a comparison needs
(`phases.headline.NEEDED`)."""


class NextStep(NamedTuple):
    """The next step of the person, or of the run."""

    word: str
    """`next`: something to do; `wait`: it comes by itself."""
    texts: tuple[str, ...]
    """The step in words, with the keys named; then the same in fewer words."""


def next_step(scene: Scene) -> NextStep | None:
    """The next step; None while the person looks at something else, or the tour names it."""
    return None if scene.tour is not None else step_of_run(scene)


def step_of_run(scene: Scene) -> NextStep | None:
    """The next step, whether or not there is a tour."""
    key = scene.keys.label
    phase = scene.status.phase
    if not scene.can_start_again:
        return _next(f"{key('quit')} quits, {key('scenarios')} goes to another scenario")
    if phase in ("target-died", "load-died", "ended", "failed"):
        text = f"{key('restart')} starts it again, {key('scenarios')} goes to another scenario"
        return _next(text)
    if phase == "ending":
        return _wait(f"the program ends; {key('quit')} kills it and leaves")
    if phase == "starting":
        text = "the app comes up, then its load" if scene.scenario.load else "the program comes up"
        return _wait(f"{text}; {key('scenarios')} goes to another scenario", text)
    state = scene.view_state
    if (
        scene.frozen
        or state.time_range is not None
        or (scene.view == LIVE and state.row is not None)
    ):
        return None
    if not scene.scenario.load:
        url = clean(scene.status.url)
        if scene.is_program:
            return _program(scene, url)
        return _next(f"send requests to {url}: this scenario has no load of its own", url)
    if scene.snapshot is None or _requests(scene) == 0:
        return _wait("the first requests are on their way")
    comparison = scene.snapshot.comparison
    if comparison is not None and not comparison.comparable:
        return _other_load(scene, comparison)
    if comparison is not None and comparison.started:
        return _comparing(scene, comparison)
    if comparison is not None:
        return _pinned(scene)
    return _first(scene)


def _program(scene: Scene, url: str) -> NextStep:
    """There is nothing to flip. `url`: where it waits for requests, if nothing sends any yet."""
    if url and not (scene.snapshot and scene.snapshot.requests):
        text = f"send requests to {url}, or start with --load"
        return _next(f'{text} "GET / @ 20" for example', text)
    if scene.finding is not None and scene.view == "diagnose":
        text = f"{scene.keys.label('enter')} chooses a time to look at"
        learn = f", {scene.keys.label('learn')} opens the lesson that teaches it"
        return _next(f"{text}{learn if scene.finding.lesson else ''}", text)
    if scene.finding is not None:
        return _next(f"{scene.keys.label('view-diagnose')} shows what is wrong, and where")
    if scene.view == "tasks":
        return _next(f"{scene.keys.label('tree')} shows who waits for whom")
    return _next(f"{scene.keys.label('view-tasks')} shows its tasks: who waits for whom")


def _first(scene: Scene) -> NextStep:
    """Nothing was changed so far."""
    key = scene.keys.label
    if scene.status.fixes_on:
        on = " ".join(fix_letters(scene, scene.status.fixes_on))
        return _next(f"press {on} to turn the fix off: before and after appear here")
    if scene.is_program:
        return _program(scene, "")
    if not scene.scenario.fixes:
        text = f"{key('view-diagnose')} shows what is wrong, {key('next-scenario')} goes on"
        return _next(f"this scenario has no fixes: {text}", text)
    fix = to_try(scene)
    if fix is None:
        missing = next((fix.unavailable for fix in scene.scenario.fixes if fix.unavailable), "")
        return _next(clean(missing), f"{key('next-scenario')} goes to the next scenario")
    seen = _measured(scene)
    if seen < MIN_REQUESTS:
        return _wait(f"measuring how it is now: {seen} of {MIN_REQUESTS} requests")
    letter = scene.letter(fix.key)
    if scene.finding is None and scene.rising_counter is None:
        text = f"nothing is wrong{scene.here} so far; press {letter} to see what its fix changes"
        return _next(text, f"press {letter} to see what it changes")
    text = f"press {letter}: the load stays the same; before and after appear here"
    return _next(text, f"press {letter}: before and after appear here")


def _pinned(scene: Scene) -> NextStep:
    """The baseline is set, and nothing was changed since."""
    fix = to_try(scene)
    if fix is None:
        return _next(f"flip a fix ({' '.join(scene.letters)}): it is compared with the baseline")
    return _next(f"press {scene.letter(fix.key)}: it is compared with the baseline")


def _other_load(scene: Scene, comparison: Comparison) -> NextStep:
    """Before and after were not under the same load."""
    key = scene.keys.label
    if comparison.pinned:
        back = (
            key("less-load") if comparison.load.after > comparison.load.before else key("more-load")
        )
        return _next(f"{back} goes back to the baseline's load, {key('baseline')} sets another")
    fix = to_try(scene)
    flip = fix_letters(scene, scene.status.fixes_on)[:1] or ([scene.letter(fix.key)] if fix else [])
    again = f"press {flip[0]}: it is compared under this load" if flip else "flip a fix"
    return _next(again)


def _comparing(scene: Scene, comparison: Comparison) -> NextStep:
    """The verdict, and what to do about it."""
    verdict = scene.verdict
    assert verdict is not None
    if verdict.outcome == "early":
        route = most_sampled(comparison)
        if comparison.headline is not None and comparison.headline.few_before:
            subject = comparison.headline.metric.subject
            route = next((one for one in comparison.routes if one.route == subject), route)
        if route is not None and route.before.count < comparison.needed:
            return _too_few_before(scene, comparison, route)
        return _wait(f"{verdict_text(scene)}: right of the mark is what it changed")
    if verdict.outcome == "hanging":
        return _next(verdict_text(scene))
    if not verdict.fixes:
        return _then(scene, *_without_fix(scene))
    if verdict.outcome != "solved" and (instead := _instead(scene)):
        return _then(scene, *instead)
    return _then(scene, *_onwards(scene))


def _then(scene: Scene, *advice: str) -> NextStep:
    """The verdict, and the advice in as many words as fit."""
    heads = verdict_text(scene), verdict_word(scene)
    texts = [f"{head}; {words}" for head in heads for words in advice]
    return _next(*texts, heads[1])


def _onwards(scene: Scene) -> tuple[str, ...]:
    key = scene.keys.label
    further = key("next-scenario")
    if scene.view == "compare":
        live = key("view-live")
        return (
            f"{further} the next scenario, {live} the live view",
            f"{further} next scenario, {live} live view",
            f"{further} next scenario",
        )
    figures = key("view-compare")
    return (
        f"{figures} shows the figures, {further} the next scenario",
        f"{figures} figures, {further} next scenario",
        f"{figures} figures",
    )


def _without_fix(scene: Scene) -> tuple[str, ...]:
    key, fix = scene.keys.label, to_try(scene)
    again = f"press {scene.letter(fix.key)} for the fix, " if fix else ""
    further = key("next-scenario")
    return (
        f"{again}{key('view-compare')} for the figures, {further} for the next",
        f"{again}{further} for the next",
    )


def _instead(scene: Scene) -> tuple[str, ...]:
    """Which fix to try, if those that are on are not enough; empty: none is left."""
    on = [fix for fix in scene.scenario.fixes if fix.key in scene.status.fixes_on]
    wrong = [fix for fix in on if fix.wrong]
    fix = to_try(scene)
    if wrong:
        off = " ".join(fix_letters(scene, [fix.key for fix in wrong]))
        other = f", then {scene.letter(fix.key)}" if fix and len(wrong) == len(on) else ""
        press = f"press {off} to turn it off{other}"
        return f"{off} looks right but is not: {press}", press
    if fix is None:
        return ()
    together = fix.adds or any(one.adds for one in on)
    return (f"press {scene.letter(fix.key)} {'as well' if together else 'instead'}",)


def _too_few_before(scene: Scene, comparison: Comparison, route: RouteComparison) -> NextStep:
    """There were too few samples before the change, and more do not come."""
    changed = set(comparison.before_fixes) ^ set(comparison.after_fixes)
    again = " ".join(fix_letters(scene, changed))
    count = f"{route.before.count} of {comparison.needed} samples"
    return _next(
        f"{verdict_word(scene)}: only {count} before; press {again}, wait 3 s, press {again} again",
        f"press {again}, wait, {again} again",
    )


def to_try(scene: Scene) -> FixInfo | None:
    """The suggested fix; else the first one that helps, is there, and is not on."""
    on = scene.status.fixes_on
    good = (f for f in scene.scenario.fixes if not (f.wrong or f.unavailable or f.key in on))
    wanted = scene.suggested_fix
    if wanted is not None and not wanted.unavailable:
        return wanted
    return next((fix for fix in good if scene.letter(fix.key)), None)


def _next(*texts: str) -> NextStep:
    return NextStep("next", texts)


def _wait(*texts: str) -> NextStep:
    return NextStep("wait", texts)


def _measured(scene: Scene) -> int:
    """Replies to the route by which the fix will be judged; all that were sent, if it has few."""
    assert scene.snapshot is not None
    metric = Metric.of(scene.scenario.headline)
    subject = metric.subject if metric is not None else ""
    for route in scene.snapshot.routes:
        if route.route == subject:
            answered = route.ok + sum(route.errors.values())
            return answered if route.sent < 2 * MIN_REQUESTS else max(answered, MIN_REQUESTS)
    return _requests(scene)


def _requests(scene: Scene) -> int:
    """Replies to the route that has most of them."""
    assert scene.snapshot is not None
    routes = scene.snapshot.routes
    return max((route.ok + sum(route.errors.values()) for route in routes), default=0)
