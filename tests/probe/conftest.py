"""What tests of the frameworks share."""

import pytest

from loopviz.probe import frameworks


@pytest.fixture
def patched():
    frameworks.watch()
    yield
    frameworks.unwatch()
