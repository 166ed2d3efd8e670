"""The formats of reports."""

import json

import pytest

from loopviz.cli.commands import run_command
from loopviz.errors import UsageError
from loopviz.report.renderers import RENDERERS, renderer
from tests.report.runs import report_of, run


def test_each_format_renders_a_run_and_a_comparison():
    before, after = report_of(run()), report_of(run(fix=True), ["to_thread"])
    for name in RENDERERS:
        assert renderer(name).report(before)
        assert renderer(name).comparison(before, after)
    assert json.loads(renderer("json").report(before)) == before
    both = json.loads(renderer("json").comparison(before, after))
    assert both == {"format": 1, "before": before, "after": after}


@pytest.mark.parametrize("words", ["bench block", "compare block --fix to_thread"])
def test_a_format_that_does_not_exist_is_refused_before_anything_runs(words):
    with pytest.raises(UsageError, match="no format 'odd'; there are: text, json"):
        run_command([*words.split(), "--format", "odd"])
