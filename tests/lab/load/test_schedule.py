"""The arrival schedule, which is pure: no clock is needed to test it."""

import math
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopviz.clock import SECOND
from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.schedule import ArrivalSchedule, arrivals

KINDS = ("poisson", "constant")
seeds = st.integers(0, 2**32)
routes = st.builds(
    LoadInfo,
    st.sampled_from(["GET /a", "GET /b", "POST /c"]),
    st.floats(0.1, 500),
    st.sampled_from(KINDS),
)
factors = st.floats(0.1, 10)


def due_by(schedule: ArrivalSchedule, now_ns: int) -> list[tuple[int, int]]:
    return [(arrival.offset_ns, arrival.route) for arrival in schedule.due(now_ns)]


@given(route=routes, seed=seeds)
def test_arrivals_ascend_and_are_fixed_by_the_seed(route, seed):
    first = list(islice(arrivals(route, seed), 200))
    assert first == list(islice(arrivals(route, seed), 200))
    assert first[0] >= 0
    assert all(a <= b for a, b in pairwise(first))


def test_arrivals_are_the_same_on_every_machine():
    report = LoadInfo("GET /report", 10)
    assert list(islice(arrivals(report, 0), 3)) == [9872835, 334573088, 481427201]
    constant = LoadInfo("GET /report", 10, "constant")
    assert list(islice(arrivals(constant, 0), 3)) == [9401121, 109401121, 209401121]


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_rate_is_the_one_asked_for(kind):
    offsets = list(islice(arrivals(LoadInfo("GET /a", 50, kind), 7), 20_000))
    assert len(offsets) / (offsets[-1] / SECOND) == pytest.approx(50, rel=0.03)


def test_poisson_gaps_vary_and_constant_gaps_do_not():
    def deviation(kind: str) -> float:
        offsets = list(islice(arrivals(LoadInfo("GET /a", 1, kind), 7), 5_000))
        gaps = [(b - a) / SECOND for a, b in pairwise(offsets)]
        return math.sqrt(sum((gap - 1) ** 2 for gap in gaps) / len(gaps))

    assert deviation("constant") < 1e-6
    assert deviation("poisson") == pytest.approx(1, rel=0.1)


def test_constant_routes_do_not_coincide():
    a = set(islice(arrivals(LoadInfo("GET /a", 10, "constant"), 0), 100))
    assert not a & set(islice(arrivals(LoadInfo("GET /b", 10, "constant"), 0), 100))


@given(seed=seeds)
def test_a_route_does_not_depend_on_the_others(seed):
    a, b = LoadInfo("GET /a", 20), LoadInfo("GET /b", 30)
    both = due_by(ArrivalSchedule([b, a], seed), 5 * SECOND)
    assert both == sorted(both)
    alone = due_by(ArrivalSchedule([a], seed), 5 * SECOND)
    assert [at for at, route in both if route == 1] == [at for at, _ in alone]


@given(route=routes, seed=seeds, factor=factors)
def test_a_factor_from_the_start_scales_every_arrival(route, seed, factor):
    scaled = ArrivalSchedule([route], seed, factor)
    for offset in islice(arrivals(route, seed), 50):
        assert scaled.next_ns == round(offset / factor)
        assert len(due_by(scaled, scaled.next_ns)) >= 1
        if due_by(scaled, scaled.next_ns):
            break  # several in one nanosecond


@given(route=routes, seed=seeds, before=factors, after=factors, at_ns=st.integers(0, 20 * SECOND))
def test_a_change_rescales_what_is_left_of_the_gap(route, seed, before, after, at_ns):
    schedule = ArrivalSchedule([route], seed, before)
    due_by(schedule, at_ns)
    left_ns = schedule.next_ns - at_ns
    schedule.set_factor(after, at_ns)
    rounding = (before + 1) / after + 1
    assert schedule.next_ns - at_ns == pytest.approx(left_ns * before / after, abs=rounding)


@given(route=routes, seed=seeds, changes=st.lists(st.tuples(st.integers(1, 10**9), factors)))
def test_the_same_changes_give_the_same_ascending_arrivals(route, seed, changes):
    def play() -> list[tuple[int, int]]:
        schedule, now_ns, seen = ArrivalSchedule([route], seed), 0, []
        for gap_ns, factor in changes:
            now_ns += gap_ns
            seen += due_by(schedule, now_ns)
            schedule.set_factor(factor, now_ns)
            assert schedule.next_ns >= now_ns
        return seen + due_by(schedule, now_ns + SECOND)

    seen = play()
    assert seen == play()
    assert seen == sorted(seen)


