"""The keys of a report are those of its format, whatever builds it."""

import json
from pathlib import Path

from tests.report.runs import every_part


def shape(value):
    """A report's keys, in their order, with the types of the values."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return "number" if isinstance(value, int | float) else type(value).__name__


def test_keys_and_types_are_those_of_the_stored_report():
    """`format_1.json` is of an earlier version of loopviz; only a new format may differ."""
    stored = json.loads(Path(__file__).with_name("format_1.json").read_text("utf-8"))
    assert json.dumps(shape(every_part()), indent=1) == json.dumps(shape(stored), indent=1)
