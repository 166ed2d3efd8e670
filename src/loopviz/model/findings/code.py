"""The user's code around a line: read when a finding is told, to say what to write instead."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from loopviz.model.names import Naming
from loopviz.model.snapshot import Location

__all__ = ["Code"]

_LINES = 5_000
"""How many lines of a file are read; longer files are not understood."""
_FILES = 50
"""How many files are kept."""
_CELLS = 72
"""How long a suggested expression may be; then its arguments give way."""

_CHEAP = frozenset(
    (
        "decode",
        "encode",
        "format",
        "get",
        "hex",
        "hexdigest",
        "int",
        "items",
        "join",
        "keys",
        "len",
        "lower",
        "range",
        "split",
        "str",
        "strip",
        "upper",
        "values",
    )
)
"""Names of calls that never are the slow one of a line."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Loop = ast.For | ast.AsyncFor | ast.While
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Code:
    """The syntax trees of the user's files. Of a file that cannot be read, nothing is known."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._trees: dict[str, ast.Module | None] = {}

    def call(self, where: Location, function: str = "") -> ast.Call | None:
        """The call of that function at that line, which is not awaited.

        If its name is not there (C code has none), the only call that may be slow; but not beside
        an `await`, within which the time may have gone.
        """
        calls = list(self._calls(where))
        named = [call for call in calls if function and _name(call) == _last(function)]
        if named or any(isinstance(node, ast.Await) for node in self._at(where)):
            return named[0] if named else None
        slow = [call for call in calls if _may_be_slow(_name(call))]
        return slow[0] if len(slow) == 1 else None

    def threaded(self, stack: Sequence[Location], function: str) -> tuple[str, Location] | None:
        """`await asyncio.to_thread(f, x)` instead of the blocking call, and the line to write it.

        `stack` begins with the culprit's line, innermost first; `function` is what it called. If
        the line is in a `def`, that is what a thread has to run: it is its caller's line.
        """
        for where in stack:
            if not self._naming.is_users(where.path):
                continue
            call = self.call(where, function)
            if call is None:
                return None
            if isinstance(self._function(where), ast.AsyncFunctionDef):
                return f"await {_in_thread(call)}", where
            function = where.function
        return None

    def gathered(self, where: Location) -> str:
        """`await asyncio.gather(*(f(x) for x in xs))` instead of a loop; empty: there is none."""
        loop = self._loop(where)
        awaited = [node for node in self._at(where) if isinstance(node, ast.Await)]
        if not isinstance(loop, ast.For) or len(awaited) != 1:
            return ""
        each = f"for {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}"
        text = f"await asyncio.gather(*({ast.unparse(awaited[0].value)} {each}))"
        return text if len(text) <= _CELLS + 20 else ""

    def awaited_once(self, where: Location) -> bool:
        """Whether the line is known to await one thing, once in a request.

        It is in no loop, and its function is an endpoint's: it has a decorator and no caller here.
        """
        waits = [n for n in self._at(where) if isinstance(n, ast.Await | ast.AsyncWith)]
        function, tree = self._function(where), self._tree(where.path)
        if len(waits) != 1 or self._loop(where) is not None or tree is None:
            return False
        if not isinstance(function, _Function) or not function.decorator_list:
            return False
        nodes = list(ast.walk(tree))
        functions = (node for node in nodes if isinstance(node, _Function | ast.ClassDef))
        decorators = {id(one) for node in functions for one in node.decorator_list}
        calls = (n for n in nodes if isinstance(n, ast.Call) and id(n) not in decorators)
        return all(_name(call) != function.name for call in calls)

    def repeats_by_result(self, where: Location) -> bool:
        """Whether the loop around the line goes on, or ends, by what its last round gave.

        So do retries, polling, and pages that name the next one: `while`, or a `for` that is left
        early.
        """
        loop = self._loop(where)
        if isinstance(loop, ast.While):
            return True
        return isinstance(loop, ast.For | ast.AsyncFor) and any(_leaves(loop.body))

    # ----

    def _tree(self, path: str) -> ast.Module | None:
        if path not in self._trees:
            if len(self._trees) >= _FILES:
                self._trees.clear()
            self._trees[path] = self._read(path)
        return self._trees[path]

    def _read(self, path: str) -> ast.Module | None:
        lines = [*takewhile(bool, (self._naming.line(path, n) for n in range(1, _LINES + 2)))]
        try:
            return ast.parse("".join(lines)) if len(lines) <= _LINES else None
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def _around(self, where: Location) -> Iterator[ast.AST]:
        """All nodes that the line is a part of, outermost first."""
        tree = self._tree(where.path)
        nodes: list[ast.AST] = [tree] if tree is not None else []
        for node in nodes:
            for child in ast.iter_child_nodes(node):
                first = getattr(child, "lineno", None)
                if first is None or first <= where.line <= (child.end_lineno or first):  # type: ignore[attr-defined]
                    nodes.append(child)
        return iter(nodes)

    def _function(self, where: Location) -> ast.AST | None:
        """The innermost function around the line."""
        found = None
        for node in self._around(where):
            if isinstance(node, _Function | ast.Lambda):
                found = node
        return found

    def _loop(self, where: Location) -> ast.AST | None:
        """The innermost loop or comprehension of that function around the line."""
        found = None
        for node in self._around(where):
            if isinstance(node, _Function | ast.Lambda):
                found = None
            elif isinstance(node, _Loop | _Comprehension):
                found = node
        return found

    def _at(self, where: Location) -> Iterator[ast.AST]:
        """The expressions that begin at the line, or are the innermost statement's own."""
        statements = [node for node in self._around(where) if isinstance(node, ast.stmt)]
        if statements:
            yield from _own(statements[-1])

    def _calls(self, where: Location) -> Iterator[ast.Call]:
        """The calls of the line's statement that are not awaited and are on that line."""
        nodes = list(self._at(where))
        awaited = {id(node.value) for node in nodes if isinstance(node, ast.Await)}
        for node in nodes:
            if not isinstance(node, ast.Call) or id(node) in awaited:
                continue
            if node.lineno <= where.line <= (node.end_lineno or node.lineno):
                yield node


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a statement, without those of the statements in it and of lambdas."""
    nodes: list[ast.AST] = [statement]
    for node in nodes:
        nodes += (
            child
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, ast.stmt | ast.Lambda)
        )
    return iter(nodes)


def _leaves(nodes: Iterable[ast.AST], *, inner: bool = False) -> Iterator[bool]:
    """True for each `return`, and each `break` of the loop itself."""
    for node in nodes:
        if isinstance(node, ast.Return) or (isinstance(node, ast.Break) and not inner):
            yield True
        elif not isinstance(node, _Function | ast.ClassDef | ast.expr):
            within = inner or isinstance(node, _Loop)
            yield from _leaves(ast.iter_child_nodes(node), inner=within)


def _name(call: ast.Call) -> str:
    of = call.func
    return of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""


def _may_be_slow(name: str) -> bool:
    """Whether a call of that name may be what blocks: to make an object hardly ever does."""
    return bool(name) and name not in _CHEAP and not name[0].isupper()


def _last(function: str) -> str:
    """The name under which a function is called: `Session.__init__` is called as `Session`."""
    parts = [part for part in function.split(".") if part not in ("<locals>", "__init__")]
    return parts[-1] if parts else ""


def _in_thread(call: ast.Call) -> str:
    function = ast.unparse(call.func)
    arguments = [ast.unparse(one) for one in (*call.args, *call.keywords)]
    text = f"asyncio.to_thread({', '.join([function, *arguments])})"
    return text if len(text) <= _CELLS else f"asyncio.to_thread({function}, …)"
