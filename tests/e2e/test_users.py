"""Users' scenarios: the one that `loopviz new` writes, broken ones, and those that change."""

import functools
import sys

import pytest

from loopviz.engine import headless
from loopviz.engine.headless import measure
from loopviz.engine.session import Session
from loopviz.errors import TargetError
from loopviz.lab.catalogue import catalogue, describe, load_scenario, read
from loopviz.lab.catalogue.new import write_new
from loopviz.options import RunOptions
from loopviz.report.expectations import judge, needed
from tests.e2e.command import loopviz
from tests.e2e.sessions import frame
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

GOOD = """import asyncio
from contextlib import asynccontextmanager
from fastapi import APIRouter
from loopviz.scenario import Fix, Load, Scenario

router = APIRouter()


@asynccontextmanager
async def lifespan(app):
    await asyncio.sleep(0)
    yield


scenario = Scenario(
    title="a good one", lesson="It is good.", look=("here",), router=router, lifespan=lifespan,
    load=[Load("GET /good", rps=50, arrivals="constant")],
    fixes=[Fix("one", "one", "because"), Fix("two", "two", "because", extra="klingon")],
)


@router.get("/good")
async def good() -> str:
    return "good"
"""


def but(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


LIFESPAN = "    await asyncio.sleep(0)\n"

BROKEN = {  # by what finds it; all that reading the file finds is in test_catalogue.py
    "types": (
        but('rps=50, arrivals="constant"', "rps='x'"),
        "broken.py:17: Load: rps must be a number, not 'x'.",
    ),
    "raises": (
        but("router = APIRouter()", "router = APIRouter()\n1 / 0"),
        "broken.py raised ZeroDivisionError: division by zero, at line 7, `1 / 0`.",
    ),
    "exits": (
        but("router = APIRouter()", "router = APIRouter()\nraise SystemExit(3)"),
        "broken.py raised SystemExit: 3, at line 7, `raise SystemExit(3)`.",
    ),
    "exits at once": (
        but("router = APIRouter()", "import os\nos._exit(7)"),
        "broken.py ended its process while it was loading: that ended with exit code 7.",
    ),
    "lifespan": (
        but(LIFESPAN, "    await asyncio.sleep(0)\n    raise RuntimeError('no\\nluck\\x1b')\n"),
        r"broken.py raised RuntimeError: no luck\x1b, at line 12, "
        "`raise RuntimeError('no\\nluck\\x1b')`.",
    ),
}


@pytest.fixture
def folder(tmp_path):
    """A folder of scenarios with a good one in it."""
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "good.py").write_text(GOOD)
    return folder


def write(folder, text, name="broken"):
    path = folder / f"{name}.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(("text", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_scenario_says_in_one_sentence_what_is_wrong(folder, ours, text, says):
    write(folder, text)
    with pytest.raises(TargetError) as caught:
        measure("broken", RunOptions(folders=(folder,), duration_s=1))
    assert str(caught.value) == says
    assert caught.value.exit_code == 3
    assert ours() == {}


HANGING = {
    "import": (
        but("router = APIRouter()", "router = APIRouter()\nimport time; time.sleep(60)"),
        "at line 7, `import time; time.sleep(60)`.",
    ),
    "loop": (
        but("router = APIRouter()", "router = APIRouter()\nwhile True: pass"),
        "at line 7, `while True: pass`.",
    ),
    "lifespan": (
        but(LIFESPAN, "    await asyncio.Event().wait()\n"),
        "at line 11, `await asyncio.Event().wait()`.",
    ),
}


def test_one_that_does_not_finish_loading_says_where_it_is(folder, ours, monkeypatch):
    """Here in its lifespan; the other places are below."""
    monkeypatch.setattr(headless, "LOAD_TIMEOUT_S", 3.2)
    text, where = HANGING["lifespan"]
    write(folder, text)
    with pytest.raises(TargetError, match=r"^broken.py has not finished loading after \d s: ") as c:
        measure("broken", RunOptions(folders=(folder,), duration_s=1))
    assert str(c.value).endswith(where)
    assert ours() == {}


RAISING = but('    return "good"', '    raise ValueError("no luck")')


def test_one_that_runs_but_fails_has_findings(folder):
    """Its endpoint raises, and a route of its load is not there."""
    load = 'load=[Load("GET /missing", rps=50), '
    write(folder, RAISING.replace("load=[", load))
    report = measure("broken", RunOptions(folders=(folder,), duration_s=1))
    found = [found for found in report["findings"] if found["rule"] == "requests-fail"]
    assert {each["sentence"] for each in found} == {
        'GET /good raised ValueError: no luck, in raise ValueError("no luck"); '
        "it was answered 500.",
        "GET /missing is answered 404: the app has no such route; it has GET /good, GET /ping.",
    }
    assert all(each["count"] > 10 for each in found)
    assert [route["ok"] for route in report["load"]] == [0, 0]


