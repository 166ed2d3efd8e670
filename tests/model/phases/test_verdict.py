"""The verdict after a change: from what is active now, and never from what is over."""

from dataclasses import replace

import pytest

from loopviz.clock import SECOND
from loopviz.model.phases.headline import HeadlineComparison
from loopviz.model.phases.metric import Metric
from loopviz.model.phases.verdict import judge
from loopviz.model.snapshot import Finding, Moment, Quantiles
from loopviz.model.snapshot.comparison import Comparison, CounterComparison, Pair, RouteComparison

NOW = 1000 * SECOND
HEADLINE = HeadlineComparison(
    metric=Metric("p99_ms", "GET /ping"),
    title="p99 GET /ping",
    before=60e6,
    after=4e6,
    without=60e6,
    moved=-1,
    cured=True,
    progress="90 of 368 samples",
)
ROUTE = RouteComparison(
    route="GET /ping",
    before=Quantiles(count=99, max_ns=SECOND),
    after=Quantiles(count=99),
    enough=True,
    answered=Pair(99, 99),
)
COUNTER = CounterComparison(
    key="lost",
    title="lost votes",
    bad=True,
    grew=Pair(90, 0),
    per_s=Pair(9.0, 0.0),
    lately_ns=5 * SECOND,
)
FINDING = Finding(
    rule="slow-callback",
    severity="error",
    title="SLOW CALLBACK",
    sentence="",
    count=90,
    worst_ns=0,
    total_ns=0,
    last_ns=NOW - 9 * SECOND,
    location=None,
    source="",
    victims=400,
    victim_wait_ns=SECOND,
    suggested_fix="",
)


def verdict(*findings, after_s=8, wrong=(), moved=-1, cured=True, **changes):
    """Of a fix that was switched on so long ago."""
    given = {
        "before_fixes": (),
        "after_fixes": ("a",),
        "since_ns": NOW - int(after_s * SECOND),
        "needed": 30,
        "routes": (ROUTE,),
        "at_ns": NOW,
        "headline": replace(HEADLINE, moved=moved, cured=cured),
    }
    found = judge(Comparison(**given | changes), findings, wrong)
    assert found is not None
    return found.outcome, found.reason


def finding(ago_s=0.5, **changes):
    return replace(FINDING, last_ns=NOW - int(ago_s * SECOND), **changes)


def test_solved():
    assert verdict() == ("solved", "")
    assert verdict(FINDING) == ("solved", ""), "it is over"


def test_nothing_is_compared_without_a_change_or_under_another_load():
    given = {"since_ns": 0, "needed": 30, "routes": ()}
    same = Comparison(before_fixes=("a",), after_fixes=("a",), **given)
    assert judge(same, ()) is None
    loads = Comparison(before_fixes=(), after_fixes=("a",), load=Pair(1.0, 2.0), **given)
    assert judge(loads, ()) is None
    assert judge(None, ()) is None


def test_the_first_seconds_tell_nothing():
    assert verdict(after_s=-0.4) == ("early", "0 of 3 s"), "the figures are a moment old"
    assert verdict(after_s=2.9) == ("early", "2 of 3 s")
    assert verdict(after_s=3)[0] == "solved"


def test_an_error_that_is_seen_now_is_not_solved_whatever_the_headline_says():
    assert verdict(finding()) == ("better", "slow callback")
    assert verdict(finding(ago_s=30, open=1)) == ("better", "slow callback"), "it goes on"
    assert verdict(finding(), moved=0, cured=False) == ("same", "slow callback")


LOCK = {"rule": "lock-held-across-io", "title": "LOCK HELD ACROSS I/O"}


def test_a_lock_that_cures_a_race_makes_requests_queue_and_that_is_told_with_the_cure():
    assert verdict(finding(**LOCK)) == ("solved", "lock held across I/O")
    twice = finding(**LOCK), finding(rule="pool-exhausted", title="POOL EXHAUSTED")
    assert verdict(*twice, twice[1]) == ("solved", "lock held across I/O, pool exhausted")
    growing = replace(COUNTER, lately=8)
    assert verdict(finding(**LOCK), counters=(growing,)) == ("better", "lost votes: 8 more in 5 s")
    assert verdict(finding(**LOCK), cured=False) == ("better", "p99 GET /ping 60 ms → 4.0 ms")
    assert verdict(finding(**LOCK), moved=0, cured=False) == ("same", "lock held across I/O")


