"""Every scenario's claims, each fix against its bug under the same arrivals: `pytest -m claims`."""

import functools

import pytest

from loopviz.catalogue import catalogue, load_scenario
from loopviz.headless import measure

pytestmark = [pytest.mark.claims, pytest.mark.timeout(300)]

DURATION_S = 8.0
CLAIMS = [(info.id, claim) for info in catalogue() for claim in load_scenario(info.path).expect]


@functools.cache
def report(scenario, fix):
    return measure(scenario, fixes=[fix] if fix else [], duration_s=DURATION_S)


def value_of(metric, of):
    """`p99_ms GET /ping`, `lag_p99_ms` or `findings slow-callback`, from a report."""
    name, _, subject = metric.partition(" ")
    if name == "findings":
        return sum(found["count"] for found in of["findings"] if found["rule"] == subject)
    if name == "lag_p99_ms":
        return of["loop"]["lag_ms"]["p99"]
    route = next(route for route in of["load"] if route["route"] == subject)
    return route["latency_ms"][name.removesuffix("_ms")]


@pytest.mark.parametrize(
    ("scenario", "claim"), CLAIMS, ids=[f"{s}-{c.fix or 'bug'}-{c.metric}" for s, c in CLAIMS]
)
def test_claim(scenario, claim):
    value = value_of(claim.metric, report(scenario, claim.fix))
    if claim.fix is not None and claim.against is not None:
        against = None if claim.against == "bug" else claim.against
        value /= value_of(claim.metric, report(scenario, against))
    print(f"{scenario}: {claim.metric} with {claim.fix or 'the bug'}: {value:.3f}")
    if claim.at_most is not None:
        assert value <= claim.at_most, claim.why
    if claim.at_least is not None:
        assert value >= claim.at_least, claim.why


def test_every_scenario_claims_something_of_its_bug_and_of_every_fix():
    for info in catalogue():
        claimed = {claim.fix for claim in load_scenario(info.path).expect}
        assert claimed >= {None, *(fix.key for fix in info.fixes)}, info.id
