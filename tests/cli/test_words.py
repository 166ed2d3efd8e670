"""`loopviz serve` passes its options on to a `loopviz run` for each tab."""

from dataclasses import fields

import pytest

from loopviz.cli import open_tui
from loopviz.cli.commands import run_command
from loopviz.cli.given import as_words
from loopviz.options import RunOptions

NOT_PASSED_ON = {"port", "probe", "duration_s"}
"""Each run takes a free port; the others are no options of `loopviz run`."""


def test_a_tab_runs_with_all_options_of_serve(monkeypatch, tmp_path):
    options = RunOptions(folders=(tmp_path,), fixes=("a", "b"), rate=2.5, seed=7)
    default = RunOptions()
    same = {f.name for f in fields(options) if getattr(options, f.name) == getattr(default, f.name)}
    assert same == NOT_PASSED_ON, "give a new option a value here"
    shown = []
    monkeypatch.setattr(open_tui, "show", lambda _target, options, **_: shown.append(options))
    with pytest.raises(SystemExit, match="0"):
        run_command(["run", "block", *as_words(options)])
    assert shown == [options]
