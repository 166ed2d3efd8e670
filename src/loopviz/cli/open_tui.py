"""Opens the terminal UI: checks the terminal, starts the run, shows the screen, cleans up."""

import os
import shutil
import sys

from loopviz.cli import config
from loopviz.cli.progress import ProgressFile, progress_path
from loopviz.engine.session import opened
from loopviz.errors import UsageError
from loopviz.lab.catalogue import check_fixes, find
from loopviz.options import RunOptions
from loopviz.output import clean
from loopviz.program import Program
from loopviz.tui.state.tour import Tour

__all__ = ["show"]

MIN_COLUMNS, MIN_LINES = 60, 16


def show(
    target: str | Program,
    options: RunOptions = RunOptions(),
    *,
    ascii_only: bool | None = None,
    theme: str | None = None,
    fps: int | None = None,
    present: bool | None = None,
    progress: ProgressFile | None = None,
    tour: Tour | None = None,
) -> None:
    """Show the screen until the user quits. None: as in the configuration file.

    With a `tour` it is there from the beginning; without, it is offered at the very first start.

    Raises UsageError for an unknown scenario or fix, a bad configuration file, and a terminal that
    is missing or too small.
    """
    if isinstance(target, str):
        check_fixes(find(target, options.folders), options.fixes)
    settings = config.load()
    presenting = bool(settings.present if present is None else present)
    theme = theme or ("contrast" if presenting else settings.theme)
    _check_terminal(target)
    progress = progress or ProgressFile(progress_path())
    offered = tour is None and isinstance(target, str) and progress.is_first_start()
    with opened(target, options, on_terminal=not _in_browser()) as session:
        from loopviz.tui.app import FPS, LoopvizApp  # noqa: PLC0415 - imported while the target starts

        app = LoopvizApp(
            session,
            clock=session.clock,
            fps=fps or settings.fps or FPS,
            ascii_only=bool(settings.ascii if ascii_only is None else ascii_only),
            theme_name=theme or "",
            present=presenting,
            keys=settings.keys,
            terminal=session.terminal,
        )
        app.controller.progress, app.controller.tour = progress, tour
        if offered:
            app.controller.offer_tour()
        app.run()
    for sentence in session.farewells:
        sys.stderr.write(f"loopviz: {clean(sentence)}\n")
    if app.failure is not None:
        raise app.failure
    if app.signalled:
        sys.exit(app.signalled)


def _in_browser() -> bool:
    """True if `loopviz serve` has started this process."""
    return bool(os.environ.get("TEXTUAL_DRIVER"))


def _check_terminal(target: str | Program) -> None:
    if _in_browser():
        return
    name = target if isinstance(target, str) else "…"
    instead = f"run `loopviz bench {name}` for a report without a screen"
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
