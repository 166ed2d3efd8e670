"""What to write instead of a call that blocks the loop."""

import ast
from typing import NamedTuple

from loopviz.model.snapshot import Location

__all__ = ["CELLS", "Instead", "called_name", "instead"]

CELLS = 72
"""How long a suggested expression may be; then its arguments give way."""

_WAITING = frozenset(("requests", "socket", "subprocess", "urllib", "time", "sqlite3", "psycopg2"))
"""Modules whose functions wait, and hardly compute."""
_WAITS = frozenset(("accept", "acquire", "communicate", "connect", "join", "recv", "wait"))
"""Names of calls that wait, whatever they belong to."""


class Instead(NamedTuple):
    """What to write instead of a line."""

    code: str
    """`await asyncio.to_thread(f, x)`."""
    where: Location
    more: str
    """What else there is, after the code."""


def called_name(call: ast.Call) -> str:
    """The name of what is called, without what it belongs to; empty: it has none."""
    of = call.func
    return of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""


def instead(call: ast.Call, where: Location, library: str) -> Instead:
    """To call it in a thread, or what does not block.

    `library`: the full name of the function, if it is one that was imported.
    """
    if library == "time.sleep":
        return Instead(f"await {_shortened('asyncio.sleep', call)}", where, "")
    code = f"await {_shortened('asyncio.to_thread', call, ast.unparse(call.func))}"
    module = library.partition(".")[0]
    if module == "requests":
        return Instead(code, where, ", or httpx's `AsyncClient`")
    waits = module in _WAITING or called_name(call) in _WAITS
    return Instead(code, where, "" if waits else ", or a process pool if it computes")


def _shortened(function: str, call: ast.Call, *first: str) -> str:
    """A call with the arguments of another; they give way if it would be too long."""
    arguments = [ast.unparse(one) for one in (*call.args, *call.keywords)]
    text = f"{function}({', '.join([*first, *arguments])})"
    return text if len(text) <= CELLS else f"{function}({', '.join([*first, '…'])})"
