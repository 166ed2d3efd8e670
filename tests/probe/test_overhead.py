"""The probe's own measure of itself."""

import asyncio

import pytest

from loopviz.probe import core
from loopviz.probe.overhead import measure_overhead


@pytest.mark.real
def test_it_measures_itself_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert (measure_overhead() > 0) is not core.NATIVE, "the native core takes nothing"
    assert list(tmp_path.iterdir()) == []
    assert asyncio._get_running_loop() is None
