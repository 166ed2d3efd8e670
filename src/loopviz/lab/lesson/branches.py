"""Finds the lines that run while certain fixes are on."""

import ast
import re
from collections.abc import Collection, Sequence
from typing import Literal

__all__ = ["Branches", "Definition", "Span", "State", "asks"]

State = Literal["", "active", "inactive"]
Span = tuple[int, int]
"""First column, and the column after the last one."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


class Branches(ast.NodeVisitor):
    """Visits statements and records which lines are active, inactive or partly idle."""

    def __init__(self, text: Sequence[str], on: dict[str, bool]) -> None:
        self._text, self._on = text, on
        self.states: dict[int, State] = {}
        self.idle: dict[int, list[Span]] = {}

    def leave_out_unused(self, helper: Definition, parts: Sequence[ast.stmt]) -> None:
        """Mark a helper as inactive if only inactive lines call it."""
        calls = [
            name
            for part in parts
            if part is not helper
            for name in ast.walk(part)
            if isinstance(name, ast.Name) and name.id == helper.name
        ]
        if calls and not any(self._runs(call) for call in calls):
            self._mark(helper.lineno, helper.end_lineno or helper.lineno, runs=False)

    def generic_visit(self, node: ast.AST) -> None:
        for _, value in ast.iter_fields(node):
            if isinstance(value, list):
                self._block(value)
            elif isinstance(value, ast.AST):
                self.visit(value)

    def visit_If(self, node: ast.If) -> None:
        if self._asks(node.test):
            truth, last = self._truth(node.test), node.end_lineno or node.lineno
            other = self._other(node)
            self._mark(node.lineno, (other or last + 1) - 1, runs=truth is not False)
            if other:
                self._mark(other, last, runs=truth is not True)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        if self._asks(node.test):
            truth = self._truth(node.test)
            if truth is not None:
                self._leave_out(node.orelse if truth else node.body)
        self.generic_visit(node)

    def _block(self, nodes: Sequence[object]) -> None:
        """Visit a block. What follows `if fix.on: return …` is the other branch of that `if`."""
        for i, node in enumerate(nodes):
            if not isinstance(node, ast.AST):
                continue
            self.visit(node)
            rest = nodes[i + 1 :]
            if isinstance(node, ast.If) and rest and self._asks(node.test) and _ends(node.body):
                first, last = rest[0], rest[-1]
                if isinstance(first, ast.stmt) and isinstance(last, ast.stmt) and not node.orelse:
                    runs = self._truth(node.test) is not True
                    end = last.end_lineno or last.lineno
                    self._mark((node.end_lineno or node.lineno) + 1, end, runs=runs)

    def _other(self, node: ast.If) -> int:
        """The line of its `else` or `elif`; 0 if it has none."""
        if not node.orelse:
            return 0
        first = node.orelse[0].lineno
        if isinstance(node.orelse[0], ast.If) and self._text[first - 1].lstrip().startswith("elif"):
            return first
        after = node.body[-1].end_lineno or first
        for number in range(first, after, -1):
            if re.match(r"\s*else\s*:", self._text[number - 1]):
                return number
        return first

    def _mark(self, first: int, last: int, *, runs: bool) -> None:
        """Mark lines as active or inactive. Lines inside an inactive branch stay inactive."""
        for number in range(first, last + 1):
            if self.states.get(number) != "inactive":
                self.states[number] = "active" if runs else "inactive"

    def _runs(self, node: ast.expr) -> bool:
        if self.states.get(node.lineno) == "inactive":
            return False
        at = len(self._text[node.lineno - 1].encode()[: node.col_offset].decode())
        return not any(start <= at < end for start, end in self.idle.get(node.lineno, ()))

    def _leave_out(self, node: ast.expr) -> None:
        """Mark an expression as not running: whole lines of it, or parts of lines."""
        last = node.end_lineno or node.lineno
        for number in range(node.lineno, last + 1):
            text = self._text[number - 1]
            raw = text.encode()
            start = node.col_offset if number == node.lineno else 0
            end = (node.end_col_offset or 0) if number == last else len(raw)
            span = len(raw[:start].decode()), len(raw[:end].decode())
            if text[slice(*span)].strip() == text.strip():
                self._mark(number, number, runs=False)
            else:
                self.idle.setdefault(number, []).append(span)

    def _asks(self, test: ast.expr) -> bool:
        return asks(test, self._on)

    def _truth(self, test: ast.expr) -> bool | None:
        """The value of the test; None if it does not follow from the fixes alone."""
        match test:
            case ast.Attribute(value=ast.Name(id=name), attr="on"):
                return self._on.get(name)
            case ast.Constant(value=value):
                return bool(value)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                truth = self._truth(operand)
                return None if truth is None else not truth
            case ast.BoolOp(op=op, values=values):
                decides = isinstance(op, ast.Or)
                truths = [self._truth(value) for value in values]
                if decides in truths:
                    return decides
                return None if None in truths else not decides
        return None


def asks(node: ast.AST, fixes: Collection[str]) -> bool:
    """True if the code reads a fix's `on`."""
    return any(
        isinstance(found, ast.Attribute)
        and found.attr == "on"
        and isinstance(found.value, ast.Name)
        and found.value.id in fixes
        for found in ast.walk(node)
    )


def _ends(block: Sequence[ast.stmt]) -> bool:
    """True if nothing after the block runs: it returns, raises, continues or breaks."""
    last = block[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _ends(last.body) and _ends(last.orelse)
    if isinstance(last, ast.With | ast.AsyncWith):
        return _ends(last.body)
    return isinstance(last, _LEAVES)
