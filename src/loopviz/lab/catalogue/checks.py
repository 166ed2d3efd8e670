"""Checks of a scenario's values, whether they were read from its file or made by running it.

Types come from the fields of the dataclasses in `loopviz.scenario`, bounds from `_BOUNDS`.
"""

import math
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from typing import Any

from loopviz.model.phases.metric import Metric
from loopviz.scenario import Answer, Expect, Fix, Load, Scenario
from loopviz.validation import Bound, fits, shown, words

__all__ = ["METHODS", "parameters", "required", "wrong", "wrong_answers"]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def parameters(kind: type[Any]) -> dict[str, Field[Any]]:
    """The parameters of `Fix(…)`, `Load(…)`, …, in order."""
    return {field.name: field for field in fields(kind)}


def required(kind: type[Any]) -> list[str]:
    """The names of the parameters without a default."""
    return [
        field.name
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    ]


def wrong(kind: type[Any], name: str, value: Any) -> str:
    """What is wrong with an argument: `rps must be a number, not 'x'`; empty if nothing is."""
    hint = parameters(kind)[name].type
    if not fits(value, hint):
        return f"{name} must be {words(hint)}, not {shown(value)}"
    if not _is_unicode(value):
        return f"{name} must be Unicode text, not {shown(value)} with a lone surrogate"
    bound = _BOUNDS.get((kind, name))
    if bound is None or bound.holds(value):
        return ""
    return f"{name} must be {bound.words}, not {shown(value)}"


def wrong_answers(question: str, answers: Sequence[Answer], claims: Sequence[Expect]) -> str:
    """What is wrong with the answers to a scenario's question; empty if nothing is."""
    right = [answer for answer in answers if answer.right]
    if not question and not answers:
        return ""
    if not question:
        return "there are answers, but no question"
    if not 2 <= len(answers) <= 3:
        return f"a question has two or three answers, not {len(answers)}"
    if len(right) != 1:
        return f"exactly one answer must be right, not {len(right)}"
    known = [claim.name for claim in claims]
    if right[0].proof and right[0].proof not in known:
        there_are = "; ".join(known) or "none"
        return f"no claim is called {shown(right[0].proof)}; there are: {there_are}"
    return ""


def _is_unicode(value: Any) -> bool:
    """False for text with a lone surrogate, which UTF-8 cannot encode, and for lists of such."""
    if isinstance(value, list | tuple):
        return all(map(_is_unicode, value))
    return not isinstance(value, str) or not any("\ud800" <= c <= "\udfff" for c in value)


def _is_route(value: str) -> bool:
    method, _, path = value.partition(" ")
    unfit = any(c.isascii() and not c.isprintable() for c in path)
    return method in METHODS and path.startswith("/") and " " not in path and not unfit


_BOUNDS: dict[tuple[type[Any], str], Bound] = {
    (Scenario, "title"): Bound("a few words", bool),
    (Scenario, "zoom_ms"): Bound("0, or from 1 to 1000", lambda ms: ms == 0 or 1 <= ms <= 1000),
    (Answer, "text"): Bound("a few words", bool),
    (Scenario, "headline"): Bound(
        "a metric such as 'p99_ms GET /ping' or 'counter lost'",
        lambda value: not value or Metric.of(value) is not None,
    ),
    (Fix, "key"): Bound("a word such as to_thread", str.isidentifier),
    (Fix, "workers"): Bound("1 or more", lambda value: value >= 1),
    (Load, "route"): Bound("a method and a path such as 'GET /report'", _is_route),
    (Load, "rps"): Bound("0 or more", lambda value: 0 <= value < math.inf),
    (Load, "timeout_s"): Bound("more than 0", lambda value: value > 0),
    (Load, "copies"): Bound("1 or more", lambda value: value >= 1),
    (Load, "leaves"): Bound("between 0 and 1", lambda value: 0 <= value <= 1),
    (Load, "leaves_within_s"): Bound("more than 0", lambda value: value > 0),
    (Load, "at_once"): Bound("0 or more", lambda value: value >= 0),
}
"""Conditions beyond the type."""
