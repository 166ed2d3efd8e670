"""The command line in this process."""

import io
import sys
from typing import NamedTuple

import pytest

from loopviz.cli import main


class Said(NamedTuple):
    """What loopviz has written to either stream, and its exit code."""

    out: str
    err: str
    code: int


@pytest.fixture
def loopviz(monkeypatch):
    """A function: what loopviz says for these words, its streams in UTF-8 and no terminal."""

    def run(*words):
        raw = {name: io.BytesIO() for name in ("stdout", "stderr")}
        for name, file in raw.items():
            stream = io.TextIOWrapper(file, "utf-8", write_through=True)
            monkeypatch.setattr(sys, name, stream)
        monkeypatch.setattr(sys, "argv", ["loopviz", *words])
        code = 0
        try:
            main.main()
        except SystemExit as end:
            code = end.code or 0
        sys.stdout.flush()
        sys.stderr.flush()
        return Said(raw["stdout"].getvalue().decode(), raw["stderr"].getvalue().decode(), code)

    return run