def test_the_rest_is_usable(folder, ours):
    """In one session: from a broken one to the next, and to a good one in the end."""
    texts = {
        "b1": BROKEN["types"][0],
        "b2": HANGING["import"][0],
        "b3": BROKEN["exits at once"][0],
        "b4": RAISING,
        "b5": BROKEN["lifespan"][0],
    }
    for name, text in texts.items():
        write(folder, text, name)
    session = Session("b1", RunOptions(folders=(folder,)))
    try:
        for name in texts:
            session.switch(name)
            hangs = name == "b2"
            phase = "running" if name == "b4" else "starting" if hangs else "failed"

            def said(phase=phase):
                status = frame(session).status
                return status.phase == phase and (status.why or phase == "running") and status

            status = wait_until(said, 20, f"{phase} of {name}")
            assert status.why.startswith(f"{name}.py") or phase == "running"
            if hangs:
                assert HANGING["import"][1] in status.why
        assert {entry.id for entry in session.entries()} >= {*texts, "good", "block"}
        session.switch("good")
        wait_until(lambda: frame(session).status.phase == "running", 20, "the good")
        for key in ("two", "one"):  # what the first needs is not installed
            session.toggle(key)
        assert frame(session).status.fixes_on == {"one"}
    finally:
        session.close()
    assert ours() == {}


def test_a_hanging_scenario_in_the_terminal(terminal, folder, ours):
    write(folder, HANGING["loop"][0])
    write(folder, GOOD, "zebra")
    seen = terminal(80, 24, "run", "broken", "--scenarios", str(folder))
    seen.until(
        "has not finished loading after",
        "it is at line 7, `while True:",
        "Press s for another scenario, R to try again.",
    )
    seen.press("s")
    seen.until("SCENARIOS", "zebra")
    seen.press("zebra\r")
    seen.until("LIVE", "zebra: a good one")
    seen.press("q")
    assert seen.end() == 0
    wait_until(lambda: not ours(), 3, "the end of all processes")


def test_a_changed_file_is_loaded_anew(terminal, folder):
    path = write(folder, GOOD, "mine")
    seen = terminal(80, 24, "run", "mine", "--fix", "one", "--scenarios", str(folder))
    seen.until("LIVE", "mine: a good one", "[a one]")
    path.write_text("def (")
    seen.until("changed: R reloads")
    seen.press("R")
    seen.until("mine.py:1: this is not valid Python")
    assert "LIVE" in seen.text()
    path.write_text(but("a good one", "a better one"))
    seen.press("R")
    seen.until("LIVE", "mine: a better one", "[a one]")
    seen.until_gone("changed: R reloads")


# New ones


def test_new_writes_a_scenario_that_runs_as_it_is(folder):
    said = loopviz("new", "mine", "--scenarios", str(folder))
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == (
        f"{folder}/mine.py is written. Next:\n  loopviz run mine --scenarios {folder}\n"
    )
    entry = next(entry for entry in catalogue([folder]) if entry.id == "mine")
    assert entry.origin == f"yours, from {folder}"
    report = measure("mine", RunOptions(folders=(folder,), duration_s=2))
    assert report["findings"][0]["rule"] == "slow-callback"
    assert report["findings"][0]["suggested_fix"] == "to_thread"
    assert report["counters"]["logins"] > 5


def test_new_says_where_it_writes_and_what_it_hides(tmp_path):
    said = loopviz("new", "block", cwd=tmp_path)
    assert said.stdout == (
        "block.py is written, and hides the built-in block. Next:\n"
        "  loopviz run block --scenarios .\n"
    )
    assert (tmp_path / "block.py").is_file()


def test_the_starter_is_like_the_built_in_ones(tmp_path):
    path = write_new("mine", tmp_path)
    entry = read(path)
    assert entry.error == ""
    assert entry == describe("mine", path, load_scenario(path))
    assert entry.lesson.endswith(".")
    assert 1 <= len(entry.watch_for) <= 3
    claimed = {key for claim in load_scenario(path).expect for key in needed(claim)[0] or ("bug",)}
    assert claimed == {"bug", *(fix.key for fix in entry.fixes)}
    del sys.modules["_loopviz_scenario_mine"]


@pytest.mark.claims
@pytest.mark.timeout(300)
def test_the_starter_s_claims_hold(tmp_path):
    path = write_new("mine", tmp_path)
    claims = load_scenario(path).expect
    del sys.modules["_loopviz_scenario_mine"]

    @functools.cache
    def report(fixes):
        return measure("mine", RunOptions(folders=(tmp_path,), fixes=fixes, duration_s=6))

    for claim in claims:
        verdict = judge(claim, {fixes: report(fixes) for fixes in needed(claim)})
        print(verdict.sentence)
        assert verdict.holds, verdict.sentence
