"""Exceptions as text, and the line of the user's code where they were raised."""

from collections.abc import Callable
from types import CodeType
from typing import Any

from loopviz.probe.few_texts import FewTexts
from loopviz.probe.places import PLACES, USER
from loopviz.wire.events import NUMBER, Kind, tag

__all__ = ["ErrorTexts", "describe_error", "raised_at", "unheard_of"]

_KEPT = 200
_LONGEST = 200
_MESSAGES = {
    "Task exception was never retrieved": Kind.EXCEPTION_NEVER_RETRIEVED,
    "Task was destroyed but it is pending!": Kind.TASK_DESTROYED,
}


def describe_error(error: BaseException) -> str:
    """The error as `ValueError: no luck` or `sqlalchemy.TimeoutError: …`; of a group, its first."""
    error = _first(error)
    kind = type(error)
    library = kind.__module__.partition(".")[0]
    name = kind.__qualname__.rpartition(".")[2]
    if library not in ("builtins", "__main__") and not library.startswith("_loopviz_"):
        name = f"{library}.{name}"
    try:
        words = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - the user's own __str__
        words = ""
    return f"{name}: {words[:_LONGEST]}" if words else name


class ErrorTexts:
    """Texts of exceptions; once there are many different ones, of further ones without messages."""

    def __init__(self) -> None:
        self._texts = FewTexts(_KEPT)

    def of(self, error: BaseException) -> str:
        text = describe_error(error)
        return self._texts.keep(text, text.partition(":")[0])


def raised_at(error: BaseException) -> tuple[CodeType, int] | None:
    """The innermost user code that the error went through, and the line; None if there is none."""
    found = _innermost(_first(error))
    return found or _innermost(error)


def unheard_of(context: dict[str, Any], text_of: Callable[[BaseException], int] | None) -> int:
    """The tag of what a loop's exception handler is told of a task; 0: nothing to record.

    It may be told on any thread, where the last reference was dropped. `text_of`: the number of
    an error's text; None on another thread.
    """
    kind = _MESSAGES.get(context.get("message", ""))
    task = context.get("task") or context.get("future")
    number = getattr(task, "_loopviz_tag", 0) & NUMBER
    if kind is None or not number:
        return 0
    text = 0
    error = context.get("exception")
    if kind is Kind.EXCEPTION_NEVER_RETRIEVED and error is not None and text_of is not None:
        text = text_of(error)
    return tag(kind, number, text)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _innermost(error: BaseException) -> tuple[CodeType, int] | None:
    found = None
    at = error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        if PLACES.kind(code) == USER and code.co_filename[:1] != "<":
            found = code, at.tb_lineno
        at = at.tb_next
    return found
