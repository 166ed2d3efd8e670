"""The catalogue: what a scenario file says of itself, read without running it."""

import os
import sys

import pytest

from loopviz.errors import UsageError
from loopviz.lab.catalogue import (
    ScenarioInfo,
    builtin_folder,
    catalogue,
    describe,
    find,
    load_scenario,
    read,
)
from loopviz.report.expectations import needed
from loopviz.scenario import Scenario
from loopviz.tui.source import lesson_of

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


def changed(old, new, text=GOOD):
    assert old in text
    return text.replace(old, new)


NO_SCENARIO = "mine.py:1: there is no `scenario = Scenario(…)` in this file."

BROKEN = {
    "empty": ("", NO_SCENARIO),
    "no scenario": ("x = 1\n", NO_SCENARIO),
    "a star of ours": ("from loopviz.scenario import *\n", NO_SCENARIO),
    "a number": ("scenario = 5\n", "mine.py:1: scenario must be a Scenario(…), not 5."),
    "a fix": (
        changed("scenario = Scenario(", "scenario = first\nother = Scenario("),
        "mine.py:5: scenario must be a Scenario(…), not Fix(key='first', title='the first', why….",
    ),
    "syntax": (
        "x = 1\ndef broken(:\n",
        "mine.py:2: this is not valid Python (invalid syntax, in `def broken(:`).",
    ),
    "UTF-16": (b"\xff\xfe\x00broken", "mine.py:1: byte 0xff is not utf-8: save the file as UTF-8."),
    "Latin 1": (
        b"x = 1\ntitle = '\xe9'\n",
        "mine.py:2: byte 0xe9 is not utf-8: save the file as UTF-8.",
    ),
    "odd coding": (
        b"# -*- coding: klingon -*-\n",
        "mine.py:1: unknown encoding: klingon: save the file as UTF-8.",
    ),
    "null byte": (b"x = 1\ny = '\0'\n", "mine.py:2: there is a null byte in it."),
    "title": (changed('"a title"', "5"), "mine.py:9: Scenario: title must be text, not 5."),
    "no title": (
        changed('"a title"', "''"),
        "mine.py:9: Scenario: title must be a few words, not ''.",
    ),
    "look": (
        changed('("here", "there")', '"here"'),
        "mine.py:11: Scenario: look must be a list of texts, not 'here'.",
    ),
    "rps": (changed("rps=12", "rps='x'"), "mine.py:16: Load: rps must be a number, not 'x'."),
    "negative rps": (
        changed("rps=12", "rps=-1"),
        "mine.py:16: Load: rps must be 0 or more, not -1.",
    ),
    "a name of a wrong value": (
        changed("rps=12", "rps=RATE") + "RATE = True\n",
        "mine.py:16: Load: rps must be a number, not True.",
    ),
    "route": (
        changed("GET /a", "/a"),
        "mine.py:16: Load: route must be a method and a path such as 'GET /report', not '/a'.",
    ),
    "a route that cannot be sent": (
        changed("GET /a", "GET /\\x1b"),
        "mine.py:16: Load: route must be a method and a path such as 'GET /report', "
        "not 'GET /\\x1b'.",
    ),
    "a lone surrogate": (
        changed('"a title"', r"'\ud800'"),
        r"mine.py:9: Scenario: title must be Unicode text, not '\ud800' with a lone surrogate.",
    ),
    "a lone surrogate in a list": (
        changed('"here"', r"'\udfff'"),
        r"mine.py:11: Scenario: look must be Unicode text, not ('\udfff', 'there') "
        "with a lone surrogate.",
    ),
    "arrivals": (
        changed("constant", "uniform"),
        "mine.py:17: Load: arrivals must be 'poisson' or 'constant', not 'uniform'.",
    ),
    "wrong": (
        changed("wrong=True", "wrong=1"),
        "mine.py:6: Fix: wrong must be True or False, not 1.",
    ),
    "key": (
        changed('key="first"', 'key="to-thread"'),
        "mine.py:5: Fix: key must be a word such as to_thread, not 'to-thread'.",
    ),
    "surprise": (
        changed('key="first"', 'key="first", surprise=1'),
        "mine.py:5: Fix takes no 'surprise'; it takes: key, title, why, wrong, answers, extra, "
        "workers, on.",
    ),
    "no load": (
        GOOD.partition("    load=")[0] + ")",
        "mine.py:8: Scenario lacks load.",
    ),
    "no why": (changed(', why="it helps"', ""), "mine.py:5: Fix lacks why."),
    "too many": (
        changed('why="it does not", wrong=True', '"it does not", False, (), "", 1, False, 9'),
        "mine.py:6: Fix takes 8 arguments at most.",
    ),
    "by position": (
        changed("scenario = Scenario(", "scenario = Scenario('mine',"),
        "mine.py:8: Scenario takes its arguments by name only: `title=…`.",
    ),
    "fixes=None": (
        changed("[first, second]", "None"),
        "mine.py:14: Scenario: fixes must be a list of Fix(…), not None.",
    ),
    "a fix that is none": (
        changed("[first, second]", "[first, 'second']"),
        "mine.py:14: Scenario: fixes must be a list of Fix(…); this is 'second'.",
    ),
    "a load among the fixes": (
        changed("[first, second]", "[first, Load('GET /x', 1)]"),
        "mine.py:14: Scenario: fixes must be a list of Fix(…); this is Load('GET /x', 1).",
    ),
    "the same key": (
        changed('Fix("second"', 'Fix("first"'),
        "mine.py:6: two fixes have the key 'first', the other one in line 5.",
    ),
    "deep": (
        "scenario = Scenario(title=" + "(" * 250 + "1" + ")" * 250 + ")\n",
        "mine.py:1: this is not valid Python (too many nested parentheses, in "
        "`scenario = Scenario(title=((((((((((((((((((((((((((((((((((`).",
    ),
}


