"""The commands as a person types them: output, exit codes, one clear sentence for bad input."""

import json
import os
import socket
from itertools import takewhile

import pytest

from loopviz.clock import SECOND
from loopviz.lab.catalogue import find
from loopviz.lab.load.schedule import arrivals
from tests.e2e.command import loopviz

pytestmark = pytest.mark.real


def one_sentence(text):
    assert text.startswith("loopviz: ")
    assert "Traceback" not in text
    return len(text.strip().split("\n")) == 1


def test_list_names_every_scenario_and_fix():
    said = loopviz("list")
    assert said.returncode == 0
    for word in ("block", "cpu", "--fix to_thread", "--fix processes"):
        assert word in said.stdout
    entries = json.loads(loopviz("list", "--json").stdout)
    assert [entry["id"] for entry in entries][:2] == ["block", "cpu"]
    assert entries[1]["fixes"][1] == {
        "key": "threads",
        "title": "await asyncio.to_thread(...)",
        "why": "The loop answers, but shares the GIL: it waits up to 5 ms for every turn.",
        "wrong": True,
    }


def test_bench_reports_json(ours):
    said = loopviz("bench", "block", "--duration", "2", "--seed", "3", "--json", "-")
    assert said.returncode == 0, said.stderr
    report = json.loads(said.stdout)
    assert report["format"] == 1
    assert (report["target"], report["fixes"], report["seed"]) == ("block", [], 3)
    assert [route["route"] for route in report["load"]] == ["GET /report", "GET /ping"]
    assert all(route["sent"] == route["ok"] > 0 for route in report["load"])
    finding = report["findings"][0]
    assert finding["rule"] == "slow-callback"
    assert finding["location"]["file"] == "scenarios/block.py"
    assert finding["suggested_fix"] == "to_thread"
    assert report["probe"]["dropped_events"] == 0
    assert ours() == {}


GATE = """
import asyncio
from fastapi import APIRouter, Depends
from loopviz.scenario import Load, Scenario

router = APIRouter()
gate = asyncio.Semaphore(2)
scenario = Scenario(
    title="gate", lesson="Two at a time.", look=("a", "b", "c"), router=router,
    load=[Load("GET /gate", rps=40, arrivals="constant"), Load("GET /sync", rps=10)],
)


async def fails():
    raise ValueError("nobody sees it")


@router.get("/gate")
async def through():
    async with gate:
        await asyncio.sleep(0.1)
    asyncio.create_task(fails())


@router.get("/sync")
def sync():
    return "done"
"""


def test_bench_tells_what_is_waited_for(tmp_path):
    """Without a word of it in the app's code."""
    (tmp_path / "gate.py").write_text(GATE)
    said = loopviz(
        *("bench", "gate", "--scenarios", str(tmp_path), "--duration", "2", "--json", "-")
    )
    assert said.returncode == 0, said.stderr
    report = json.loads(said.stdout)
    resources = {found["name"]: found for found in report["resources"]}
    line = GATE.splitlines().index("gate = asyncio.Semaphore(2)") + 1
    gate = resources[f"scenarios/gate.py:{line} Semaphore(2)"]
    assert (gate["kind"], gate["capacity"]) == ("asyncio.Semaphore", 2)
    assert gate["in_use"]["max"] == 2
    assert gate["waiting"]["max"] > 5, "40 per second come, and 20 can go"
    assert gate["wait_ms"]["p99"] > 100
    threads = resources["default thread limiter"]
    assert (threads["kind"], threads["capacity"]) == ("anyio.CapacityLimiter", 40)
    assert 1 <= threads["in_use"]["max"] <= 40
    assert report["tasks"]["never_retrieved"] > 5
    assert report["tasks"]["outlived_parent"] > 5
    found = {finding["rule"]: finding for finding in report["findings"]}
    line = GATE.splitlines().index("        await asyncio.sleep(0.1)") + 1  # held meanwhile
    assert found["pool-exhausted"]["location"]["line"] == line
    assert found["pool-exhausted"]["victims"] > 5
    assert "task-never-retrieved" in found
    assert report["probe"]["level"] == "full"
    assert 50 < report["probe"]["ns_per_event"] < 50_000
    assert 0 < report["probe"]["cpu_share"] < 0.5


