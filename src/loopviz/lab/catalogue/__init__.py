"""The scenario catalogue: finds scenario files and reads their descriptions.

Listing reads the files without running them (titles, fixes and loads are literals), so it is
instant and a broken file cannot break it. Running one (`load_scenario`) happens in the target.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from loopviz.errors import UsageError
from loopviz.lab.catalogue.files import read_text
from loopviz.lab.catalogue.reading import Call, read_file
from loopviz.lab.catalogue.watched import stamp
from loopviz.model.phases.metric import Metric
from loopviz.scenario import Answer, Scenario
from loopviz.wire.samples import RouteRow

__all__ = [
    "FIRST",
    "STREAM_ROWS",
    "CounterInfo",
    "FixInfo",
    "LoadInfo",
    "ScenarioInfo",
    "builtin_folder",
    "catalogue",
    "check_fixes",
    "describe",
    "find",
    "grouped",
    "lessons_that_ask",
    "load_scenario",
    "read",
]

Info = TypeVar("Info")

STREAM_ROWS = {"WS": ("connect", "answer"), "SSE": ("first event", "gap")}
"""What is measured of a WebSocket and of server-sent events, in a program's load."""

FIRST = "block"
"""The scenario that `loopviz` opens with."""

OTHERS = "others"
"""The heading of scenarios without a group."""

_MODULES = {"postgres": "asyncpg"}
"""The module that an extra of loopviz installs, where its name is another one."""


@dataclass(frozen=True, slots=True)
class FixInfo:
    """A fix as people see it; see `loopviz.scenario.Fix`."""

    key: str
    title: str
    why: str
    wrong: bool = False
    answers: tuple[str, ...] = ()
    extra: str = ""
    workers: int = 1
    adds: bool = False
    unavailable: str = ""
    """One sentence if something is not installed, with the command that installs it; else empty."""


@dataclass(frozen=True, slots=True)
class CounterInfo:
    """A counter; see `loopviz.scenario.Counter`."""

    key: str
    title: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class LoadInfo:
    """One route's load; see `loopviz.scenario.Load`."""

    route: str
    rps: float
    arrivals: str = "poisson"
    timeout_s: float = 10.0
    copies: int = 1
    leaves: float = 0.0
    leaves_within_s: float = 0.5
    at_once: int = 0
    warm_up: bool = False
    headers: tuple[str, ...] = ()
    """`Name: value`, of a program's load."""
    body: str = ""
    """The file with what is sent, of a program's load; empty: `text` is."""
    text: str = ""
    """What is sent, of a program's load."""
    clients: int = 0
    """Of a closed loop, in a program's load: how many there are. `rps` is 0 then."""
    messages: int = 0
    """After how many messages or events a client of a stream leaves; 0: after one if it arrived at
    a rate, never if it is one of `clients`."""

    @property
    def name(self) -> str:
        """The route without its query, as it is shown."""
        return self.route.partition("?")[0]

    @property
    def rows(self) -> tuple[RouteRow, ...]:
        """What is measured; of a stream, that is more than one thing."""
        kind, _, path = self.name.partition(" ")
        first, *later = STREAM_ROWS.get(kind, ("",))
        name = f"{self.name} {first}".rstrip()
        seen_as = f"GET {path}" if kind == "SSE" else self.name
        row = RouteRow(name, self.rps, self.clients, seen_as)
        more = (row._replace(name=f"{self.name} {part}", rps=0.0) for part in later)
        return (row, *more)