@pytest.mark.parametrize(("text", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_an_entry_that_says_so(write, text, says):
    """In one sentence with the line; it never raises, and never hides the others."""
    path = write(text)
    entry = read(path)
    assert (entry.id, entry.path, entry.error) == ("mine", path, says)
    assert [e.id for e in catalogue([path.parent])] == [*(e.id for e in BUILTIN), "mine"]


@pytest.mark.parametrize(
    "text",
    [
        changed("scenario = Scenario(", "make = Scenario\nscenario = make("),
        "from elsewhere import scenario\n",
        "from elsewhere import *\n",
        "if True:\n    scenario = 5\n",
        changed("rps=12", "rps=RATES['a']"),
        changed('Load("GET /a", rps=12)', "Load(*args)"),
        changed('Load("GET /a", rps=12)', "Load(**options)"),
        changed('Load("GET /a", rps=12)', "*MORE"),
        changed('key="first"', "key=KEY"),
        changed('key="first"', "key={[]: 1}"),
        changed('title="a title"', "title=-'x'"),
        changed("[first, second]", "make_fixes()"),
        "scenario = Scenario(" + "-" * 10_000 + "1)\n",
    ],
)
def test_what_only_a_run_can_tell_is_left_to_it(write, text):
    """Or is an error, but never an exception."""
    entry = read(write(text))
    assert isinstance(entry, ScenarioInfo)
    if "-" * 100 not in text:
        assert entry.error == ""


def test_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.py").mkdir()
    errors = [entry.error for entry in catalogue([tmp_path])[len(BUILTIN) :]]
    assert errors == [
        f"{name} cannot be read ({why}): {tmp_path / name} should be a Python file."
        for name, why in (
            ("folder.py", "Is a directory"),
            ("gone.py", "No such file or directory"),
        )
    ]


@pytest.mark.timeout(20)
def test_what_is_no_regular_file_is_not_read(tmp_path):
    """A pipe that nobody writes to, a device without an end, a file without a measure."""
    os.mkfifo(tmp_path / "a_pipe.py")
    (tmp_path / "b_zero.py").symlink_to("/dev/zero")
    with (tmp_path / "c_large.py").open("wb") as file:
        file.truncate(1 << 31)
    (tmp_path / "d_good.py").write_text(GOOD)
    (tmp_path / "order.txt").symlink_to("/dev/zero")
    entries = catalogue([tmp_path])[len(BUILTIN) :]
    assert [entry.error for entry in entries] == [
        f"{name} cannot be read ({why}): {tmp_path / name} should be a Python file."
        for name, why in (
            ("a_pipe.py", "not a regular file"),
            ("b_zero.py", "not a regular file"),
            ("c_large.py", "larger than 1 MiB"),
        )
    ] + [""]
    assert [lesson_of(entry).prose for entry in entries] == ["", "", "", "A lesson."]


def test_a_file_of_the_largest_size_is_read(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD.ljust(1 << 20, "#"))
    assert read(path).error == ""
    (tmp_path / "mine.py").write_text(GOOD.ljust((1 << 20) + 1, "#"))
    assert "larger than 1 MiB" in read(path).error


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
    assert entry.shadows == builtin_folder() / "block.py"
    assert entry.origin == f"yours, from {tmp_path}; hides the built-in one"
    assert entry in catalogue([tmp_path])
    assert len(catalogue([tmp_path])) == len(BUILTIN)
    assert {entry.origin for entry in BUILTIN} == {""}


def test_a_later_folder_s_file_hides_an_earlier_one_s(write, tmp_path):
    hidden = write(GOOD)
    later = tmp_path / "later"
    later.mkdir()
    (later / "mine.py").write_text(GOOD)
    entry = find("mine", [tmp_path, later])
    assert (entry.path, entry.shadows) == (later / "mine.py", hidden)
    assert entry.origin == f"yours, from {later}; hides {hidden}"
    assert find("mine", [tmp_path]).origin == f"yours, from {tmp_path}"


def test_a_fix_whose_extra_is_missing_says_how_to_install_it(write):
    text = changed('why="it helps"', 'why="it helps", extra="klingon"')
    path = write(changed("wrong=True", 'wrong=True, extra="test"', text))
    entry = read(path)
    assert entry.fixes[0].unavailable == (
        'It needs klingon, which is not installed: pip install "loopviz[klingon]".'
    )
    assert entry.fixes[1].unavailable == "", "the standard library has a module of that name"
    assert entry == describe("mine", path, load_scenario(path))


def test_a_folder_that_is_not_there(tmp_path):
    assert catalogue([tmp_path / "nowhere"]) == BUILTIN


def test_an_unknown_scenario_names_those_there_are():
    with pytest.raises(UsageError) as caught:
        find("blokc")
    ids = ", ".join(entry.id for entry in BUILTIN)
    assert str(caught.value) == f"There is no scenario 'blokc'; there are: {ids}."
    assert caught.value.exit_code == 2


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
