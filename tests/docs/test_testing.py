"""docs/testing.md shows the very code that runs here."""

import re
from pathlib import Path
from textwrap import dedent

from loopviz.lab.catalogue import builtin_folder

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text()
BLOCKS = re.findall(r"(?:^`([\w/.]+)`:\n\n)?```python\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)


def test_whole_files_are_shown_as_they_are():
    shown = {path: code for path, code in BLOCKS if path}
    lessons = set((ROOT / "tests" / "lessons").glob("*.py")) - {ROOT / "tests/lessons/__init__.py"}
    assert {ROOT / path for path in shown} == lessons
    for path, code in shown.items():
        assert code == (ROOT / path).read_text(), path


def test_excerpts_are_from_the_scenarios():
    sources = [dedent_all(path.read_text()) for path in builtin_folder().glob("*.py")]
    excerpts = [code for path, code in BLOCKS if not path]
    assert excerpts
    for code in excerpts:
        assert any(dedent_all(code) in source for source in sources), code


def dedent_all(code):
    return "\n".join(line.strip() for line in dedent(code).strip().split("\n"))
