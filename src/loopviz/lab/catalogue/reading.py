"""Reads a scenario file and finds its errors without running it."""

import ast
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from loopviz.lab.catalogue.checks import parameters, required, wrong, wrong_answers
from loopviz.lab.catalogue.files import read_whole
from loopviz.output import clean
from loopviz.scenario import Answer, Counter, Expect, Fix, Load, Scenario

__all__ = ["Call", "Contents", "read_file"]

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Scenario, Fix, Load, Counter, Expect, Answer)
}
_LISTS: dict[str, type[Any]] = {
    "fixes": Fix,
    "load": Load,
    "counters": Counter,
    "expect": Expect,
    "answers": Answer,
}
"""The arguments of `Scenario` that are lists, with the type of their items."""


@dataclass
class Call:
    """A call of `Fix(…)`, `Load(…)`, …: its literal arguments, and the line of each argument."""

    line: int
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    whole: bool = True
    """False if an argument is no literal, or may hide behind a `*`."""


@dataclass
class Contents:
    """What could be read. `error`: one sentence with file and line; empty if all is well."""

    scenario: Call = field(default_factory=lambda: Call(1))
    fixes: list[Call] = field(default_factory=list)
    load: list[Call] = field(default_factory=list)
    counters: list[Call] = field(default_factory=list)
    expect: list[Call] = field(default_factory=list)
    answers: list[Call] = field(default_factory=list)
    error: str = ""


def read_file(path: Path) -> Contents:
    """Read the file, without running it. Never raises."""
    try:
        data = read_whole(path)
    except OSError as error:
        why = f"{path.name} cannot be read ({error.strerror}): {path} should be a Python file."
        return Contents(error=why)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes, say: the target reports them
            tree = ast.parse(data, filename=str(path))
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        return Contents(error=f"{path.name}:{_no_python(data, error)}.")
    reader = _Reader(tree)
    try:
        contents = reader.contents()
    except RecursionError:
        return Contents(error=f"{path.name}:1: an expression is nested too deeply.")
    if reader.errors:
        line, what = min(reader.errors)
        contents.error = f"{path.name}:{line}: {what}."
    return contents


def _no_python(data: bytes, error: BaseException) -> str:
    """The line and the reason why the file is not Python."""
    encoding = "utf-8"
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
    except SyntaxError as bad:
        if bad.msg.startswith("unknown encoding"):
            return f"1: {bad.msg}: save the file as UTF-8"
    try:
        data.decode(encoding)
    except UnicodeDecodeError as bad:
        odd = f"byte 0x{data[bad.start]:02x} is not {bad.encoding}"
        return f"{_line(data, bad.start)}: {odd}: save the file as UTF-8"
    if b"\0" in data:
        return f"{_line(data, data.index(0))}: there is a null byte in it"
    if isinstance(error, SyntaxError):
        source = (error.text or "").strip()[:60]
        shown = f", in `{clean(source)}`" if source else ""
        return f"{error.lineno or 1}: this is not valid Python ({error.msg}{shown})"
    return f"1: Python cannot read it ({type(error).__name__}: {error})"


def _line(data: bytes, at: int) -> int:
    return data.count(b"\n", 0, at) + 1


