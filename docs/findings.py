"""`python docs/findings.py`: write `findings.md` from the rules, their constants and lessons."""

import ast
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

from loopviz.lab.catalogue import catalogue
from loopviz.model.findings.rule import Rule
from loopviz.model.findings.rules import RULES
from loopviz.units import duration_text

PAGE = Path(__file__).with_name("findings.md")
HEAD = """\
# The findings

*Written by `python docs/findings.py` from the rules in `src/loopviz/model/findings/rules/`: change
these, not this page.*

A rule looks for one kind of trouble. What it finds has a line of code, a count, how long it
lasted, and the requests that waited for it. Errors come first, then what did most harm: how many
requests waited for it, and how long. What follows from another finding is told under that one,
after "and so", and is no finding of its own; so the rules are asked in the order of the table
below, causes first. What has not ended counts with its age.

A scenario's fix is suggested only for the rules that it `answers`. Where there is none, a finding
says what to write instead, as far as that can be read from the line.

"""


def main() -> None:
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"{line}\n" for line in (*table(), *sections()))


def table() -> Iterator[str]:
    """The heading, and a row for each rule."""
    yield "| rule | what is wrong | lesson |"
    yield "|---|---|---|"
    for rule in RULES:
        yield f"| [`{rule.info.id}`](#{rule.info.id}) | {rule.info.summary} | {lessons(rule)} |"


def sections() -> Iterator[str]:
    """A section for each rule."""
    for rule in RULES:
        info = rule.info
        yield from ("", f"## {info.id}", "", f"**{info.title}:** {info.summary}. {info.why}", "")
        yield f"*Evidence*: {info.fires_when}."
        yield from ("", f"*`count`, `worst_ms`*: {info.counts}.", "")
        yield "| threshold | |"
        yield "|---|---|"
        for value, meaning in thresholds(rule):
            yield f"| {value} | {meaning} |"
        yield from ("", "Healthy, tried, and no finding:", "")
        yield from (f"- {one}" for one in info.tried)
        if info.false_alarms:
            yield from ("", f"*What can deceive it*: {info.false_alarms}.")
        yield from ("", "What to do, the usual cure first:", "")
        yield from (f"- {cure}" for cure in info.cures)
        if taught := lessons(rule):
            yield from ("", f"*Taught by*: {taught}.")


def lessons(rule: type[Rule[Any]]) -> str:
    """Links to the scenarios with a fix for it."""
    taught = [
        entry.id
        for entry in catalogue()
        if any(rule.info.id in fix.answers for fix in entry.fixes if not fix.wrong)
    ]
    return ", ".join(f"[`{id_}`](scenarios.md#{id_})" for id_ in taught)


def thresholds(rule: type[Rule[Any]]) -> Iterator[tuple[str, str]]:
    """The constants that a rule's modules define or import, as they are documented there."""
    seen = set()
    for kind in rule.__mro__:
        if not kind.__module__.startswith("loopviz.model.findings.") or kind is Rule:
            continue
        for module, names, meaning in _constants(sys.modules[kind.__module__]):
            values = [(name, getattr(module, name)) for name in names]
            numbers = all(type(value) in (int, float) for _, value in values)
            if numbers and names not in seen:
                seen.add(names)
                text = ", ".join(_shown(name, value) for name, value in values)
                yield text, " ".join(meaning.split()).replace("|", "or")


def _constants(module: ModuleType) -> Iterator[tuple[ModuleType, tuple[str, ...], str]]:
    """Module, names and description of the constants that it imports and defines."""
    body = _parsed(module).body
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module in sys.modules:
            imported = {alias.name for alias in node.names if alias.name.isupper()}
            if imported and node.module.startswith("loopviz.model."):
                source = sys.modules[node.module]
                yield from (c for c in _defined(source) if imported.intersection(c[1]))
    yield from _defined(module)


def _defined(module: ModuleType) -> Iterator[tuple[ModuleType, tuple[str, ...], str]]:
    body = _parsed(module).body
    for node, after in pairwise(body):
        if isinstance(node, ast.Assign) and isinstance(after, ast.Expr):
            names = [one.id for one in ast.walk(node.targets[0]) if isinstance(one, ast.Name)]
            if isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
                yield module, tuple(names), after.value.value


def _parsed(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text("utf-8"))


def _shown(name: str, value: float) -> str:
    if name.endswith("_NS"):
        return duration_text(int(value))
    if name.endswith("_S"):
        return f"{value} s"
    return f"{value:.0%}" if isinstance(value, float) else f"{value:,}"


if __name__ == "__main__":
    main()
