"""The lesson in a file: which lines are shown, and which of them run."""

from pathlib import Path
from textwrap import dedent

import pytest

from loopviz.lab.catalogue import catalogue
from loopviz.lab.lesson import Lesson

HEAD = """
from loopviz.scenario import Fix, Load, Scenario
a = Fix(key="first", title="x", why="y")
b: Fix = Fix(key="second", title="x", why="y")
c = Fix("third", "x", "y")
"""
MARKS = {"": " ", "active": "|", "inactive": "x"}


def lesson(body, *routes):
    return Lesson(HEAD + dedent(body), routes or ("GET /x",))


def run(body, *on, routes=("GET /x",)):
    """Each line with its mark in front; the decorator's and the def's line are left out."""
    lines = lesson(body, *routes).lines(on)
    assert all(
        line.text == (HEAD + dedent(body)).splitlines()[line.number - 1]
        for line in lines
        if line.number
    )
    return [f"{MARKS[line.state]} {line.text.strip()}" for line in lines]


def endpoint(body):
    text = dedent(body).strip("\n")
    inner = "\n".join("    " + line if line else line for line in text.splitlines())
    return f'@router.get("/x")\nasync def x():\n{inner}\n'


def marks(body, *on):
    """The marks of the endpoint's own lines, as one string."""
    return "".join(line[0] for line in run(endpoint(body), *on)[2:])


CHAIN = """
if a.on:
    one()
elif b.on:
    two()
else:
    bug()
return 1
"""


def test_the_branch_that_runs_is_active_with_its_head():
    assert marks(CHAIN) == "xxxx|| "
    assert marks(CHAIN, "first") == "||xxxx "
    assert marks(CHAIN, "second") == "xx||xx "
    assert marks(CHAIN, "first", "second") == "||xxxx "
    assert marks(CHAIN, "unknown") == "xxxx|| "


@pytest.mark.parametrize(
    ("test", "on", "expected"),
    [
        ("not a.on", (), "||xx"),
        ("not a.on", ("first",), "xx||"),
        ("a.on and b.on", ("first",), "xx||"),
        ("a.on and b.on", ("first", "second"), "||xx"),
        ("a.on or b.on", ("second",), "||xx"),
        ("not (a.on or c.on)", ("third",), "xx||"),
        ("a.on and who()", ("first",), "||||"),  # not known: both may run
        ("a.on and who()", (), "xx||"),
        ("a.on or who()", ("first",), "||xx"),
        ("not b.on and True", (), "||xx"),
        ("who()", (), "    "),  # no fix is asked for
        ("a.off", (), "    "),
        ("other.on", (), "    "),
        ("a.on == b.on", (), "||||"),
    ],
)
def test_what_a_test_says(test, on, expected):
    assert marks(f"if {test}:\n    one()\nelse:\n    bug()\n", *on) == expected


def test_comments_and_blank_lines_go_with_their_branch():
    body = """
    if a.on:
        # why

        one()
    # between
    else:
        # the bug
        bug()
    """
    assert marks(body) == "xxxxx|||"
    assert marks(body, "first") == "|||||xxx"


def test_after_an_early_return_comes_the_other_branch():
    body = """
    if a.on:
        return one()
    if b.on:
        raise Two

    bug()
    return 1
    """
    assert marks(body) == "xxxx|||"
    assert marks(body, "first") == "||xxxxx"
    assert marks(body, "second") == "xx||xxx"


def test_without_a_return_what_follows_runs_anyway():
    assert marks("if a.on:\n    one()\nbug()") == "xx "
    assert marks("if who():\n    return 1\nbug()") == "   "


def test_nothing_runs_inside_a_branch_that_does_not():
    body = """
    if a.on:
        if b.on:
            both()
        else:
            one()
    else:
        async with gate:
            for leg in legs:
                if not b.on:
                    bug()
    """
    assert marks(body) == "xxxxx|||||"
    assert marks(body, "second") == "xxxxx|||xx"
    assert marks(body, "first") == "|xx||xxxxx"
    assert marks(body, "first", "second") == "|||xxxxxxx"


def test_try_with_loops_and_one_line_ifs_are_walked():
    body = """
    try:
        while True:
            if a.on: break
            bug()
    finally:
        if b.on: two()
    """
    assert marks(body) == "  x| x"
    assert marks(body, "first", "second") == "  |x |"


