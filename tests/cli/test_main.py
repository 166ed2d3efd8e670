"""Which words open a scenario without the parser."""

import os
import subprocess
import sys

import pytest

from loopviz.cli.main import _lesson


@pytest.fixture(autouse=True)
def _no_options(monkeypatch):
    for name in [name for name in os.environ if name.startswith("LOOPVIZ_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("words", "lesson"),
    [
        ([], "block"),
        (["run"], "block"),
        (["run", "race"], "race"),
        (["run", "race", "--fix=a"], ""),
        (["--theme=light"], ""),
        (["run", "--help"], ""),
        (["run", "__init__"], ""),
        (["run", "nothing"], ""),
        (["run", "main:app"], ""),
        (["run", "../scenarios/race"], ""),
        (["race"], ""),
        (["list"], ""),
    ],
)
def test_a_scenario_and_nothing_else_needs_no_parser(words, lesson):
    assert _lesson(words) == lesson


def test_options_of_the_environment_are_the_parsers(monkeypatch):
    monkeypatch.setenv("LOOPVIZ_CONFIG", os.devnull)
    assert _lesson(["run"]) == "block", "that is no option"
    monkeypatch.setenv("LOOPVIZ_FPS", "10")
    assert _lesson(["run"]) == ""


def test_such_words_import_no_parser_and_no_probe():
    program = """
import sys
from loopviz.cli.main import _lesson
_lesson(["run"])
import loopviz.cli.open_tui, loopviz.tui.app
print(*sys.modules)
"""
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    imported = set(said.stdout.split())
    assert not imported & {"typer", "pydantic", "loopviz.probe"}