def test_the_seed_says_which_requests_are_sent():
    """As the schedule of that seed has them, to the last one: what is late is sent all the same."""
    said = loopviz("bench", "block", "--duration", "1", "--seed", "2", "--json", "-")
    sent = [route["sent"] for route in json.loads(said.stdout)["load"]]
    planned = [planned_in(SECOND, load, seed=2) for load in find("block", ()).load]
    assert sent == planned
    assert planned != [planned_in(SECOND, load, seed=1) for load in find("block", ()).load]


def planned_in(duration_ns, load, seed):
    return sum(1 for _ in takewhile(lambda at_ns: at_ns <= duration_ns, arrivals(load, seed)))


def test_compare_prints_the_table_and_writes_both_reports(tmp_path):
    path = tmp_path / "both.json"
    said = loopviz(
        *("compare", "block", "--fix", "to_thread", "--duration", "1", "--json", str(path))
    )
    assert said.returncode == 0, said.stderr
    assert "block: no fix → to_thread" in said.stdout
    assert "GET /ping p99" in said.stdout
    both = json.loads(path.read_text())
    assert both["before"]["fixes"] == []
    assert both["after"]["fixes"] == ["to_thread"]


def test_options_come_from_the_environment_too(tmp_path):
    (tmp_path / "mine.py").write_text("scenario = Scenario(title='of my own')")
    environment = {**os.environ, "LOOPVIZ_SCENARIOS": str(tmp_path)}
    assert "of my own" in loopviz("list", env=environment).stdout
    said = loopviz("bench", "block", env={**os.environ, "LOOPVIZ_DURATION": "0"})
    assert said.returncode == 2
    assert "LOOPVIZ_DURATION" in said.stderr or "--duration" in said.stderr


def test_common_options_may_stand_before_the_command(tmp_path):
    (tmp_path / "mine.py").write_text("scenario = Scenario(title='of my own')")
    assert "of my own" in loopviz("--scenarios", str(tmp_path), "list").stdout


def test_version():
    said = loopviz("--version")
    assert (said.returncode, said.stdout) == (0, "loopviz 0.1.0\n")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("bench", "nope"), 2, "There is no scenario 'nope'; there are: block, cpu"),
        (("compare", "nope", "--fix", "x"), 2, "There is no scenario 'nope'"),
        (("bench", "block", "--fix", "nope"), 2, "block has no fix 'nope'; it has: to_thread"),
        (("compare", "block", "--fix", "nope"), 2, "block has no fix 'nope'"),
        (("compare", "block"), 2, "compare needs a fix"),
        (("bench", "block", "--scenarios", "/nowhere"), 2, "--scenarios /nowhere is no folder"),
        (("run", "nope"), 2, "There is no scenario 'nope'"),
        ((), 2, "loopviz needs a terminal and has none here: run `loopviz bench block`"),
        (("--ascii", "--theme", "light"), 2, "loopviz needs a terminal"),
        (
            ("block",),
            2,
            "There is no command 'block' (there are: run, serve, list, bench, compare, new, keys)",
        ),
        (("--scenarios", "/nowhere", "list"), 2, "--scenarios /nowhere is no folder"),
    ],
)
def test_bad_input_gets_one_sentence(words, code, says, ours):
    said = loopviz(*words)
    assert says in said.stderr
    assert one_sentence(said.stderr)
    assert said.returncode == code
    assert said.stdout == ""
    assert ours() == {}


