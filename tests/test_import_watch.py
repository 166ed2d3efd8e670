"""Modules are found when they have been imported, be the watch older or younger than that."""

import importlib
import sys

import pytest

from loopviz.import_watch import ImportWatch


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module and import it: what it says of itself when it is found."""

    def run(source, *watches):
        (tmp_path / "loopviz_test_first.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(sys, "loopviz_test_watches", watches, raising=False)
        try:
            return importlib.import_module("loopviz_test_first")
        finally:
            sys.modules.pop("loopviz_test_first", None)
            for watch in watches:
                watch.stop()

    return run


BEGINS = "import sys; [watch.start() for watch in sys.loopviz_test_watches]; "


def test_a_watch_that_begins_within_the_import_waits_for_its_end(module):
    """As nest_asyncio imports asyncio first of all, and only that starts the watch."""
    found = []
    watches = [
        ImportWatch(["loopviz_test_first"], lambda m: found.append(vars(m).get("value")))
        for _ in range(2)
    ]
    imported = module(BEGINS + "early = 1; value = 5", *watches)
    assert found == [5, 5]
    assert type(imported.__spec__).__name__ == "ModuleSpec"
    assert not hasattr(imported.__spec__, "initialized")


def test_an_import_that_fails_is_not_found(module):
    found = []
    with pytest.raises(ZeroDivisionError):
        module(BEGINS + "1 / 0", ImportWatch(["loopviz_test_first"], found.append))
    assert found == []
