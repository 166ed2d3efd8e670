"""Each command, with all that comes from outside full of escape sequences.

In this process, the streams apart; real ones are in tests/e2e/test_escapes.py.
"""

import json
import os

import pytest

from loopviz.cli import commands, comparing
from loopviz.errors import TargetError
from tests.support.escape_sequences import BAD, SCENARIO, SHOWN, unsafe

LATENCY = {"p50": 1.0, "p90": 1.0, "p99": 1.0, "max": 1.0}
REPORT = {
    "format": 1,
    "target": BAD,
    "fixes": [BAD],
    "duration_s": 1.0,
    "seed": 0,
    "load": [
        {
            "route": BAD,
            "offered_rps": 1,
            "sent": 2,
            "ok": 1,
            "unanswered": 0,
            "errors": {BAD: 1},
            "latency_ms": LATENCY,
        }
    ],
    "loop": {"utilization": 0.5, "callbacks": 1, "lag_ms": LATENCY, "ready_delay_ms": LATENCY},
    "resources": [
        {
            "name": BAD,
            "kind": BAD,
            "capacity": 1,
            "in_use": {"mean": 1, "max": 1},
            "waiting": {"mean": 1, "max": 1},
            "wait_ms": LATENCY,
            "gave_up": 0,
        }
    ],
    "tasks": {"started": 1, "lost": 1, "never_retrieved": 0, "outlived_parent": 0},
    "counters": {BAD: 1},
    "findings": [
        {
            "rule": "slow-callback",
            "severity": "error",
            "title": BAD,
            "sentence": BAD,
            "count": 1,
            "victims": 0,
            "location": {"file": BAD, "line": 1, "function": BAD},
            "suggested_fix": BAD,
        }
    ],
    "probe": {"dropped_events": 0},
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / f"of{BAD}"
    folder.mkdir()
    (folder / f"x{BAD}.py").write_text(SCENARIO, "utf-8")
    (folder / "odd.py").write_text(f"import x\nscenario = Scenario(title={BAD!r}, odd=1)")
    return folder


@pytest.fixture
def said(loopviz):
    """A function: all that loopviz writes for these words, and its exit code."""

    def run(*words):
        said = loopviz(*words)
        return said.out + said.err, said.code

    return run


@pytest.fixture
def measured(monkeypatch):
    """Runs end at once, with the hostile report."""
    for module in (commands, comparing):
        monkeypatch.setattr(module, "measured", lambda *_, **__: REPORT)


def safe(text):
    assert unsafe(text) == set(), ascii(text)
    return text


def test_list(said, folder):
    text, code = said("list", "--scenarios", str(folder))
    assert code == 0
    lines = safe(text).split("\n")
    assert f"x{SHOWN} {SHOWN}  (yours, from {folder.parent!s}/of{SHOWN})" in lines
    assert f"{'':12} {SHOWN}" in lines, "no newline in it begins a line"
    text, code = said("list", "--json", "--scenarios", str(folder))
    assert code == 0
    assert safe(text).isascii()
    assert json.loads(text)[-1]["title"] == BAD


def test_a_file_name_that_is_not_unicode(said, tmp_path):
    path = os.fsencode(tmp_path) + b"/x\xff.py"
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(SCENARIO)
    except OSError:
        pytest.skip("this file system takes no such name")
    text, code = said("list", "--scenarios", str(tmp_path))
    assert code == 0
    assert r"x\udcff" in safe(text)
    text, _ = said("list", "--json", "--scenarios", str(tmp_path))
    assert os.fsencode(json.loads(text)[-1]["path"]) == path


def test_bench_and_compare(said, folder, measured, tmp_path):
    words = (f"x{BAD}", "--scenarios", str(folder), "--fix", "one")
    for command in ("bench", "compare"):
        text, code = said(command, *words)
        assert code == 0
        assert SHOWN in safe(text)
        text, code = said(command, *words, "--json", "-")
        assert (code, safe(text).isascii()) == (0, True)
        path = tmp_path / f"{command}.json"
        safe(said(command, *words, "--json", str(path))[0])
        assert path.read_bytes().isascii()
    assert json.loads(path.read_bytes())["before"] == REPORT


def test_new_and_keys(said, folder, tmp_path, monkeypatch):
    text, code = said("new", "mine", "--scenarios", str(folder))
    assert code == 0
    assert f"of{SHOWN}/mine.py is written. Next:\n" in safe(text)
    settings = tmp_path / BAD
    settings.write_text("")
    monkeypatch.setenv("LOOPVIZ_CONFIG", str(settings))
    text, code = said("keys")
    assert code == 0
    assert SHOWN in safe(text)


@pytest.mark.parametrize(
    "words",
    [
        [BAD],
        ["--" + BAD],
        ["bench", BAD],
        ["bench", "block", BAD],
        ["bench", "block", "--fix", BAD],
        ["bench", "block", "--rate", BAD],
        ["bench", "block", "--\udc9b"],
        ["bench", "block", "--scenarios", BAD],
        ["new", BAD],
        ["new", "mine", "--scenarios", f"/nowhere{BAD}"],
        ["run", "block", "--theme", BAD],
        ["serve", BAD],
    ],
)
def test_words_that_are_off(said, words):
    text, code = said(*words)
    assert code == 2
    assert "loopviz" in safe(text)


def test_a_report_that_cannot_be_written(said, measured):
    text, code = said("bench", "block", "--json", f"/nowhere/{BAD}")
    assert code == 2
    assert f"cannot be written to /nowhere/{SHOWN} (" in safe(text)
    assert text.startswith(f"{SHOWN} · {SHOWN} · 1.0 s · seed 0\n"), "it is printed all the same"


@pytest.mark.parametrize("error", [TargetError, RuntimeError])
def test_what_ends_a_run(said, monkeypatch, error):
    """An app's last words, a defect of ours: one sentence; with --debug the traceback."""

    def fail(*_, **__):
        ended = error(f"last words: {BAD}")
        ended.add_note(f"  File {BAD}")
        raise ended

    monkeypatch.setattr(commands, "measured", fail)
    text, code = said("bench", "block")
    assert safe(text).startswith("loopviz: ")
    assert (f"last words: {SHOWN}" in text, text.count("\n")) == (True, 1)
    assert code == (3 if error is TargetError else 1)
    text, ended = said("bench", "block", "--debug")
    assert "Traceback" in safe(text)
    assert SHOWN.split(" ")[0] in text
    assert ended == code
