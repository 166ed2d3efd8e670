"""What a scenario file says of itself, read without running it; and running it."""

from collections import Counter
from dataclasses import replace
from itertools import combinations, groupby

import pytest
from fastapi import APIRouter

from loopviz.errors import TargetError, UsageError
from loopviz.lab.catalogue import (
    describe,
    load_scenario,
    read,
)
from loopviz.lab.target.loading import check
from loopviz.report.expectations import needed
from loopviz.scenario import Scenario
from tests.lab.catalogue.sources import BUILTIN, GOOD, changed


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.id)
def test_what_is_read_is_what_the_scenario_says_when_run(entry):
    assert entry == describe(entry.id, entry.path, load_scenario(entry.path))


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.id)
def test_what_every_built_in_scenario_has(entry):
    assert entry.error == ""
    assert entry.title
    assert entry.lesson.endswith((".", "!", "?"))
    assert entry.lesson.count("\n") == 0
    assert 1 <= len(entry.watch_for) <= 3
    assert entry.link.startswith("https://")
    assert entry.load
    assert all(load.rps > 0 for load in entry.load)
    assert any(not fix.wrong for fix in entry.fixes)
    keys = [fix.key for fix in entry.fixes]
    assert len(set(keys)) == len(keys)
    assert all(key.isidentifier() for key in keys)
    assert len(keys) <= 9, "they are toggled with the keys 1 to 9"
    assert all(fix.title and fix.why.endswith(".") for fix in entry.fixes)


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.id)
def test_what_a_scenario_expects_names_what_it_has(entry):
    fixes = {fix.key for fix in entry.fixes}
    routes = {load.name for load in entry.load}
    for claim in load_scenario(entry.path).expect:
        for run in needed(claim):
            assert fixes.issuperset(run)
        assert claim.at_most is not None or claim.at_least is not None
        metric, _, about = claim.metric.partition(" ")
        if metric.endswith("_ms") or metric in ("errors", "gone"):
            assert about in routes or metric == "lag_p99_ms"
        if metric == "counter":
            assert about in {counter.key for counter in entry.counters}


GROUPS = ["what blocks the loop", "doing things at once", "shared state", "pools and clients"]
GROUPS += ["more than one process"]


def test_lessons_of_one_group_follow_each_other():
    assert [*dict.fromkeys(entry.group for entry in BUILTIN)] == GROUPS
    assert [group for group, _ in groupby(entry.group for entry in BUILTIN)] == GROUPS


def test_no_two_titles_can_be_confused():
    """They have no word in common that says something."""
    words = {entry.id: set(entry.title.lower().split()) - COMMON for entry in BUILTIN}
    for one, other in combinations(words, 2):
        assert not words[one] & words[other], f"{one} and {other}: {words[one] & words[other]}"


COMMON = {"a", "and", "at", "for", "of", "on", "one", "or", "that", "the"}


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.id)
def test_the_question_of_a_built_in_scenario_is_answered_by_a_claim(entry):
    """And it is on the screen: short, whole sentences, the right answer not always in one place."""
    assert entry.question.endswith("?")
    assert len(entry.question) <= 90
    assert len(entry.answers) == 3
    (right,) = (answer for answer in entry.answers if answer.right)
    claims = {claim.name for claim in load_scenario(entry.path).expect}
    assert right.proof in claims
    for answer in entry.answers:
        assert answer.text.endswith(".")
        assert answer.why.endswith(".")
        assert len(answer.text) <= 70
        assert len(answer.why) <= 100
        assert not (answer.proof and not answer.right)


def test_the_right_answers_are_spread():
    places = Counter(
        next(i for i, answer in enumerate(entry.answers) if answer.right) for entry in BUILTIN
    )
    assert min(places[i] for i in range(3)) >= 5


ASKED = changed(
    "    fixes=[first, second],",
    """    fixes=[first, second],
    expect=[Expect("errors GET /a", at_most=0), Expect("lag_p99_ms", fix="first", at_most=9)],
    question="Why?",
    answers=[
        Answer("So.", "It is so.", right=True, proof="lag_p99_ms with first"),
        Answer("Not so.", "It is not."),
    ],""",
    changed("import Fix", "import Answer, Expect, Fix"),
)


