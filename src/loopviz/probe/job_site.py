"""The site of a worker job: the user's function that it runs, however deep it is wrapped."""

from collections.abc import Iterator, Sequence
from contextlib import _GeneratorContextManager
from contextvars import Context
from functools import partial
from types import BuiltinMethodType, CodeType, FunctionType, GeneratorType, MethodType
from typing import Any

from loopviz.probe.places import PLACES, USER, coroutine_code

__all__ = ["job_site"]

_WRAPPED = (partial, FunctionType, MethodType, GeneratorType)
"""The types of arguments that a library's function may be there to call."""


def job_site(function: Any, arguments: Sequence[Any] = ()) -> str:
    """The site of the function that a worker is to call with those arguments.

    If it is a library's, it is that of the first function or generator of the user's among its
    arguments, also within `partial` and `asyncio.to_thread`: FastAPI runs endpoints like that. The
    beginning and the end of a `@contextmanager`, as which it runs dependencies with `yield`, are
    named after the function that is decorated.
    """
    first: Any = None
    for each in _functions(function, arguments):
        found = _described(each)
        first = first or found
        if found[1] is not None and PLACES.kind(found[1]) == USER:
            break
    else:
        found = first
    name, code = found
    file, line = (code.co_filename, code.co_firstlineno) if code else ("", 0)
    return f"{name}\t{file}\t{line}\t{name}"


def _functions(function: Any, arguments: Sequence[Any]) -> Iterator[Any]:
    """The function, and those among its arguments."""
    while True:
        if type(function) is partial:
            arguments = (*function.args, *function.keywords.values(), *arguments)
            function = function.func
        elif arguments and _runs_in_context(function):
            function, *arguments = arguments
        else:
            break
    yield function
    for argument in arguments:
        if type(argument) in _WRAPPED:
            yield from _functions(argument, ())


def _runs_in_context(function: Any) -> bool:
    return type(function) is BuiltinMethodType and isinstance(function.__self__, Context)


def _described(function: Any) -> tuple[str, CodeType | None]:
    """Its name and its code."""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    manager = function.__self__ if type(function) is MethodType else None
    managed = getattr(manager, "func", None) if type(manager) is _GeneratorContextManager else None
    if type(managed) is FunctionType:
        name, function = f"{managed.__qualname__}.{function.__name__}", managed
    return name, getattr(function, "__code__", None) or coroutine_code(function)
