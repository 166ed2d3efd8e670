"""The commands' words: output, exit codes, one clear sentence for what is wrong.

In this process, and none of these starts another; see tests/e2e/test_commands.py for those that do.
"""

import json

import pytest

SENTENCES = [
    (("bench", "nope"), "There is no scenario 'nope'; there are: block, cpu"),
    (("compare", "nope", "--fix", "x"), "There is no scenario 'nope'"),
    (("bench", "block", "--fix", "nope"), "block has no fix 'nope'; it has: to_thread"),
    (("compare", "block", "--fix", "nope"), "block has no fix 'nope'"),
    (("compare", "block"), "compare needs a fix"),
    (("compare", "shop:app"), "compare runs shop:app from two folders (none given): say --app-dir"),
    (("compare", "shop:app", "--fix", "x"), "--fix is for scenarios: shop:app is a program"),
    (("compare", "shop:app", "--app-dir", "."), "from two folders (1 given)"),
    (
        ("compare", "shop:app", "--app-dir", ".", "--app-dir", "/nowhere"),
        "--app-dir /nowhere is no folder: name one with a version of shop:app",
    ),
    (("compare", "shop:app", "--app-dir", ".", "--app-dir", "."), "Both --app-dir name ."),
    (
        ("compare", "shop:app", "--app-dir", ".", "--app-dir", "/"),
        'compare needs requests to send: --load "GET / @ 20" for example.',
    ),
    (
        ("compare", "--app-dir", ".", "--app-dir", "/", "--load", "GET / @ 1", "--", "python", "x"),
        "compare takes no command after --: name an app, package.module:app.",
    ),
    (
        ("compare", "x.py", "--app-dir", ".", "--app-dir", "/", "--load", "GET / @ 1"),
        "compare takes an app by its module, which both folders have (package.module:app)",
    ),
    (("compare", "block", "--app-dir", "."), "--app-dir is for programs of your own: block is a"),
    (("serve", "nope"), "There is no scenario 'nope'"),
    (("serve", "block", "--fix", "nope"), "block has no fix 'nope'"),
    (("serve", "shop:app", "--fix", "nope"), "--fix is for scenarios: shop:app is a program"),
    (("bench", "block", "--scenarios", "/nowhere"), "--scenarios /nowhere is no folder"),
    (("run", "nope"), "There is no scenario 'nope'"),
    ((), "loopviz needs a terminal and has none here: run `loopviz bench block`"),
    (("--ascii", "--theme", "light"), "loopviz needs a terminal"),
    (
        ("block",),
        "There is no command 'block' (there are: run, attach, open, tour, serve, list, ",
    ),
    (("--scenarios", "/nowhere", "list"), "--scenarios /nowhere is no folder"),
]


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch):
    """Whatever is about to start a process needs a folder for it first."""

    def refuse():
        raise AssertionError("a run was started")

    monkeypatch.setattr("loopviz.run_folder.new_run_folder", refuse)


@pytest.fixture
def folder(tmp_path):
    """A folder of scenarios with one in it."""
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "mine.py").write_text("scenario = Scenario(title='of my own')")
    return folder


@pytest.mark.parametrize(("words", "says"), SENTENCES)
def test_bad_input_gets_one_sentence(loopviz, words, says):
    said = loopviz(*words)
    assert says in said.err
    assert said.err.startswith("loopviz: ")
    assert said.err.count("\n") == 1
    assert (said.out, said.code) == ("", 2)


@pytest.mark.parametrize(
    "words",
    [
        ("--nope",),
        ("bench",),
        ("bench", "block", "--duration", "x"),
        ("bench", "block", "--rate", "0"),
    ],
)
def test_words_that_are_off_show_the_usage(loopviz, words):
    said = loopviz(*words)
    assert "Usage: loopviz" in said.err
    assert "Traceback" not in said.err
    assert said.code == 2


def test_options_come_from_the_environment_too(loopviz, folder, monkeypatch):
    monkeypatch.setenv("LOOPVIZ_SCENARIOS", str(folder))
    assert "of my own" in loopviz("list").out
    monkeypatch.setenv("LOOPVIZ_DURATION", "0")
    said = loopviz("bench", "block")
    assert said.code == 2
    assert "LOOPVIZ_DURATION" in said.err or "--duration" in said.err


def test_common_options_may_stand_before_the_command(loopviz, folder):
    assert "of my own" in loopviz("--scenarios", str(folder), "list").out


def test_version(loopviz):
    assert loopviz("--version") == ("loopviz 0.1.0\n", "", 0)


def test_the_list_has_the_groups_as_headings(loopviz, folder):
    lines = loopviz("list", "--scenarios", str(folder)).out.splitlines()
    headings = [line for line in lines if line and line == line.upper()]
    assert headings[0] == lines[0] == "WHAT BLOCKS THE LOOP"
    assert headings[-2:] == ["MORE THAN ONE PROCESS", "OTHERS"]
    assert lines[1].startswith("block  ")
    assert any(line.startswith("mine  ") for line in lines[lines.index("OTHERS") :])


UNAVAILABLE = """
from fastapi import APIRouter
from loopviz.scenario import Fix, Load, Scenario
scenario = Scenario(
    title="t", lesson="l", look=(), router=APIRouter(), load=[Load("GET /ping", 1)],
    fixes=[Fix("klingon", "a", "b", extra="klingon")],
)
"""


def test_a_fix_that_is_not_installed(loopviz, tmp_path):
    (tmp_path / "block.py").write_text(UNAVAILABLE)
    needs = 'It needs klingon, which is not installed: pip install "loopviz[klingon]".'
    said = loopviz("list", "--scenarios", str(tmp_path))
    assert f"t  (yours, from {tmp_path}; hides the built-in one)" in said.out
    assert needs in said.out
    entry = json.loads(loopviz("list", "--json", "--scenarios", str(tmp_path)).out)[0]
    assert entry["path"] == str(tmp_path / "block.py")
    assert entry["shadows"].endswith("/block.py")
    assert entry["fixes"][0]["unavailable"] == needs
    said = loopviz("bench", "block", "--fix", "klingon", "--scenarios", str(tmp_path))
    assert said.err == f"loopviz: block: klingon cannot be tried. {needs}\n"
    assert said.code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("mine",), "/mine.py is there already: take another name, or remove it."),
        (("a-b",), "A scenario cannot be called 'a-b': take letters, digits and _, as in slow_"),
        (("class",), "A scenario cannot be called 'class'"),
        (("_x",), "A scenario cannot be called '_x'"),
        (("../x",), "A scenario cannot be called '../x'"),
        (("x", "--scenarios", "/nowhere"), "--scenarios /nowhere is no folder"),
        (("x", "--scenarios", "/proc"), "/proc/x.py cannot be written ("),
    ],
)
def test_what_new_refuses(loopviz, folder, words, says):
    before = sorted(folder.iterdir())
    given = ("--scenarios", str(folder), *words) if len(words) == 1 else words
    said = loopviz("new", *given)
    assert says in said.err
    assert said.err.startswith("loopviz: ")
    assert said.err.count("\n") == 1
    assert (said.out, said.code) == ("", 2)
    assert sorted(folder.iterdir()) == before