@given(route=routes, seed=seeds, at_ns=st.integers(0, 5 * SECOND))
def test_a_pause_delays_every_later_arrival_by_its_length(route, seed, at_ns):
    paused, usual = ArrivalSchedule([route], seed), ArrivalSchedule([route], seed)
    assert due_by(paused, at_ns) == due_by(usual, at_ns)
    paused.set_factor(0, at_ns)
    assert paused.next_ns is None
    assert due_by(paused, at_ns + 100 * SECOND) == []
    paused.set_factor(1, at_ns + 100 * SECOND)
    assert [at - 100 * SECOND for at, _ in due_by(paused, at_ns + 101 * SECOND)] == [
        at for at, _ in due_by(usual, at_ns + SECOND)
    ]


def test_no_rate_and_no_routes_mean_no_arrivals():
    assert ArrivalSchedule([LoadInfo("GET /a", 0)], 0).next_ns is None
    assert ArrivalSchedule([], 0).next_ns is None


def test_an_end_cuts_the_same_arrivals_short():
    routes = [LoadInfo("GET /a", 50.0), LoadInfo("GET /b", 20.0)]
    whole = [a for a in ArrivalSchedule(routes, 1).due(10 * SECOND) if a.offset_ns < 2 * SECOND]
    ended = ArrivalSchedule(routes, 1, 1.0, 2 * SECOND)
    assert list(ended.due(10 * SECOND)) == whole
    assert ended.next_ns is None


def test_each_route_numbers_its_arrivals():
    routes = [LoadInfo("GET /a/{n}", 50.0), LoadInfo("GET /b", 20.0)]
    due = list(ArrivalSchedule(routes, 1).due(2 * SECOND))
    for route in (0, 1):
        numbers = [arrival.number for arrival in due if arrival.route == route]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) > 20


def test_the_same_route_twice_has_two_schedules():
    """Else two clients would always ask at the same instants."""
    twice = [LoadInfo("GET /a", 20.0), LoadInfo("GET /a", 20.0)]
    both = due_by(ArrivalSchedule(twice, 1), 5 * SECOND)
    first, second = ({at for at, route in both if route == i} for i in (0, 1))
    assert len(first) > 50
    assert len(second) > 50
    assert not first & second
    assert sorted(first) == [at for at, _ in due_by(ArrivalSchedule(twice[:1], 1), 5 * SECOND)]


def test_copies_come_together_and_have_the_same_number():
    route = LoadInfo("POST /pay/{n}", 20.0, copies=3)
    once = list(ArrivalSchedule([LoadInfo("POST /pay/{n}", 20.0)], 1).due(SECOND))
    assert list(ArrivalSchedule([route], 1).due(SECOND)) == [a for a in once for _ in range(3)]


def leaving(seed=1, factor=1.0, **more):
    route = LoadInfo("GET /a", 500.0, leaves=0.4, leaves_within_s=0.25, **more)
    due = ArrivalSchedule([route], seed, factor).due(10 * SECOND)
    return [(a.number, a.leaves_s) for a in due]


def test_so_many_clients_leave_within_so_long():
    moments = [leaves_s for _, leaves_s in leaving()]
    gone = [leaves_s for leaves_s in moments if leaves_s is not None]
    assert len(gone) / len(moments) == pytest.approx(0.4, abs=0.02)
    assert 0 <= min(gone) < 0.01
    assert 0.24 < max(gone) <= 0.25
    assert sum(gone) / len(gone) == pytest.approx(0.125, rel=0.05)


def test_which_client_leaves_is_fixed_by_the_seed():
    """Whatever the rate, the arrival with that number does the same."""
    usual, faster = leaving(), leaving(factor=2.0)
    assert leaving() == usual
    assert faster[: len(usual)] == usual
    assert leaving(seed=2) != usual
    first, second = leaving(copies=2)[0::2], leaving(copies=2)[1::2]
    assert first == usual
    assert [number for number, _ in second] == [number for number, _ in usual]
    assert second != usual


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_none_or_all_leave(share):
    due = list(ArrivalSchedule([LoadInfo("GET /a", 200.0, leaves=share)], 0).due(SECOND))
    assert len(due) > 100
    assert {a.leaves_s is not None for a in due} == {share == 1.0}