def test_what_was_found_without_a_fix_too_is_no_price_of_the_fix():
    was = {"found_without_fix": frozenset({"lock-held-across-io"})}
    assert verdict(finding(**LOCK), **was) == ("better", "lock held across I/O")


def test_an_error_that_another_fix_had_ended_is_back_and_that_is_worse():
    b = {"before_fixes": ("a",), "after_fixes": ("b",), "moved": 0}
    was = {"found_without_fix": frozenset({"slow-callback"})}
    assert verdict(finding(), **b, **was) == ("worse", "slow callback")
    assert verdict(finding(), **b, **was, found_before=was["found_without_fix"])[0] == "same"
    assert verdict(finding(), **was) == ("better", "slow callback"), "compared with no fix"


def test_what_was_seen_last_at_the_change_makes_it_too_early():
    """What ends within the first second may have begun before."""
    assert verdict(finding(ago_s=2.5), after_s=3.2) == ("early", "slow callback was seen 2 s ago")
    assert verdict(finding(ago_s=2.5), after_s=6)[0] == "better"


def test_one_warning_is_chance_two_are_trouble_and_the_machine_is_none():
    def warning(times, **changes):
        moments = tuple(Moment(NOW - n * SECOND, 0, "", 0) for n in range(times))
        return finding(severity="warning", moments=moments, **changes)

    assert verdict(warning(1))[0] == "solved"
    assert verdict(warning(2)) == ("better", "slow callback")
    assert verdict(warning(2, rule="machine-busy"))[0] == "solved"


def test_a_counter_that_grows_is_not_solved():
    growing = replace(COUNTER, grew=Pair(90, 12), per_s=Pair(9.0, 1.5), lately=8)
    assert verdict(counters=(growing,)) == ("better", "lost votes: 8 more in 5 s")
    assert verdict(finding(), counters=(growing,))[1] == "lost votes: 8 more in 5 s"
    assert verdict(counters=(COUNTER,)) == ("solved", "")
    as_before = replace(COUNTER, grew=Pair(90, 70), per_s=Pair(9.0, 9.0), lately=45)
    assert verdict(counters=(as_before,), moved=0, cured=False)[0] == "same"


def test_a_counter_that_did_not_grow_before_is_worse():
    new = replace(COUNTER, grew=Pair(0, 12), per_s=Pair(0.0, 1.5), lately=8)
    assert verdict(counters=(new,), moved=0, cured=False) == ("worse", "lost votes: 8 more in 5 s")
    assert verdict(counters=(new,)) == ("better", "lost votes: 8 more in 5 s")


def test_the_headline_became_worse():
    worse = replace(HEADLINE, before=4e6, after=60e6, moved=1, cured=False)
    assert verdict(headline=worse) == ("worse", "p99 GET /ping 4.0 ms → 60 ms")


def test_from_one_cure_to_another_a_little_worse_is_not_worse():
    a_little = replace(HEADLINE, before=61e6, after=68e6, moved=1, cured=False)
    b = {"before_fixes": ("a",), "after_fixes": ("b",), "headline": a_little}
    assert verdict(FINDING, **b) == ("solved", "")
    assert verdict(FINDING, **b | {"headline": replace(a_little, moved=0)}) == ("solved", "")
    assert verdict(finding(), **b)[0] == "same"
    much = replace(a_little, after=90e6)
    assert verdict(FINDING, **b | {"headline": much})[0] == "worse"


def test_too_few_samples():
    assert verdict(moved=None, cured=False) == ("early", "90 of 368 samples")


def test_better_but_not_by_far():
    assert verdict(cured=False) == ("better", "p99 GET /ping 60 ms → 4.0 ms")


