"""docs/scenarios.md is what docs/catalogue.py makes of the scenarios and of the last figures."""

import re

import pytest

from loopviz.lab.catalogue import catalogue, grouped
from tests.conftest import DOCS


@pytest.fixture
def generator(docs_script):
    return docs_script("catalogue")


def test_the_page_is_up_to_date(generator):
    written = generator.PAGE.read_text("utf-8")
    assert written == generator.page(list(catalogue()), generator.known_figures()), (
        "run: python docs/catalogue.py --texts"
    )


def test_the_page_names_every_scenario_and_fix(generator):
    written = generator.PAGE.read_text("utf-8")
    for entry in catalogue():
        assert f"\n### {entry.id}\n\n**{entry.title}.**" in written
        for fix in entry.fixes:
            assert f"\n- `{fix.key}`: " in written


def test_the_readme_lists_them_by_the_same_groups():
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    for group, entries in grouped(catalogue()):
        ids = " · ".join(f"`{entry.id}`" for entry in entries)
        assert f"\n| {group} | {ids} |\n" in readme


def test_each_scenario_has_a_symptom_by_which_it_is_found(generator):
    written = generator.PAGE.read_text("utf-8")
    for entry in catalogue():
        assert entry.symptom
        assert f"\n| {entry.symptom} | " in written


def test_a_row_of_the_table(generator):
    latency = {"p50": 5.0, "p90": 6.0, "p99": 70.0, "max": 80.0}
    route = {"sent": 9, "errors": {"500": 2, "left": 3}, "latency_ms": latency}
    report = {
        "load": [route | {"route": "GET /a"}, route | {"route": "GET /ping"}],
        "findings": [{"rule": "task-lost", "count": 4}, {"rule": "lock-convoy", "count": 1}],
        "counters": {"stored": 7},
    }
    row = generator.row(report)
    assert (row["p50_ms"], row["ping_p99_ms"], row["failed"], row["sent"]) == (5.0, 70.0, 2, 9)
    assert row["finding"] == "task-lost × 4"
    assert row["counters"] == {"stored": 7}


def test_columns_that_say_nothing_are_left_out(generator):
    entry = next(entry for entry in catalogue() if entry.id == "block")
    run = {"p50_ms": 5.0, "p99_ms": None, "ping_p99_ms": 12.0, "sent": 9, "failed": 0}
    run |= {"counters": {}, "finding": ""}
    fixed = run | {"p50_ms": 1.0, "finding": "task-lost × 1"}
    assert list(generator.table(entry, {"": run, "to_thread": fixed, "gone": run})) == [
        "|  | GET /report p50 | GET /ping p99 | worst finding |",
        "| --- | ---: | ---: | ---: |",
        "| bug | 5.0 ms | 12 ms | – |",
        "| `to_thread` | 1.0 ms | 12 ms | task-lost × 1 |",
    ]


@pytest.mark.parametrize(
    ("text", "said"), [("a | b", "a \\| b"), ("`x`", "`x`"), ("GET /{n}", "GET /{n}")]
)
def test_no_text_breaks_a_table(generator, text, said):
    assert generator.cells(text, "c") == f"| {said} | c |"


def test_code_may_hold_a_backtick(generator):
    assert generator.code("await x") == "`await x`"
    assert generator.code("with `lock`:") == "`` with `lock`: ``"


def test_seen_in_the_wild_means_a_thread_of_people_who_met_it():
    """Not a page of documentation."""
    links = [entry.link for entry in catalogue()]
    assert len(set(links)) == len(links)
    for link in links:
        assert re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|discussions)/\d+", link)
