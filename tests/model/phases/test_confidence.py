"""How sure a quantile is: ranks against the binomial itself, and what may be called a change."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from loopviz.model.phases.confidence import SHARES, Interval, differ, intervals, samples_for

ONE_TO = np.arange(1, 1001)


def chance(count, share, low, high):
    """That the true quantile lies between the values of these ranks, exactly."""
    p = Fraction(share).limit_denominator(100)
    return float(
        sum(
            comb(count, k) * p**k * (1 - p) ** (count - k) for k in range(low, min(high, count + 1))
        )
    )


def ranks(count, place):
    found = intervals(ONE_TO[:count])[place]
    return found.low_ns or 0, found.high_ns or count + 1


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 5, 6, 10, 30, 36, 100, 368, 500])
def test_the_interval_holds_it_with_95_percent_and_none_of_its_ends_can_be_nearer(place, count):
    low, high = ranks(count, place)
    share = SHARES[place]
    assert chance(count, share, low, high) >= 0.95
    # either end one rank further in would leave out more than 2.5 % there
    assert chance(count, share, 0, low + 1) > 0.025
    assert chance(count, share, high - 1, count + 1) > 0.025


def test_a_rank_from_the_books():
    assert ranks(10, 0) == (2, 9)  # Conover: the median of ten, 97.9 %


def test_no_values_and_too_few_leave_it_open():
    assert intervals(ONE_TO[:0]) == (Interval(None, None),) * 3
    p50, p90, p99 = intervals(ONE_TO[:30])
    assert None not in p50
    assert p90.high_ns is None
    assert p99.high_ns is None


@pytest.mark.parametrize(("place", "count"), [(0, 6), (1, 36), (2, 368)])
def test_from_so_many_on_the_interval_is_closed_above(place, count):
    assert samples_for(SHARES[place]) == count
    assert intervals(ONE_TO[:count])[place].high_ns is not None
    assert intervals(ONE_TO[: count - 1])[place].high_ns is None


def test_the_order_of_the_values_does_not_matter():
    assert intervals(ONE_TO[::-1]) == intervals(ONE_TO)


def test_very_many_values():
    many = np.arange(60_000)
    low, high = intervals(many)[2]
    assert 59_300 < low < 59_400 < high < 59_500


@pytest.mark.parametrize(
    ("one", "other", "sure"),
    [
        ((1, 5), (6, 9), True),
        ((6, 9), (1, 5), True),
        ((1, 5), (5, 9), False),
        ((1, 9), (3, 4), False),
        ((1, None), (6, 9), False),  # it may be anywhere above
        ((10, None), (6, 9), True),
        ((None, 5), (6, 9), True),
        ((None, None), (None, None), False),
    ],
)
def test_only_disjoint_intervals_are_a_change(one, other, sure):
    assert differ(Interval(*one), Interval(*other)) is sure