def test_better_and_what_was_wrong_has_ended_is_solved_by_how_much_soever():
    """A fix that came before the bug had made its worst has less to make good."""
    assert verdict(FINDING, cured=False) == ("solved", "")
    assert verdict(replace(FINDING, severity="warning"), cured=False) == ("solved", "")
    assert verdict(replace(FINDING, rule="machine-busy"), cured=False)[0] == "better"
    assert verdict(FINDING, moved=0, cured=False)[0] == "same"


def test_too_few_samples_before_the_change_leave_what_was_wrong_and_has_ended():
    few = replace(HEADLINE, moved=None, cured=False, few_before=True, progress="only 15 of 30")
    assert verdict(FINDING, headline=few) == ("solved", "")
    assert verdict(headline=few) == ("early", "only 15 of 30")
    assert verdict(finding(), headline=few)[0] == "early"
    assert verdict(FINDING, headline=few, wrong=("a",))[0] == "early"


def test_a_fix_that_another_one_has_made_needless_is_as_good():
    """From one cure to another nothing moves, and it is solved."""
    assert verdict(before_fixes=("b",), moved=0, cured=True) == ("solved", "")


def test_a_wrong_fix_never_solves():
    assert verdict(wrong=("a",)) == ("better", "it is no cure")
    assert verdict(wrong=("b",)) == ("solved", "")


def test_without_a_fix_nothing_is_solved():
    found = verdict(before_fixes=("a",), after_fixes=(), moved=0, cured=True)
    assert found == ("same", "")


def test_nobody_is_answered():
    silent = replace(
        ROUTE, after=Quantiles(), answered=Pair(99, 0), open=24, oldest_ns=42 * SECOND // 10
    )
    words = "GET /ping: none answered, 24 open, oldest 4.2 s"
    assert verdict(routes=(silent,), moved=None) == ("worse", words)
    never = replace(silent, answered=Pair(0, 0))
    assert verdict(routes=(never,), moved=None) == ("same", words)
    slow = replace(silent, before=Quantiles(count=9, max_ns=5 * SECOND))
    assert verdict(routes=(slow,), moved=None)[0] == "early", "it has always taken so long"


def test_failing_at_once_is_not_better():
    failing = replace(ROUTE, before=Quantiles(count=100), after=Quantiles(count=50))
    assert verdict(routes=(replace(failing, broken=Pair(10, 50)),)) == (
        "worse",
        "GET /ping: 100 % fail, 10 % before",
    )
    assert verdict(routes=(replace(failing, broken=Pair(0, 5)),))[0] == "better"
    assert verdict(routes=(replace(failing, broken=Pair(2, 2)),))[0] == "solved"
    refused = replace(failing, errors=Pair(0, 25))
    assert verdict(routes=(refused,))[0] == "solved", "a 503 is meant"


def test_while_requests_from_before_end_it_is_too_early():
    """What they count up, and what is found of them, is of what ran before."""
    ending = {"stuck": 24, "settled_ns": NOW - SECOND // 2}
    assert verdict(**ending) == ("early", "24 requests from before")
    assert verdict(finding(ago_s=2), settled_ns=NOW - SECOND) == (
        "early",
        "slow callback was seen 2 s ago",
    )


def test_until_counters_are_shown_since_the_change_it_is_too_early():
    """They stand beside the verdict, and count for 5 s back until then."""
    settled = {"counters": (COUNTER,), "settled_ns": NOW - SECOND}
    assert verdict(after_s=4, **settled) == ("early", "counted for 1 of 2 s")
    assert verdict(after_s=4, **settled | {"settled_ns": NOW - 2 * SECOND}) == ("solved", "")
    assert verdict(after_s=4, settled_ns=NOW - SECOND) == ("solved", ""), "there is no counter"


@pytest.mark.parametrize(("stuck_s", "outcome"), [(4, "solved"), (6, "hanging")])
def test_requests_from_before_hang_if_none_of_them_ends(stuck_s, outcome):
    found = verdict(stuck=24, stuck_ns=stuck_s * SECOND)
    assert found[0] == outcome
    if outcome == "hanging":
        assert found[1] == "24 requests from before"


def test_without_a_headline_what_is_over_was_solved():
    assert verdict(FINDING, headline=None) == ("solved", "")
    assert verdict(headline=None) == ("same", "")
