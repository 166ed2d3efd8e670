"""Fixtures: the same terminal everywhere, keys that act at once, and goldens of the text.

`LOOPVIZ_GOLDENS=write pytest tests/tui` writes the goldens anew: look at the diff, then keep it.
"""

import asyncio
import os
from pathlib import Path

import pytest

GOLDENS = Path(__file__).parent / "goldens"


async def until_idle(*_) -> None:
    """Until no coroutine can go on; Textual's own sleeps for 20 ms until the process is idle."""
    loop = asyncio.get_running_loop()
    for _ in range(10_000):
        await asyncio.sleep(0)
        if not loop._ready:
            return
    raise AssertionError("it is never idle")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """A key's work is done when `press` returns, and not 60 ms later."""
    monkeypatch.setattr("textual.app.wait_for_idle", until_idle)
    monkeypatch.setattr("textual.pilot.wait_for_idle", until_idle)


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    """The same terminal everywhere: true colours, whatever runs the tests."""
    for name in ("NO_COLOR", "TEXTUAL", "TEXTUAL_COLOR_SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.fixture
def golden():
    """Compare a text with the stored one of this name."""

    def check(name: str, text: str) -> None:
        path = GOLDENS / f"{name}.txt"
        if os.environ.get("LOOPVIZ_GOLDENS") == "write":
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden {name}; LOOPVIZ_GOLDENS=write makes it"
        assert text == path.read_text(encoding="utf-8")

    return check
