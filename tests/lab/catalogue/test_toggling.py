"""Which fixes are on after a press of a key: alternatives switch, others add."""

from dataclasses import replace
from pathlib import Path

import pytest

from loopviz.lab.catalogue import FixInfo, ScenarioInfo, load_scenario
from tests.lab.catalogue.sources import BUILTIN

ONE, TWO, MORE = (FixInfo(key, key, "why") for key in ("one", "two", "more"))
SCENARIO = ScenarioInfo("mine", Path("mine.py"), fixes=(ONE, TWO, replace(MORE, adds=True)))


@pytest.mark.parametrize(
    ("before", "key", "after"),
    [
        ("", "one", "one"),
        ("one", "one", ""),
        ("one", "two", "two"),
        ("one", "more", "one more"),
        ("more", "two", "two more"),
        ("one more", "two", "two more"),
        ("one more", "more", "one"),
        ("one more", "one", "more"),
        ("one two", "one", "two"),  # both given on the command line
        ("one two", "more", "one two more"),
    ],
)
def test_alternatives_switch_and_others_add(before, key, after):
    assert SCENARIO.toggled(frozenset(before.split()), key) == frozenset(after.split())


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.id)
def test_no_claim_has_two_alternatives_on(entry):
    alternatives = {fix.key for fix in entry.fixes if not fix.adds}
    for claim in load_scenario(entry.path).expect:
        on = (claim.fix,) if isinstance(claim.fix, str) else claim.fix or ()
        assert len(alternatives.intersection(on)) <= 1, claim


def test_the_second_worker_and_the_shared_state_belong_together():
    (workers,) = (entry for entry in BUILTIN if entry.id == "workers")
    assert [fix.key for fix in workers.fixes if fix.adds] == ["shared_state"]
    assert not any(fix.adds for entry in BUILTIN if entry.id != "workers" for fix in entry.fixes)
