"""Scenario files of the test's own."""

import sys

import pytest


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="mine"):
        path = tmp_path / f"{name}.py"
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text, "utf-8")
        return path

    yield write_file
    for name in [name for name in sys.modules if name.startswith("_loopviz_scenario_")]:
        del sys.modules[name]
