"""Marks for tests that hold of one of the probe's cores only."""

import pytest

from loopviz.probe import core

python_core = pytest.mark.skipif(
    core.NATIVE, reason="the native core keeps the ring mapped: run this with LOOPVIZ_PURE=1"
)
native_core = pytest.mark.skipif(not core.NATIVE, reason=f"no native core here: {core.WHY_NOT}")