@dataclass(frozen=True, slots=True)
class ScenarioInfo:
    """A catalogue entry. `error`: one sentence if the scenario cannot run; else empty."""

    id: str
    path: Path
    title: str = ""
    group: str = ""
    """What it is about: a heading in lists of lessons."""
    symptom: str = ""
    lesson: str = ""
    watch_for: tuple[str, ...] = ()
    """`Scenario.look` of the file."""
    link: str = ""
    fixes: tuple[FixInfo, ...] = ()
    load: tuple[LoadInfo, ...] = ()
    zoom_ms: float = 0
    """See `Scenario.zoom_ms`."""
    counters: tuple[CounterInfo, ...] = ()
    question: str = ""
    answers: tuple[Answer, ...] = ()
    headline: str = ""
    """`Scenario.headline`; else the first claim says it."""
    error: str = ""
    shadows: Path | None = None
    """The file of the same name that it replaces: a user's scenario may hide a built-in one."""

    def toggled(self, on: frozenset[str], key: str) -> frozenset[str]:
        """The fixes that are on after a press of this one's key, if `on` are before it.

        One that is on goes off. Else it goes on, and its alternatives go off; see `Fix.adds`.
        """
        added = frozenset(fix.key for fix in self.fixes if fix.adds)
        if key in on:
            return on - {key}
        return (on if key in added else on & added) | {key}

    @property
    def origin(self) -> str:
        """The folder it comes from, and what it hides, in a few words; empty for a built-in one."""
        folder = self.path.parent
        if folder == builtin_folder():
            return ""
        hides = "the built-in one"
        if self.shadows is not None and self.shadows.parent != builtin_folder():
            hides = str(self.shadows)
        return f"yours, from {folder}" + (f"; hides {hides}" if self.shadows else "")


def builtin_folder() -> Path:
    """The scenarios that ship with loopviz: in the installed package, else in the checkout."""
    package = Path(__file__).parents[2]
    packaged = package / "_scenarios"
    return packaged if packaged.is_dir() else package.parents[1] / "scenarios"


def catalogue(folders: Sequence[Path] = ()) -> tuple[ScenarioInfo, ...]:
    """Every scenario, the built-in ones first in the order of their lessons, then users'."""
    return tuple(_entry(*files) for files in _entries(folders).values())


def find(scenario_id: str, folders: Sequence[Path] = ()) -> ScenarioInfo:
    """The entry with this id. Raises UsageError, naming the ids there are."""
    entries = _entries(folders)
    if scenario_id not in entries:
        raise UsageError(f"There is no scenario {scenario_id!r}; there are: {', '.join(entries)}.")
    return _entry(*entries[scenario_id])


def grouped(entries: Sequence[ScenarioInfo]) -> tuple[tuple[str, tuple[ScenarioInfo, ...]], ...]:
    """The entries by what they are about, in their order; those without a group come last."""
    groups: dict[str, list[ScenarioInfo]] = {}
    for entry in sorted(entries, key=lambda entry: not entry.group):
        groups.setdefault(entry.group or OTHERS, []).append(entry)
    return tuple((group, tuple(members)) for group, members in groups.items())


def lessons_that_ask(entries: Iterable[ScenarioInfo]) -> list[str]:
    """The ids of those with a question, which a tour can lead through."""
    return [entry.id for entry in entries if entry.question and not entry.error]


def _entry(path: Path, hidden: Path | None) -> ScenarioInfo:
    """Without a group of its own it belongs to that of the one it hides."""
    entry = _read_as_it_was(path, stamp(path))
    group = entry.group or (_read_as_it_was(hidden, stamp(hidden)).group if hidden else "")
    return replace(entry, shadows=hidden, group=group)


@lru_cache(maxsize=256)
def _read_as_it_was(path: Path, _stamp: object) -> ScenarioInfo:
    return read(path)


def read(path: Path) -> ScenarioInfo:
    """The description in a scenario file, read without running it."""
    contents = read_file(path)
    values = contents.scenario.values
    return ScenarioInfo(
        path.stem,
        path,
        title=values.get("title", ""),
        group=values.get("group", ""),
        symptom=values.get("symptom", ""),
        lesson=values.get("lesson", ""),
        watch_for=tuple(values.get("look", ())),
        link=values.get("link", ""),
        fixes=_read(FixInfo, contents.fixes, "key"),
        load=_read(LoadInfo, contents.load, "route"),
        zoom_ms=values.get("zoom_ms", 0),
        counters=_read(CounterInfo, contents.counters, "key"),
        question=values.get("question", ""),
        answers=_read(Answer, contents.answers, "text"),
        headline=values.get("headline", "")
        or _claimed(SimpleNamespace(**_CLAIM | claim.values) for claim in contents.expect),
        error=contents.error,
    )


