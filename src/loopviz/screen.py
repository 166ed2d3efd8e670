"""Open the terminal UI: is there a terminal, start the run, then the screen, then tidy up."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from loopviz.catalogue import find
from loopviz.errors import UsageError
from loopviz.session import Session, check_fixes

__all__ = ["show"]

MIN_COLUMNS, MIN_LINES = 60, 16


def show(
    target: str,
    *,
    fixes: Sequence[str] = (),
    rate: float = 1.0,
    seed: int = 0,
    port: int = 0,
    folders: Sequence[Path] = (),
    ascii_only: bool = False,
    theme: str = "dark",
    fps: int = 30,
) -> None:
    """Run the screen until the person quits.

    Raises UsageError for an unknown scenario or fix, and where there is no fit terminal.
    """
    check_fixes(find(target, folders), fixes)
    _check_terminal(target)
    session = Session(target, folders=folders, fixes=fixes, rate=rate, seed=seed, port=port)
    try:
        from loopviz.tui.app import LoopvizApp  # noqa: PLC0415 - imported while the target starts

        app = LoopvizApp(session, fps=fps, ascii_only=ascii_only, theme_name=theme)
        app.run()
    finally:
        session.close()
    if app.failure is not None:
        raise app.failure
    if app.return_code:  # ended by a signal
        sys.exit(app.return_code)


def _check_terminal(target: str) -> None:
    instead = f"run `loopviz bench {target}` for a report without a screen"
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(f"loopviz needs a terminal and has none here: {instead}.")
    if os.environ.get("TERM", "") in ("dumb", ""):
        said = os.environ.get("TERM") or "nothing"
        raise UsageError(f"loopviz cannot draw on this terminal (TERM says {said}): {instead}.")
    columns, lines = shutil.get_terminal_size()
    if columns < MIN_COLUMNS or lines < MIN_LINES:
        raise UsageError(
            f"loopviz needs a terminal of {MIN_COLUMNS}×{MIN_LINES} and this one is "
            f"{columns}×{lines}: make it larger, or {instead}."
        )