@pytest.mark.parametrize(
    "words",
    [
        ("--nope",),
        ("bench",),
        ("bench", "block", "--duration", "x"),
        ("bench", "block", "--rate", "0"),
    ],
)
def test_words_that_are_off_show_the_usage(words):
    said = loopviz(*words)
    assert said.returncode == 2
    assert "Usage: loopviz" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_port_in_use_is_said(ours):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = loopviz("bench", "block", "--port", port, "--duration", "2")
    assert f"Cannot bind port {port} on 127.0.0.1" in said.stderr
    assert "--port" in said.stderr
    assert one_sentence(said.stderr)
    assert said.returncode == 3
    assert ours() == {}


def test_a_report_that_cannot_be_written_is_printed_all_the_same():
    said = loopviz("bench", "block", "--duration", "0.5", "--json", "/nowhere/report.json")
    assert said.returncode == 2
    assert "cannot be written to /nowhere/report.json" in said.stderr
    assert "GET /ping" in said.stdout


def test_a_broken_scenario_file_is_said(tmp_path):
    """More of them in test_users.py and tests/lab/target/test_loading.py."""
    (tmp_path / "broken.py").write_text(
        "raise RuntimeError('no luck')\nfrom loopviz.scenario import *\n"
        "scenario = Scenario(title='t', lesson='', look=(), router=None, load=[])"
    )
    listed = loopviz("list", "--scenarios", str(tmp_path))
    assert listed.returncode == 0
    assert "broken" in listed.stdout
    said = loopviz("bench", "broken", "--scenarios", str(tmp_path), "--duration", "1")
    assert "broken.py raised RuntimeError: no luck, at line 1, `raise Runtime" in said.stderr
    assert one_sentence(said.stderr)
    assert said.returncode == 3


def test_the_traceback_comes_with_debug(tmp_path):
    (tmp_path / "broken.py").write_text("from nowhere import scenario")
    said = loopviz("bench", "broken", "--scenarios", str(tmp_path), "--debug")
    assert "No module named 'nowhere'" in said.stderr
    assert "Traceback" in said.stderr


UNAVAILABLE = """
from fastapi import APIRouter
from loopviz.scenario import Fix, Load, Scenario
scenario = Scenario(
    title="t", lesson="l", look=(), router=APIRouter(), load=[Load("GET /ping", 1)],
    fixes=[Fix("klingon", "a", "b", extra="klingon")],
)
"""


def test_a_fix_that_is_not_installed(tmp_path, ours):
    (tmp_path / "block.py").write_text(UNAVAILABLE)
    needs = 'It needs klingon, which is not installed: pip install "loopviz[klingon]".'
    said = loopviz("list", "--scenarios", str(tmp_path))
    assert f"t  (yours, from {tmp_path}; hides the built-in one)" in said.stdout
    assert needs in said.stdout
    entry = json.loads(loopviz("list", "--json", "--scenarios", str(tmp_path)).stdout)[0]
    assert entry["path"] == str(tmp_path / "block.py")
    assert entry["shadows"].endswith("/block.py")
    assert entry["fixes"][0]["unavailable"] == needs
    said = loopviz("bench", "block", "--fix", "klingon", "--scenarios", str(tmp_path))
    assert said.stderr == f"loopviz: block: klingon cannot be tried. {needs}\n"
    assert said.returncode == 2
    assert ours() == {}


def in_terminal(terminal, columns, lines, term):
    """The command in a terminal of that size; its output and exit code.

    What a parent has exported of another terminal's size does not count.
    """
    seen = terminal(columns, lines, TERM=term, COLUMNS="160", LINES="50")
    code = seen.end()
    seen.text()
    return seen.raw.decode(), code


def test_a_small_terminal_is_said(terminal):
    said, code = in_terminal(terminal, 40, 10, "xterm")
    assert "needs a terminal of 60×16 and this one is 40×10" in " ".join(said.split())
    assert code == 2


def test_a_dumb_terminal_is_said(terminal):
    said, code = in_terminal(terminal, 80, 24, "dumb")
    assert "cannot draw on this terminal (TERM is dumb)" in " ".join(said.split())
    assert "loopviz bench block" in said
    assert code == 2
