"""The user's code around a line: read when a finding is told, to say what to write instead."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from loopviz.model.findings.instead import CELLS, Instead, called_name, instead
from loopviz.model.names import Naming
from loopviz.model.snapshot import Location

__all__ = ["Code"]

_LINES = 5_000
"""How many lines of a file are read; longer files are not understood."""
_FILES = 50
"""How many files are kept."""
_ANSWERS = 500
"""How many suggestions are kept: a finding is told several times a second."""
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
        "monotonic",
        "perf_counter",
        "process_time",
        "range",
        "split",
        "str",
        "strip",
        "thread_time",
        "time",
        "upper",
        "values",
    )
)
"""Names of calls that never are the slow one of a line."""

_FUTURE = "Future.result"
"""What a call of `result` calls if it waits for a future of `concurrent.futures`."""
_STARLETTE = ("fastapi", "starlette")
_YIELDS = (ast.Yield, ast.YieldFrom)
_SUSPENDS = (ast.Await, ast.AsyncFor, ast.AsyncWith)

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Loop = ast.For | ast.AsyncFor | ast.While
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Code:
    """The syntax trees of the user's files. Of a file that cannot be read, nothing is known."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._trees: dict[str, ast.Module | None] = {}
        self._instead: dict[tuple[tuple[Location, ...], str], Instead | None] = {}

    def call(self, where: Location, function: str = "") -> ast.Call | None:
        """The call of that function at that line, which is not awaited.

        If its name is not there (C code has none), the only call that may be slow; but not beside
        an `await`, within which the time may have gone.
        """
        calls = list(self._calls(where))
        named = [call for call in calls if function and called_name(call) == _last(function)]
        if named or any(isinstance(node, ast.Await) for node in self._at(where)):
            return named[0] if named else None
        slow = [call for call in calls if _may_be_slow(called_name(call))]
        return slow[0] if len(slow) == 1 else None

    def unblocked(self, stack: Sequence[Location], called: str) -> Instead | None:
        """What to write instead of the blocking call; None: not known.

        `stack` begins with the culprit's line, innermost first; `called` is what it called. If
        the line is in a `def`, that is what a thread has to run: it is its caller's line.
        """
        asked = tuple(stack), called
        if asked not in self._instead:
            if len(self._instead) >= _ANSWERS:
                self._instead.clear()
            self._instead[asked] = self._unblocked(stack, called)
        return self._instead[asked]

    def _unblocked(self, stack: Sequence[Location], called: str) -> Instead | None:
        within, made = "", False
        for where in stack:
            if not self._naming.is_users(where.path):
                continue
            if made:
                return self._iterated(where, within)
            call = self._call_of(where, within) if within else self.call(where, called)
            if call is None or self._in_generator(call, where):
                return None
            function = self._function(where)
            if isinstance(function, ast.AsyncFunctionDef):
                if not within and (future := self._future(call, called, function)):
                    return Instead(future, where, "")
                library = "" if within else self._library(call.func, where)
                return instead(call, where, library)
            if function is None:
                return None
            made = any(isinstance(node, _YIELDS) for node in ast.walk(function))
            within = where.function
        return None

    def keeps_lock(self, where: Location) -> str:
        """The lock of a `with` without `async` at that line, whose block awaits; empty: it is none.

        A task that is suspended in it keeps the lock, and who waits for that blocks the loop.
        """
        around = [n for n in self._around(where) if isinstance(n, ast.With)]
        block = around[-1] if around else None
        if block is None or block.lineno != where.line or len(block.items) != 1:
            return ""
        lock = block.items[0].context_expr
        if not isinstance(lock, ast.Name | ast.Attribute) or block.items[0].optional_vars:
            return ""
        awaits = any(isinstance(node, _SUSPENDS) for node in _within(block))
        return ast.unparse(lock) if awaits else ""

    def _future(self, call: ast.Call, called: str, function: ast.AST) -> str:
        """What to write instead of waiting for a future of another thread; empty: it is none."""
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "result":
            return ""
        future = call.func.value
        made: ast.AST = future
        for node in ast.walk(function):
            match node:
                case ast.Assign(targets=[target], value=value) if (
                    node.lineno < call.lineno and ast.unparse(target) == ast.unparse(future)
                ):
                    made = value
        text = f"await asyncio.wrap_future({ast.unparse(future)})"
        if (
            isinstance(made, ast.Call)
            and called_name(made) == "run_coroutine_threadsafe"
            and made.args
        ):
            here = f"await {ast.unparse(made.args[0])}"
            if len(here) <= CELLS:
                return f"{here}`, or, of a loop in another thread, `{text}"
            return text
        return text if called == _FUTURE else ""

    def _iterated(self, where: Location, generator: str) -> Instead | None:
        """What to write instead of a `for` over that generator; None: it is none.

        A thread would only make the generator, not run it. Starlette has what runs it.
        """
        loop = self._loop(where)
        if not isinstance(self._function(where), ast.AsyncFunctionDef):
            return None
        if not isinstance(loop, ast.For) or not isinstance(loop.iter, ast.Call):
            return None
        if called_name(loop.iter) != _last(generator) or not self._imports(where, _STARLETTE):
            return None
        target, values = ast.unparse(loop.target), ast.unparse(loop.iter)
        code = f"async for {target} in iterate_in_threadpool({values})"
        return Instead(code, where, " (of `starlette.concurrency`)")

    def _imports(self, where: Location, packages: Sequence[str]) -> bool:
        """Whether the file imports something from one of them."""
        tree = self._tree(where.path)
        return any(
            isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in packages
            for node in (ast.walk(tree) if tree is not None else ())
        )

    def _call_of(self, where: Location, function: str) -> ast.Call | None:
        """The call of that function; under another name, or as a property, it is not known."""
        return next((c for c in self._calls(where) if called_name(c) == _last(function)), None)

    def _in_generator(self, call: ast.Call, where: Location) -> bool:
        """Whether it is in a generator expression, which an `await` would make another thing."""
        made = (node for node in self._at(where) if isinstance(node, ast.GeneratorExp))
        return any(node is call for one in made for node in ast.walk(one))

    def _library(self, function: ast.expr, where: Location) -> str:
        """The full name of a function that the file imports: `time.sleep`; empty: not known."""
        name, _, rest = ast.unparse(function).partition(".")
        tree = self._tree(where.path)
        for node in ast.walk(tree) if tree is not None else ():
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return ".".join(filter(None, (f"{module}{alias.name}", rest)))
        return ""

    def argument(self, where: Location, name: str) -> int | None:
        """The number that a call of that line has for `name`; None: it has none, or a variable.

        The one argument without a name counts, too, of a call that has no other.
        """
        nodes = (node for node in self._at(where) if isinstance(node, ast.Call))
        calls = [call for call in nodes if _is_on(call, where.line)]
        given = [one.value for call in calls for one in call.keywords if one.arg == name]
        if not given:
            given = [call.args[0] for call in calls if len(call.args) == 1 and not call.keywords]
        match given:
            case [ast.Constant(value=int(number))]:
                return number
        return None

    def releases_itself(self, where: Location) -> str:
        """`async with gate:` instead of `await gate.acquire()`; empty: that is not the line."""
        awaited = [node.value for node in self._at(where) if isinstance(node, ast.Await)]
        match awaited:
            case [ast.Call(func=ast.Attribute(value=owner, attr="acquire"), args=[], keywords=[])]:
                return f"async with {ast.unparse(owner)}:"
        return ""

    def may_do_without(self, where: Location) -> bool:
        """Whether the line awaits, and names nothing that a `with` around it has acquired."""
        nodes = list(self._at(where))
        if not any(isinstance(node, ast.Await) for node in nodes):
            return False
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        around = (n for n in self._around(where) if isinstance(n, ast.With | ast.AsyncWith))
        given = (item.optional_vars for one in around for item in one.items)
        acquired = {target.id for target in given if isinstance(target, ast.Name)}
        return bool(acquired) and not names & acquired

    def gathered(self, where: Location) -> str:
        """`await asyncio.gather(*(f(x) for x in xs))` instead of a loop; empty: there is none."""
        loop = self._loop(where)
        awaited = [node for node in self._at(where) if isinstance(node, ast.Await)]
        if not isinstance(loop, ast.For) or len(awaited) != 1:
            return ""
        each = f"for {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}"
        text = f"await asyncio.gather(*({ast.unparse(awaited[0].value)} {each}))"
        return text if len(text) <= CELLS + 20 else ""

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
        return all(called_name(call) != function.name for call in calls)

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
            if _is_on(node, where.line):
                yield node


def _is_on(node: ast.Call, line: int) -> bool:
    """Whether a part of the call is on that line."""
    return node.lineno <= line <= (node.end_lineno or node.lineno)


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


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes in it, without those of the functions in it."""
    nodes = [node]
    for one in nodes:
        nodes += (
            child
            for child in ast.iter_child_nodes(one)
            if not isinstance(child, _Function | ast.Lambda)
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


def _may_be_slow(name: str) -> bool:
    """Whether a call of that name may be what blocks: to make an object hardly ever does."""
    return bool(name) and name not in _CHEAP and not name[0].isupper()


def _last(function: str) -> str:
    """The name under which a function is called: `Session.__init__` is called as `Session`."""
    parts = [part for part in function.split(".") if part not in ("<locals>", "__init__")]
    return parts[-1] if parts else ""