class _Reader:
    """Reads a module, starting at `scenario = Scenario(…)`, and collects its errors."""

    def __init__(self, tree: ast.Module) -> None:
        self.errors: list[tuple[int, str]] = []
        self._tree = tree
        self._values = dict(_assigned(tree))
        self._partly: set[str] = set()
        """The lists of which something could not be read."""

    def contents(self) -> Contents:
        scenario = self._resolve(self._values.get("scenario"))
        kind = _kind_of(scenario)
        if not isinstance(scenario, ast.Call) or kind is not Scenario:
            self._no_scenario(scenario, odd=kind is not None or _literal(scenario) is not None)
            return Contents()
        found = Contents(self._call(scenario, Scenario))
        for keyword in scenario.keywords:
            if keyword.arg in _LISTS:
                calls = self._listed(keyword.arg, keyword.value, _LISTS[keyword.arg])
                setattr(found, keyword.arg, calls)
        self._same_keys("fixes", found.fixes)
        self._same_keys("counters", found.counters)
        if not self.errors:
            self._answers(found)
        return found

    def _no_scenario(self, value: ast.expr | None, *, odd: bool) -> None:
        if value is not None and odd:
            self._wrong(value, f"scenario must be a Scenario(…), not {_source(value)}")
        elif value is None and not _may_bind(self._tree, "scenario"):
            self.errors.append((1, "there is no `scenario = Scenario(…)` in this file"))

    def _resolve(self, node: ast.expr | None) -> ast.expr | None:
        """The value of a name that is assigned at module level; any other expression as it is."""
        for _ in range(5):
            if not isinstance(node, ast.Name) or node.id not in self._values:
                break
            node = self._values[node.id]
        return node

    def _call(self, call: ast.Call, kind: type[Any]) -> Call:
        """Check the literal arguments of a call. The others are checked when the file is run."""
        name, takes = kind.__name__, parameters(kind)
        given = Call(call.lineno)
        positional = [name for name in takes if not takes[name].kw_only]
        starred = any(isinstance(arg, ast.Starred) for arg in call.args)
        pairs = [] if starred else [*zip(positional, call.args, strict=False)]
        if not starred and len(call.args) > len(positional):
            most = f"{len(positional)} arguments at most"
            how = most if positional else "its arguments by name only: `title=…`"
            self._wrong(call.args[len(positional)], f"{name} takes {how}")
        for keyword in call.keywords:
            if keyword.arg is None:
                starred = True
            elif keyword.arg not in takes:
                there_are = ", ".join(takes)
                self._wrong(keyword, f"{name} takes no {keyword.arg!r}; it takes: {there_are}")
            else:
                pairs.append((keyword.arg, keyword.value))
        for argument, node in pairs:
            given.lines[argument] = node.lineno
            literal = _literal(self._resolve(node))
            if literal is not None and (kind is not Scenario or argument not in _LISTS):
                what = wrong(kind, argument, literal[0])
                if what:
                    self._wrong(node, f"{name}: {what}")
                else:
                    given.values[argument] = literal[0]
        missing = [argument for argument in required(kind) if argument not in given.lines]
        if missing and not starred:
            self._wrong(call, f"{name} lacks {', '.join(missing)}")
        given.whole = not starred and given.lines.keys() == given.values.keys()
        return given

    def _listed(self, argument: str, node: ast.expr, kind: type[Any]) -> list[Call]:
        """The calls in a list or tuple, given directly or by name."""
        value = self._resolve(node)
        must = f"Scenario: {argument} must be a list of {kind.__name__}(…)"
        if not isinstance(value, ast.List | ast.Tuple):
            self._partly.add(argument)
            if value is not None and _literal(value) is not None:
                self._wrong(node, f"{must}, not {_source(value)}")
            return []
        calls = []
        for item in value.elts:
            one = self._resolve(item)
            its_kind = _kind_of(one)
            if isinstance(one, ast.Call) and its_kind is kind:
                calls.append(self._call(one, kind))
            elif one is not None and (its_kind is not None or _literal(one) is not None):
                self._wrong(item, f"{must}; this is {_source(item)}")
        if len(calls) < len(value.elts) or not all(call.whole for call in calls):
            self._partly.add(argument)
        return calls

    def _same_keys(self, argument: str, calls: Sequence[Call]) -> None:
        lines: dict[str, int] = {}
        for call in calls:
            key = call.values.get("key")
            if key in lines:
                what = f"two {argument} have the key {key!r}, the other one in line {lines[key]}"
                self.errors.append((call.line, what))
            elif key is not None:
                lines[key] = call.line

    def _answers(self, found: Contents) -> None:
        """Check the answers to the question, if all that matters for that could be read."""
        lines = found.scenario.lines
        if self._partly & {"answers", "expect"}:
            return
        question = found.scenario.values.get("question", "?" if "question" in lines else "")
        answers = [Answer(**call.values) for call in found.answers]
        what = wrong_answers(question, answers, [Expect(**call.values) for call in found.expect])
        if what:
            line = lines.get("answers", lines.get("question", found.scenario.line))
            self.errors.append((line, f"Scenario: {what}"))

    def _wrong(self, node: ast.expr | ast.keyword, what: str) -> None:
        self.errors.append((node.lineno, what))


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """`name = …` and `name: Type = …` at the top of the module."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value


def _may_bind(tree: ast.Module, name: str) -> bool:
    """True if the name may be bound in another way: by an import, in a branch, by a `with`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return True
        if isinstance(node, ast.ImportFrom) and node.module != "loopviz.scenario":
            bound = {alias.asname or alias.name for alias in node.names}
            if bound & {name, "*"}:
                return True
    return False


def _kind_of(node: ast.expr | None) -> type[Any] | None:
    """The class of `loopviz.scenario` that is called; None for anything else."""
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return _KINDS.get(name)


def _source(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else text[:39] + "…"


def _literal(node: ast.expr | None) -> tuple[Any] | None:
    """The value of a literal in a tuple; None for any other expression."""
    try:
        return None if node is None else (ast.literal_eval(node),)
    except (ValueError, TypeError, MemoryError, RecursionError, SyntaxError):
        return None