def test_a_question_and_its_answers(write):
    path = write(ASKED)
    entry = read(path)
    assert (entry.error, entry.question) == ("", "Why?")
    assert [(answer.text, answer.right) for answer in entry.answers] == [
        ("So.", True),
        ("Not so.", False),
    ]
    assert entry == describe("mine", path, load_scenario(path))


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("right=True, ", "", "exactly one answer must be right, not 0"),
        ('"It is not."', '"It is.", right=True', "exactly one answer must be right, not 2"),
        ('        Answer("Not so.", "It is not."),\n', "", "two or three answers, not 1"),
        ('question="Why?"', 'question=""', "there are answers, but no question"),
        (
            "with first",
            "with second",
            "no claim is called 'lag_p99_ms with second'; there are: errors GET /a; "
            "lag_p99_ms with first.",
        ),
        ('"Not so."', '""', "Answer: text must be a few words, not ''"),
        ('"It is not."', "3", "Answer: why must be text, not 3"),
    ],
)
def test_answers_that_are_wrong(write, old, new, error):
    path = write(changed(old, new, ASKED))
    assert error in read(path).error
    if "Answer: " not in error:
        with pytest.raises(TargetError, match=error.partition(",")[0]):
            check(path, replace(load_scenario(path), router=APIRouter()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("right=True, ", "right=bool(1), "),
        ('        Answer("Not so.", "It is not."),\n', "        *[Answer('x', 'y')],\n"),
        ('Expect("lag_p99_ms", fix="first", at_most=9)', "*more"),
        ('Answer("Not so.", "It is not.")', 'Answer(*("Not so.", "It is not."))'),
    ],
)
def test_answers_that_cannot_be_read_are_not_judged(write, old, new):
    text = changed("import Answer, ", "import Answer, ", ASKED)
    more = 'more = list([Expect("lag_p99_ms", fix="first", at_most=9)])\nscenario = Scenario('
    text = changed("scenario = Scenario(", more, changed(old, new, text))
    assert read(write(text)).error == ""


def test_all_fields_of_a_file(write):
    entry = read(write(GOOD))
    assert (entry.id, entry.title, entry.lesson) == ("mine", "a title", "One sentence.")
    assert (entry.watch_for, entry.link, entry.error) == (
        ("here", "there"),
        "https://example.org",
        "",
    )
    assert [(fix.key, fix.title, fix.why, fix.wrong) for fix in entry.fixes] == [
        ("first", "the first", "it helps", False),
        ("second", "the second", "it does not", True),
    ]
    assert [(x.route, x.rps, x.arrivals, x.timeout_s) for x in entry.load] == [
        ("GET /a", 12, "poisson", 10.0),
        ("POST /b", 0.5, "constant", 2.5),
    ]
    assert entry == describe("mine", entry.path, load_scenario(entry.path))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("fixes=[first, second]", "fixes=[second, first]"),
        ("fixes=[first, second]", "fixes=[second]"),
        ("fixes=[first, second]", "fixes=(first, second)"),
        ("fixes=[first, second]", 'fixes=[first, Fix("third", "a third", "inline")]'),
        ("from loopviz.scenario import Fix, Load, Scenario", "from loopviz.scenario import *"),
        ('title="a title"', 'title="ä „title“"'),
        ('    link="https://example.org",\n', ""),
        ("    fixes=[first, second],\n", ""),
        ("    router=None,\n", "    router=None,\n    zoom_ms=12.5,\n"),
    ],
)
def test_reading_and_running_agree(write, old, new):
    assert old in GOOD
    path = write(GOOD.replace(old, new))
    assert read(path) == describe("mine", path, load_scenario(path))


def test_names_stand_for_their_values(write):
    text = changed("fixes=[first, second]", "fixes=FIXES")
    text = changed('Load("GET /a", rps=12)', "A", text)
    entry = read(write('FIXES = []\nRATE = 7\nA = Load("GET /a", RATE)\n' + text))
    assert (entry.error, entry.fixes, entry.load[0].rps) == ("", (), 7)


def test_what_is_no_literal_is_left_out_but_the_rest_is_there(write):
    entry = read(write(GOOD.replace('title="a title"', 'title="a" + suffix')))
    assert (entry.title, entry.error, len(entry.fixes), len(entry.load)) == ("", "", 2, 2)


def test_reading_runs_nothing(write, tmp_path):
    trap = tmp_path / "trap"
    read(write(f"open({str(trap)!r}, 'w')\n" + GOOD))
    assert not trap.exists()


def test_a_fix_whose_extra_is_missing_says_how_to_install_it(write):
    text = changed('why="it helps"', 'why="it helps", extra="klingon"')
    path = write(changed("wrong=True", 'wrong=True, extra="test"', text))
    entry = read(path)
    assert entry.fixes[0].unavailable == (
        'It needs klingon, which is not installed: pip install "loopviz[klingon]".'
    )
    assert entry.fixes[1].unavailable == "", "the standard library has a module of that name"
    assert entry == describe("mine", path, load_scenario(path))


def test_running_a_file_without_a_scenario_says_so(write):
    with pytest.raises(UsageError, match=r"mine.py:1: there is no `scenario = Scenario\(…\)`"):
        load_scenario(write("x = 1\n"))
    with pytest.raises(UsageError, match=r"must be a Scenario\(…\), not a value of list"):
        load_scenario(write("scenario = list()\n", "other"))


def test_running_a_file_that_raises_raises_what_it_raises(write):
    with pytest.raises(ZeroDivisionError):
        load_scenario(write("1 / 0\n"))


def test_a_scenario_s_dataclasses_find_their_module(write):
    """It is in `sys.modules` before it runs."""
    path = write(
        "from __future__ import annotations\n"
        "import dataclasses\n"
        "@dataclasses.dataclass\n"
        "class Item:\n    x: int = 1\n" + GOOD
    )
    assert isinstance(load_scenario(path), Scenario)
