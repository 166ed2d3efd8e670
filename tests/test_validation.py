"""Types of fields: which values fit, and what is said of one that does not."""

from collections.abc import Callable, Sequence
from typing import Literal

import pytest

from loopviz.validation import fits, shown, words

MODE = Literal["a", "b", "c"]


@pytest.mark.parametrize(
    ("hint", "right", "wrong", "said"),
    [
        (str, ["", "x"], [1, None, b"x"], "text"),
        (int, [0, -1], [True, 1.0, "1"], "a whole number"),
        (float, [0, 0.5], [True, "1"], "a number"),
        (bool, [True, False], [0, 1, None], "true or false"),
        (MODE, ["a", "c"], ["d", None], "'a', 'b' or 'c'"),
        (Sequence[str], [[], ["a"], ("a", "b")], ["ab", ["a", 1], None], "a list of texts"),
        (str | None, ["", None], [1], "text or None"),
        (str | Sequence[str] | None, ["a", ["a"]], [[1]], "text, a list of texts or None"),
        (Callable[[], None], [print], [1], "a function"),
    ],
)
def test_what_fits_a_type_and_what_it_is_called(hint, right, wrong, said):
    assert all(fits(value, hint) for value in right)
    assert not any(fits(value, hint) for value in wrong)
    assert words(hint) == said


def test_a_long_value_is_cut():
    assert shown("x" * 100) == "'" + "x" * 38 + "…"
    assert shown("x" * 38) == "'" + "x" * 38 + "'"
