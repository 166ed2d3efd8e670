"""The commands as a person types them: output, exit codes, one clear sentence for bad input."""

import json
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
        "why": "The loop keeps running, but shares the GIL: it waits up to 5 ms for each turn.",
        "wrong": True,
    }


def test_bench_reports_json(ours):
    """Of the requests of that seed, to the last one: what is late is sent all the same."""
    said = loopviz("bench", "block", "--duration", "2", "--seed", "3", "--json", "-")
    assert said.returncode == 0, said.stderr
    report = json.loads(said.stdout)
    assert report["format"] == 1
    assert (report["target"], report["fixes"], report["seed"]) == ("block", [], 3)
    assert [route["route"] for route in report["load"]] == ["GET /report", "GET /ping"]
    assert all(route["sent"] == route["ok"] > 0 for route in report["load"])
    planned = [planned_in(2 * SECOND, load, seed=3) for load in find("block", ()).load]
    assert [route["sent"] for route in report["load"]] == planned
    assert planned != [planned_in(2 * SECOND, load, seed=1) for load in find("block", ()).load]
    finding = report["findings"][0]
    assert finding["rule"] == "slow-callback"
    assert finding["location"]["file"] == "scenarios/block.py"
    assert finding["suggested_fix"] == "to_thread"
    assert report["probe"]["dropped_events"] == 0
    assert ours() == {}


def planned_in(duration_ns, load, seed):
    return sum(1 for _ in takewhile(lambda at_ns: at_ns <= duration_ns, arrivals(load, seed)))


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
    await asyncio.sleep(0.01)
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
    assert 0 <= report["probe"]["ns_per_event"] < 50_000, "0: the native core adds nothing"
    assert 0 <= report["probe"]["cpu_share"] < 0.5


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


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("bench", "nope"), "There is no scenario 'nope'; there are: block, cpu"),
        ((), "loopviz needs a terminal and has none here: run `loopviz bench block`"),
    ],
)
def test_bad_input_gets_one_sentence(words, says, ours):
    """More of it in tests/cli/test_commands.py."""
    said = loopviz(*words)
    assert says in said.stderr
    assert one_sentence(said.stderr)
    assert said.returncode == 2
    assert said.stdout == ""
    assert ours() == {}


def test_a_port_in_use_is_said(ours):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = loopviz("bench", "block", "--port", port, "--duration", "2")
    assert f"Cannot bind port {port} on 127.0.0.1" in said.stderr
    assert "--port" in said.stderr
    assert one_sentence(said.stderr)
    assert said.returncode == 3
    assert ours() == {}


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
