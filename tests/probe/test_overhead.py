"""The probe's own measure of itself."""

import asyncio

import pytest

from loopviz.probe.overhead import measure_cost


@pytest.mark.real
def test_it_measures_itself_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert measure_cost() > 0
    assert list(tmp_path.iterdir()) == []
    assert asyncio._get_running_loop() is None
