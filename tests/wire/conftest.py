"""A ring, and who reads it."""

import pytest

from loopviz.engine.collector import RingReader
from tests.wire.ring_writer import Writer


@pytest.fixture
def pair(tmp_path):
    def make(capacity=64):
        writer = Writer(tmp_path / "x.ring", capacity)
        return writer, RingReader(tmp_path / "x.ring")

    return make