def load_scenario(path: Path) -> Scenario:
    """Run the file and return its `scenario`. Raises whatever the file raises, or UsageError."""
    name = f"_loopviz_scenario_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look themselves up there
    spec.loader.exec_module(module)
    if not hasattr(module, "scenario"):
        raise UsageError(f"{path.name}:1: there is no `scenario = Scenario(…)` in this file.")
    if not isinstance(module.scenario, Scenario):
        kind = type(module.scenario).__name__
        raise UsageError(f"{path.name}:1: scenario must be a Scenario(…), not a value of {kind}.")
    return module.scenario


def describe(scenario_id: str, path: Path, scenario: Scenario) -> ScenarioInfo:
    """The entry of a scenario whose file was run."""
    return ScenarioInfo(
        scenario_id,
        path,
        title=scenario.title,
        group=scenario.group,
        symptom=scenario.symptom,
        lesson=scenario.lesson,
        watch_for=tuple(scenario.look),
        link=scenario.link,
        fixes=tuple(_info(FixInfo, fix) for fix in scenario.fixes),
        load=tuple(_info(LoadInfo, load) for load in scenario.load),
        zoom_ms=scenario.zoom_ms,
        counters=tuple(_info(CounterInfo, counter) for counter in scenario.counters),
        question=scenario.question,
        answers=tuple(scenario.answers),
        headline=scenario.headline or _claimed(scenario.expect),
    )


def check_fixes(scenario: ScenarioInfo, keys: Sequence[str]) -> None:
    """Raise UsageError for a fix that the scenario does not have, or that is unavailable."""
    known = {fix.key: fix for fix in scenario.fixes}
    for key in keys if not scenario.error else ():
        if key not in known:
            there_are = ", ".join(known) or "none"
            raise UsageError(f"{scenario.id} has no fix {key!r}; it has: {there_are}.")
        if known[key].unavailable:
            raise UsageError(f"{scenario.id}: {key} cannot be tried. {known[key].unavailable}")


def _read(kind: Callable[..., Info], calls: Sequence[Call], name: str) -> tuple[Info, ...]:
    """The calls that give `name`, as entries; values that only a run knows have defaults."""
    unknown = {"title": "", "why": "", "rps": 0.0}
    made = (SimpleNamespace(**unknown | call.values) for call in calls if name in call.values)
    return tuple(_info(kind, values) for values in made)


def _info(kind: Callable[..., Info], of: Any) -> Info:
    """An entry with those fields that the object has."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    values = {name: getattr(of, name) for name in names if hasattr(of, name)}
    if kind is FixInfo:
        values["answers"] = tuple(values.get("answers", ()))
        values["unavailable"] = _unavailable(values.get("extra", ""))
    return kind(**values)


_CLAIM: dict[str, Any] = {"metric": "", "fix": None, "at_most": None}


def _claimed(claims: Iterable[Any]) -> str:
    """The metric of the first claim that a fix brings it down; empty if none can be a headline."""
    brought_down = (
        claim.metric for claim in claims if claim.fix is not None and claim.at_most is not None
    )
    return next((metric for metric in brought_down if Metric.of(metric) is not None), "")


def _unavailable(extra: str) -> str:
    """One sentence if that extra of loopviz is not installed; else empty."""
    module = _MODULES.get(extra, extra)
    if not extra or importlib.util.find_spec(module.partition(".")[0]) is not None:
        return ""
    return f'It needs {module}, which is not installed: pip install "loopviz[{extra}]".'


def _entries(folders: Sequence[Path]) -> dict[str, tuple[Path, Path | None]]:
    """Each id with the scenario's file and the one it hides. Later folders take precedence."""
    found: dict[str, tuple[Path, Path | None]] = {}
    for folder in (builtin_folder(), *folders):
        for path in _files(folder):
            before = found.get(path.stem)
            found[path.stem] = path, before[0] if before else None
    return found


def _files(folder: Path) -> list[Path]:
    """Scenario files in the order of their lessons (`order.txt`, if there is one), then by name."""
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - as Python itself names them
    files = sorted(p for p in folder.glob("*.py") if not p.name.startswith("_"))
    try:
        listed = read_text(folder / "order.txt").split()
    except OSError:
        listed = []
    rank = {scenario_id: i for i, scenario_id in enumerate(listed)}
    return sorted(files, key=lambda p: (rank.get(p.stem, len(rank)), p.stem))
