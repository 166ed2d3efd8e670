"""The scenario catalogue: finds scenario files and reads what they say of themselves.

Listing reads the files without running them (titles, fixes and loads are literals), so it is
instant and a broken file cannot break it. Running one (`load_scenario`) happens in the target.
"""

import ast
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from loopviz.errors import UsageError
from loopviz.scenario import Scenario

__all__ = [
    "FIRST",
    "CounterInfo",
    "FixInfo",
    "LoadInfo",
    "ScenarioInfo",
    "builtin_folder",
    "catalogue",
    "describe",
    "find",
    "load_scenario",
]

Info = TypeVar("Info")

FIRST = "block"
"""The scenario that `loopviz` opens with."""


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


@dataclass(frozen=True, slots=True)
class CounterInfo:
    """Something that is counted; see `loopviz.scenario.Counter`."""

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

    @property
    def name(self) -> str:
        """As people see it: without the query."""
        return self.route.partition("?")[0]


@dataclass(frozen=True, slots=True)
class ScenarioInfo:
    """A catalogue entry. `error` is empty, or one sentence why the scenario cannot run."""

    id: str
    path: Path
    title: str = ""
    lesson: str = ""
    look: tuple[str, ...] = ()
    link: str = ""
    fixes: tuple[FixInfo, ...] = ()
    load: tuple[LoadInfo, ...] = ()
    counters: tuple[CounterInfo, ...] = ()
    error: str = ""


def builtin_folder() -> Path:
    """The scenarios that ship with loopviz: in the installed package, else in the checkout."""
    packaged = Path(__file__).parent / "_scenarios"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "scenarios"


def catalogue(folders: Sequence[Path] = ()) -> tuple[ScenarioInfo, ...]:
    """Every scenario, the built-in ones first in the order of their lessons, then users'."""
    return tuple(read(path) for path in _paths(folders).values())


def find(scenario_id: str, folders: Sequence[Path] = ()) -> ScenarioInfo:
    """The entry with this id. Raises UsageError, naming the ids there are."""
    paths = _paths(folders)
    if scenario_id not in paths:
        raise UsageError(f"There is no scenario {scenario_id!r}; there are: {', '.join(paths)}.")
    return read(paths[scenario_id])


def read(path: Path) -> ScenarioInfo:
    """What the file says of itself, read without running it."""
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError, OSError, MemoryError, RecursionError) as error:
        return ScenarioInfo(path.stem, path, error=f"{path.name} cannot be read: {error}.")
    calls = dict(_assigned_calls(tree))
    if "scenario" not in calls:
        return ScenarioInfo(path.stem, path, error=f"{path.name} has no `scenario = Scenario(…)`.")
    said = _arguments(calls["scenario"], ())
    fixes, loads, counters = (
        [_arguments(call, _fields(kind)) for call in _listed(calls["scenario"], keyword, calls)]
        for keyword, kind in (("fixes", FixInfo), ("load", LoadInfo), ("counters", CounterInfo))
    )
    for fix in fixes:
        fix["answers"] = tuple(fix.get("answers", ()))  # type: ignore[arg-type]
    try:
        return ScenarioInfo(
            path.stem,
            path,
            title=str(said.get("title", "")),
            lesson=str(said.get("lesson", "")),
            look=tuple(said.get("look", ())),  # type: ignore[arg-type]
            link=str(said.get("link", "")),
            fixes=tuple(FixInfo(**fix) for fix in fixes),  # type: ignore[arg-type]
            load=tuple(LoadInfo(**load) for load in loads),  # type: ignore[arg-type]
            counters=tuple(CounterInfo(**counter) for counter in counters),  # type: ignore[arg-type]
        )
    except TypeError as error:
        return ScenarioInfo(path.stem, path, error=f"{path.name} has an odd Fix or Load: {error}.")


def load_scenario(path: Path) -> Scenario:
    """Run the file and return its `scenario`. Raises whatever the file raises, or UsageError."""
    name = f"_loopviz_scenario_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look themselves up there
    spec.loader.exec_module(module)
    scenario = getattr(module, "scenario", None)
    if not isinstance(scenario, Scenario):
        raise UsageError(f"{path.name} has no `scenario = Scenario(…)`; it has {scenario!r}.")
    return scenario


def describe(scenario_id: str, path: Path, scenario: Scenario) -> ScenarioInfo:
    """The same entry, taken from a scenario that was run."""
    return ScenarioInfo(
        scenario_id,
        path,
        title=scenario.title,
        lesson=scenario.lesson,
        look=tuple(scenario.look),
        link=scenario.link,
        fixes=tuple(_same(FixInfo, fix, answers=tuple(fix.answers)) for fix in scenario.fixes),
        load=tuple(_same(LoadInfo, load) for load in scenario.load),
        counters=tuple(_same(CounterInfo, counter) for counter in scenario.counters),
    )


def _fields(kind: type[Any]) -> list[str]:
    return [field.name for field in fields(kind)]


def _same(kind: type[Info], of: object, **other: object) -> Info:
    """The entry with the fields of that object."""
    return kind(**{name: getattr(of, name) for name in _fields(kind)} | other)


def _paths(folders: Sequence[Path]) -> dict[str, Path]:
    """Scenario files by id; a later folder's takes the place of one with the same id."""
    return {path.stem: path for folder in (builtin_folder(), *folders) for path in _files(folder)}


def _files(folder: Path) -> list[Path]:
    """Scenario files in the order of their lessons (`order.txt`, if there is one), then by name."""
    try:
        files = sorted(p for p in folder.glob("*.py") if not p.name.startswith("_"))
        listed = (folder / "order.txt").read_text("utf-8").split()
    except FileNotFoundError:
        listed = []
    rank = {scenario_id: i for i, scenario_id in enumerate(listed)}
    return sorted(files, key=lambda p: (rank.get(p.stem, len(rank)), p.stem))


def _assigned_calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """`name = Call(…)` and `name: Type = Call(…)` at the top of the module."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value


def _listed(scenario: ast.Call, keyword: str, calls: dict[str, ast.Call]) -> list[ast.Call]:
    """The calls in a list or tuple that is an argument, given in place or by name."""
    value = next((k.value for k in scenario.keywords if k.arg == keyword), None)
    items = value.elts if isinstance(value, ast.List | ast.Tuple) else []
    found = (calls.get(item.id) if isinstance(item, ast.Name) else item for item in items)
    return [call for call in found if isinstance(call, ast.Call)]


def _arguments(call: ast.Call, positional: Sequence[str]) -> dict[str, object]:
    """The call's literal arguments by name; those that are no literals are left out."""
    said: dict[str, object] = {}
    pairs = [*zip(positional, call.args, strict=False)]
    named = [(k.arg, k.value) for k in call.keywords if k.arg]
    for name, node in (*pairs, *named):
        try:
            said[name] = ast.literal_eval(node)
        except (ValueError, TypeError, MemoryError, RecursionError):
            continue  # no literal; the texts are, or are left out
    return said
