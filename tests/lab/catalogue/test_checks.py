"""What is said of a scenario file that is not right: one sentence with the line."""

import pytest

from loopviz.lab.catalogue import (
    ScenarioInfo,
    catalogue,
    read,
)
from tests.lab.catalogue.sources import BUILTIN, GOOD, changed

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
    "zoom": (
        changed('title="a title"', 'title="a title", zoom_ms=0.5'),
        "mine.py:9: Scenario: zoom_ms must be 0, or from 1 to 1000, not 0.5.",
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
        "mine.py:6: Fix: wrong must be true or false, not 1.",
    ),
    "key": (
        changed('key="first"', 'key="to-thread"'),
        "mine.py:5: Fix: key must be a word such as to_thread, not 'to-thread'.",
    ),
    "surprise": (
        changed('key="first"', 'key="first", surprise=1'),
        "mine.py:5: Fix takes no 'surprise'; it takes: key, title, why, wrong, answers, extra, "
        "workers, on, adds.",
    ),
    "no load": (
        GOOD.partition("    load=")[0] + ")",
        "mine.py:8: Scenario lacks load.",
    ),
    "no why": (changed(', why="it helps"', ""), "mine.py:5: Fix lacks why."),
    "too many": (
        changed('why="it does not", wrong=True', '"why", False, (), "", 1, False, False, 9'),
        "mine.py:6: Fix takes 9 arguments at most.",
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
