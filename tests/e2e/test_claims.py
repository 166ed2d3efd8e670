"""Every scenario's claims, bug and fixes under the same arrivals: `pytest -m claims`."""

import functools

import pytest

from loopviz.engine.headless import measure
from loopviz.lab.catalogue import catalogue, load_scenario
from loopviz.options import RunOptions
from loopviz.report.expectations import judge, needed

pytestmark = [pytest.mark.claims, pytest.mark.timeout(300)]

DURATION_S = 6.0
CLAIMS = [(info, claim) for info in catalogue() for claim in load_scenario(info.path).expect]


def name(info, claim):
    return f"{info.id}-{'+'.join(needed(claim)[0]) or 'bug'}-{claim.metric}"


@functools.cache
def report(scenario, fixes):
    return measure(scenario, RunOptions(fixes=fixes, duration_s=DURATION_S))


@pytest.mark.parametrize(
    ("info", "claim"), CLAIMS, ids=[name(info, claim) for info, claim in CLAIMS]
)
def test_claim(info, claim):
    runs = needed(claim)
    for fix in info.fixes:
        if fix.unavailable and any(fix.key in fixes for fixes in runs):
            pytest.skip(fix.unavailable)
    # the bug first: what is compared is measured one right after the other
    verdict = judge(claim, {fixes: report(info.id, fixes) for fixes in sorted(runs, key=len)})
    print(f"{info.id}: {verdict.sentence}")
    assert verdict.holds, verdict.sentence


@pytest.mark.parametrize("info", catalogue(), ids=lambda info: info.id)
def test_something_is_claimed_of_the_bug_and_of_every_fix(info):
    runs = [needed(claim)[0] for claim in load_scenario(info.path).expect]
    assert () in runs
    assert {key for fixes in runs for key in fixes} == {fix.key for fix in info.fixes}
