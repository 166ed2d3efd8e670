"""The catalogue: what a scenario file says of itself, read without running it."""

import sys

import pytest

from loopviz.catalogue import (
    ScenarioInfo,
    builtin_folder,
    catalogue,
    describe,
    find,
    load_scenario,
    read,
)
from loopviz.errors import UsageError
from loopviz.scenario import Scenario

BUILTIN = catalogue()

GOOD = '''
"""A lesson."""
from loopviz.scenario import Fix, Load, Scenario

first = Fix(key="first", title="the first", why="it helps")
second = Fix("second", "the second", why="it does not", wrong=True)

scenario = Scenario(
    title="a title",
    lesson="One " "sentence.",
    look=("here", "there"),
    link="https://example.org",
    router=None,
    fixes=[first, second],
    load=[
        Load("GET /a", rps=12),
        Load("POST /b", 0.5, arrivals="constant", timeout_s=2.5),
    ],
)
'''


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="mine"):
        path = tmp_path / f"{name}.py"
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text, "utf-8")
        return path

    yield write_file
    for name in [name for name in sys.modules if name.startswith("_loopviz_scenario_")]:
        del sys.modules[name]


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.id)
def test_what_is_read_is_what_the_scenario_says_when_run(entry):
    assert entry == describe(entry.id, entry.path, load_scenario(entry.path))


@pytest.mark.parametrize("entry", BUILTIN, ids=lambda entry: entry.id)
def test_what_every_built_in_scenario_has(entry):
    assert entry.error == ""
    assert entry.title
    assert entry.lesson.endswith((".", "!", "?"))
    assert entry.lesson.count("\n") == 0
    assert 1 <= len(entry.look) <= 3
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
    scenario = load_scenario(entry.path)
    fixes = {fix.key for fix in scenario.fixes} | {None}
    routes = {load.route for load in scenario.load}
    for claim in scenario.expect:
        assert claim.fix in fixes
        assert claim.at_most is not None or claim.at_least is not None
        metric, _, about = claim.metric.partition(" ")
        assert about in routes or not metric.startswith("p")


def test_the_order_is_the_lessons():
    listed = (builtin_folder() / "order.txt").read_text().split()
    files = {path.stem for path in builtin_folder().glob("[!_]*.py")}
    assert [entry.id for entry in BUILTIN] == listed
    assert set(listed) == files


def test_all_fields_of_a_file(write):
    entry = read(write(GOOD))
    assert (entry.id, entry.title, entry.lesson) == ("mine", "a title", "One sentence.")
    assert (entry.look, entry.link, entry.error) == (
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
    ],
)
def test_reading_and_running_agree(write, old, new):
    assert old in GOOD
    path = write(GOOD.replace(old, new))
    assert read(path) == describe("mine", path, load_scenario(path))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def broken(:\n",
        "x = 1\n",
        "scenario = 5\n",
        "scenario = None\n",
        b"\xff\xfe\x00broken",
        b"title = '\xe9'\n",
        b"scenario = Scenario(title='\x00')\n",
        GOOD.replace("rps=12", "rps=RATE"),
        GOOD.replace('Load("GET /a", rps=12)', "Load(*args)"),
        GOOD.replace('key="first"', "key=KEY"),
        GOOD.replace('key="first"', "key={[]: 1}"),
        GOOD.replace('key="first"', 'key="first", surprise=1'),
        GOOD.replace('("here", "there")', "5"),
        GOOD.replace('title="a title"', "title=-'x'"),
        "scenario = Scenario(" + "-" * 10_000 + "1)\n",
        "scenario = Scenario(title=" + "(" * 150 + "1" + ")" * 150 + ")\n",
    ],
)
def test_a_broken_file_is_an_entry_that_says_so(write, text):
    """It never raises, and never hides the others."""
    path = write(text)
    entry = read(path)
    assert isinstance(entry, ScenarioInfo)
    assert (entry.id, entry.path) == ("mine", path)
    if entry.error:
        assert entry.error.startswith("mine.py ")
        assert entry.error.endswith(".")
    assert [e.id for e in catalogue([path.parent])] == [*(e.id for e in BUILTIN), "mine"]


@pytest.mark.parametrize("text", ["def broken(:\n", "x = 1\n", b"\xff\xfe\x00broken"])
def test_what_cannot_be_a_scenario_has_an_error(write, text):
    assert read(write(text)).error


def test_what_is_no_literal_is_left_out_but_the_rest_is_there(write):
    entry = read(write(GOOD.replace('title="a title"', 'title="a" + suffix')))
    assert (entry.title, entry.error, len(entry.fixes), len(entry.load)) == ("", "", 2, 2)


def test_reading_runs_nothing(write, tmp_path):
    trap = tmp_path / "trap"
    read(write(f"open({str(trap)!r}, 'w')\n" + GOOD))
    assert not trap.exists()


def test_a_folder_of_one_s_own(write, tmp_path):
    write(GOOD, "zebra")
    write(GOOD, "apple")
    write(GOOD, "_hidden")
    (tmp_path / "readme.txt").write_text("no scenario")
    own = [entry.id for entry in catalogue([tmp_path])][len(BUILTIN) :]
    assert own == ["apple", "zebra"]
    (tmp_path / "order.txt").write_text("zebra\n")
    own = [entry.id for entry in catalogue([tmp_path])][len(BUILTIN) :]
    assert own == ["zebra", "apple"]


def test_one_s_own_of_the_same_name_replaces_ours(write, tmp_path):
    write(GOOD, "block")
    entry = find("block", [tmp_path])
    assert entry.title == "a title"
    assert len(catalogue([tmp_path])) == len(BUILTIN)


def test_a_folder_that_is_not_there(tmp_path):
    assert catalogue([tmp_path / "nowhere"]) == BUILTIN


def test_an_unknown_scenario_names_those_there_are():
    with pytest.raises(UsageError) as caught:
        find("blokc")
    ids = ", ".join(entry.id for entry in BUILTIN)
    assert str(caught.value) == f"There is no scenario 'blokc'; there are: {ids}."
    assert caught.value.exit_code == 2


def test_running_a_file_without_a_scenario_says_so(write):
    with pytest.raises(UsageError, match=r"mine.py has no `scenario = Scenario\(…\)`"):
        load_scenario(write("x = 1\n"))


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
