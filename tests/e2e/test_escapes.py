"""Escape sequences in what a scenario names, says and raises, on real terminals.

Each command by itself, in one process: ../test_escapes.py.
"""

import os
import re

import pytest

from tests.e2e.command import loopviz
from tests.support.escape_sequences import BAD, LAST_WORDS, SCENARIO, SHOWN, unsafe

pytestmark = pytest.mark.real

NAME = f"x{BAD}"
BAR = re.compile(r"\r\x1b\[\?25l|\r(?!\n)|\x1b\[\?25h")
"""What the progress bar writes to move the cursor."""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / f"{NAME}.py").write_text(SCENARIO, "utf-8")
    return str(tmp_path)


def said(raw):
    """The lines as a terminal got them. There is nothing in them that it would obey."""
    text = BAR.sub("\n", raw.decode()).replace("\r\n", "\n")
    assert unsafe(text) == set(), ascii(text)
    return text.split("\n")


def test_a_report_in_a_terminal(terminal, folder):
    seen = terminal(250, 60, "bench", NAME, "--scenarios", folder, "--duration", "0.5")
    seen.until("exception never retrieved", timeout_s=40)
    assert seen.end() == 0
    lines = said(seen.raw)
    assert f"x{SHOWN} · no fix · 0.5 s · seed 0" in lines
    assert any(line.startswith(f"x{SHOWN}  [---") for line in lines), "the progress bar's label"
    assert any(line.startswith(f"  {SHOWN} raised {SHOWN}: ") for line in lines), "task, class"
    assert any(line.startswith(f"  at {SHOWN}:") for line in lines), "a path"
    assert any(SHOWN[-32:] + " " * 5 in line for line in lines), "a resource"
    assert any(line.startswith(f"counted {SHOWN} ") for line in lines)


def test_last_words_in_a_terminal(terminal, tmp_path):
    (tmp_path / "dies.py").write_text(LAST_WORDS)
    seen = terminal(250, 10, "bench", "dies", "--scenarios", str(tmp_path))
    seen.until("Its last words: ", timeout_s=40)
    assert seen.end() == 3
    words = SHOWN.replace(r"\u2028", "").strip()
    assert any(words[:-3] in line for line in said(seen.raw))


def test_the_screen(terminal, tmp_path):
    (tmp_path / "x\x1b]0;t\x07.py").write_text(SCENARIO, "utf-8")
    seen = terminal(200, 50, "run", "x\x1b]0;t\x07", "--scenarios", str(tmp_path))
    seen.until(r"GET /\u202e\x9b", timeout_s=40)
    seen.press("3")
    seen.until("held by", r"  x\x1b]0;t\x07.py:")
    seen.press("q")
    assert seen.end() == 0
    text = seen.raw.decode()
    assert not unsafe(text) - set("\r\x1b\x07")
    assert not re.findall(r"\x1b\](?!22;)", text), "only the pointer's shape is set"


def test_what_the_terminal_cannot_encode(folder):
    listed = loopviz(
        *("list", "--scenarios", folder), env={**os.environ, "PYTHONIOENCODING": "latin-1"}
    )
    assert (listed.returncode, listed.stderr) == (0, "")
    assert f"x{SHOWN}" in listed.stdout