def test_the_other_side_of_a_conditional_expression_is_idle():
    body = endpoint('u = "ü" if a.on else bug()\nv = (\n    1\n    if a.on\n    else 2\n)')
    off, on = (lesson(body).lines(keys) for keys in ((), ("first",)))
    assert [off[2].text[slice(*span)] for span in off[2].idle] == ['"ü"']
    assert [on[2].text[slice(*span)] for span in on[2].idle] == ["bug()"]
    assert [line.state for line in off[3:8]] == ["", "inactive", "", "", ""]
    assert [on[6].text[slice(*span)] for span in on[6].idle] == ["2"]


def test_what_is_shown_is_what_the_load_runs():
    body = """
    gate = Gate(5)
    other = Gate(6)
    annotated: int
    router = APIRouter()
    table = {
        1: 2,
        3: 4,
    }

    def helper():
        return gate, table

    class Wrap:
        x = deeper

    def deeper():
        pass

    def stranger():
        return other

    def asks():
        return a.on

    @router.post("/pay/{key}", status_code=201)
    def pay(key, wrap=Depends(Wrap)):
        return helper()

    @router.get("/pay/{key}")
    def look(key):
        pass

    @router.get("/unused")
    def unused():
        pass
    """
    shown = " ".join(run(body, routes=("POST /pay/{n}?again=1",)))
    for there in ("gate = Gate(5)", "def helper", "class Wrap", "def deeper", "def asks"):
        assert there in shown
    assert '@router.post("/pay/{key}"' in shown
    for missing in ("other", "annotated", "APIRouter", "table = {", "stranger", "look", "unused"):
        assert missing not in shown


def test_a_helper_that_only_idle_lines_call_does_not_run():
    body = endpoint("if a.on:\n    one()\nelse:\n    bug()") + dedent("""
    def one():
        return two()

    def two():
        return 2

    def bug():
        pass
    """)
    off, on = ({line[2:]: line[0] for line in run(body, *keys)} for keys in ((), ("first",)))
    assert (off["def one():"], off["def two():"], off["def bug():"]) == ("x", "x", " ")
    assert (on["def one():"], on["def two():"], on["def bug():"]) == (" ", " ", "x")


def test_left_out_lines_are_a_gap():
    body = 'gate = Gate(5)\nother = 1\n\n@router.get("/x")\ndef x():\n    gate()\n'
    lines = lesson(body).lines(())
    assert [bool(line.number) for line in lines] == [True, False, True, True, True]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def broken(:",
        "\x00",
        "x = (" * 500,
        "x = " + "-" * 20_000 + "1",
        "@router.get\ndef x(): pass",
        "@router.get(f'/{x}')\ndef x(): pass",
        "a = Fix()\nb = Fix(key=name)\nc = Fix(**more)\nd = e = 1",
        "\ufeffx = 1",
        "x = '\\d'",
        "x = '\u2028 \x0c \x1c'\r\n@router.get('/x')\r\ndef x():\r\n    if x: pass\r",
        "if a.on:\n    pass",
        "@router.get('/x')\ndef x(): return 'ä' if\\\n a.on else (\n'\t')",
    ],
)
def test_an_odd_file_is_no_error(text):
    for line in Lesson(text, ["GET /x", "odd", ""]).lines({"first"}):
        assert line.state in MARKS


def test_the_prose_is_the_modules_docstring():
    assert Lesson('"""One.\n\n    Two.\n"""', ()).prose == "One.\n\nTwo."


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.id)
def test_each_scenario_shows_the_branch_of_each_of_its_fixes(entry):
    """So that a key changes the picture: with each fix other lines run."""
    found = Lesson(Path(entry.path).read_text("utf-8"), [load.route for load in entry.load])
    assert found.prose
    seen = {}
    for keys in ((), *((fix.key,) for fix in entry.fixes)):
        lines = found.lines(keys)
        assert lines
        seen[keys] = [(line.state, line.idle) for line in lines]
    for fix in entry.fixes:
        if fix.workers == 1:  # else the lines stay, and the processes change
            assert seen[(fix.key,)] != seen[()], fix.key
