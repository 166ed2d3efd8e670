"""The lines of a lesson, active or not."""

import ast
import re
import warnings
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from loopviz.lab.lesson.branches import Branches, Definition, Span, State
from loopviz.lab.lesson.selection import first, fixes, parts

__all__ = ["Lesson", "SourceLine"]


class SourceLine(NamedTuple):
    """A line of the lesson."""

    number: int
    """The line number in the file; 0: lines of the file are left out here."""
    text: str
    state: State
    """`active`: in a branch that runs; `inactive`: in one that does not; empty: in no branch."""
    idle: tuple[Span, ...] = ()
    """Parts of the line that do not run: one side of a conditional expression."""


class Lesson:
    """The part of a scenario's file that its load runs.

    It consists of the endpoints of the `routes` (`METHOD /path`), the functions and classes of the
    file that they use or that read a fix, and the short assignments that these use.
    """

    def __init__(self, text: str, routes: Iterable[str]) -> None:
        self.prose = ""
        """The module's docstring."""
        self._text = re.split(r"\r\n|\r|\n", text)  # the lines that Python counts
        self._parts: list[ast.stmt] = []
        self._helpers: list[Definition] = []
        self._fixes: dict[str, str] = {}
        self._painted: dict[frozenset[str], tuple[SourceLine, ...]] = {}
        try:
            with warnings.catch_warnings(action="ignore"):  # the target reports them
                tree = ast.parse(text)
            self.prose = ast.get_docstring(tree) or ""
            self._fixes = dict(fixes(tree))
            self._parts = parts(tree, [*routes], self._fixes)
            self._helpers = [
                part
                for part in self._parts
                if isinstance(part, Definition) and not part.decorator_list
            ]
            self.lines(())
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self._parts = []

    def lines(self, on: Collection[str]) -> tuple[SourceLine, ...]:
        """The lines in the file's order, with their states while these fixes are on, by key."""
        key = frozenset(on)
        if key not in self._painted:
            self._painted[key] = tuple(self._lines(key))
        return self._painted[key]

    def _lines(self, on: frozenset[str]) -> Iterator[SourceLine]:
        branches = Branches(self._text, {name: k in on for name, k in self._fixes.items()})
        for part in self._parts:
            branches.visit(part)
        for helper in (*self._helpers, *reversed(self._helpers)):
            branches.leave_out_unused(helper, self._parts)
        last = 0
        for part in self._parts:
            begin, end = first(part), part.end_lineno or part.lineno
            if last and any(line.strip() for line in self._text[last : begin - 1]):
                yield SourceLine(0, "", "")
            elif last and begin - last > 1:
                yield SourceLine(begin - 1, "", "")
            last = end
            for number in range(begin, end + 1):
                text = self._text[number - 1]
                state = branches.states.get(number, "")
                idle = () if state == "inactive" else tuple(branches.idle.get(number, ()))
                yield SourceLine(number, text, state, idle)
