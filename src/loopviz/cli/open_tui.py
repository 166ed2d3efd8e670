"""Opens the terminal UI: checks the terminal, starts the run, shows the screen, cleans up."""

import os
import shutil
import sys

from loopviz.cli import config
from loopviz.engine.session import opened
from loopviz.errors import UsageError
from loopviz.lab.catalogue import check_fixes, find
from loopviz.options import RunOptions
from loopviz.program import Program

__all__ = ["show"]

MIN_COLUMNS, MIN_LINES = 60, 16
FPS = 30


def show(
    target: str | Program,
    options: RunOptions = RunOptions(),
    *,
    ascii_only: bool | None = None,
    theme: str | None = None,
    fps: int | None = None,
) -> None:
    """Show the screen until the user quits. None: as in the configuration file.

    Raises UsageError for an unknown scenario or fix, a bad configuration file, and a terminal that
    is missing or too small.
    """
    if isinstance(target, str):
        check_fixes(find(target, options.folders), options.fixes)
    settings = config.load()
    _check_terminal(target if isinstance(target, str) else target.id)
    with opened(target, options, on_terminal=not _in_browser()) as session:
        from loopviz.tui.app import LoopvizApp  # noqa: PLC0415 - imported while the target starts

        app = LoopvizApp(
            session,
            fps=fps or settings.fps or FPS,
            ascii_only=bool(settings.ascii if ascii_only is None else ascii_only),
            theme_name=theme or settings.theme or "",
            keys=settings.keys,
            terminal=session.terminal,
        )
        app.run()
    if app.failure is not None:
        raise app.failure
    if app.signalled:
        sys.exit(app.signalled)


def _in_browser() -> bool:
    """True if `loopviz serve` has started this process."""
    return bool(os.environ.get("TEXTUAL_DRIVER"))


def _check_terminal(target: str) -> None:
    if _in_browser():
        return
    instead = f"run `loopviz bench {target}` for a report without a screen"
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(f"loopviz needs a terminal and has none here: {instead}.")
    if os.environ.get("TERM", "") in ("dumb", ""):
        term = os.environ.get("TERM") or "not set"
        raise UsageError(f"loopviz cannot draw on this terminal (TERM is {term}): {instead}.")
    for name in ("COLUMNS", "LINES"):  # readline exports the size of a moment to child processes;
        os.environ.pop(name, None)  # Textual believes that, and would draw so whatever the size is
    columns, lines = shutil.get_terminal_size()
    if columns < MIN_COLUMNS or lines < MIN_LINES:
        raise UsageError(
            f"loopviz needs a terminal of {MIN_COLUMNS}×{MIN_LINES} and this one is "
            f"{columns}×{lines}: make it larger, or {instead}."
        )
