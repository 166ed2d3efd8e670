"""Selects the parts of a scenario's file that its load runs."""

import ast
import re
from collections.abc import Collection, Iterator

from loopviz.lab.lesson.branches import Definition, asks

__all__ = ["first", "fixes", "parts"]

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_NO_SETUP = ("Fix", "Counter", "Scenario", "APIRouter")
"""Module-level calls of these are not part of the lesson."""
_LONGEST_SETUP = 3


def fixes(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The name and the key of every `name = Fix(key=…)`."""
    for node in tree.body:
        name, value = _assigned(node)
        if name and isinstance(value, ast.Call) and _function_name(value) == "Fix":
            given = [k.value for k in value.keywords if k.arg == "key"] or value.args[:1]
            if given and isinstance(given[0], ast.Constant):
                yield name, str(given[0].value)


def parts(tree: ast.Module, routes: list[str], keys: Collection[str]) -> list[ast.stmt]:
    """The module-level statements of the lesson, in order."""
    defined = {node.name: node for node in tree.body if isinstance(node, Definition)}
    assigned = {name: node for node in tree.body if (name := _setup(node))}
    wanted: list[ast.stmt] = [
        node for node in defined.values() if _serves(node, routes) or asks(node, keys)
    ]
    for part in wanted:  # the loop appends to it
        for name in _names(part):
            for found in (defined.get(name), assigned.get(name)):
                if found is not None and found not in wanted:
                    wanted.append(found)
    return sorted(wanted, key=lambda node: node.lineno)


def _serves(node: Definition, routes: list[str]) -> bool:
    """True if a decorator, `@router.get("/x")`, gives it one of the routes."""
    for call in node.decorator_list:
        match call:
            case ast.Call(
                func=ast.Attribute(attr=method), args=[ast.Constant(value=str(path)), *_]
            ) if method in (*_METHODS, "api_route"):
                pieces = re.split(r"\{[^}]*\}", path)
                pattern = ".+".join(map(re.escape, pieces))
                verb = "[A-Z]+" if method == "api_route" else method.upper()
                requested = (route.partition("?")[0] for route in routes)
                if any(re.fullmatch(f"{verb} +{pattern}", route) for route in requested):
                    return True
    return False


def _setup(node: ast.stmt) -> str:
    """The name that a short assignment of a set-up value binds; else empty."""
    name, value = _assigned(node)
    if isinstance(value, ast.Call) and _function_name(value) in _NO_SETUP:
        return ""
    if value is None:
        return ""
    short = (node.end_lineno or node.lineno) - node.lineno < _LONGEST_SETUP
    return name if short else ""


def _assigned(node: ast.stmt) -> tuple[str, ast.expr | None]:
    """The name and the value of `name = …` or `name: Type = …`."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=value):
            return name, value
    return "", None


def _function_name(call: ast.Call) -> str:
    """The name of the function: `Fix` for `Fix(…)` and for `scenario.Fix(…)`."""
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def _names(node: ast.AST) -> set[str]:
    return {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}


def first(node: ast.stmt) -> int:
    """The statement's first line, decorators included."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])
