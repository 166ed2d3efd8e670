"""The entry point: runs the command line; turns errors into one sentence and an exit code."""

import atexit
import gc
import os
import sys
import traceback

from loopviz.errors import LoopvizError
from loopviz.output import clean, clean_streams
from loopviz.signals import Interrupted, ignore_interrupts, raise_interrupts, was_interrupted

__all__ = ["main"]

NO_OPTIONS = {"LOOPVIZ_CONFIG", "LOOPVIZ_DEBUG"}
"""Variables that mean the same for every command."""
GARBAGE = 50_000
"""New objects after which cycles are searched for. Imports make many, and keep them."""


def main() -> None:
    """Run the command line. Raises SystemExit unless all is well."""
    gc.set_threshold(GARBAGE)
    clean_streams()
    atexit.register(gc.freeze)  # else a search for cycles in all there is delays the end
    words, debug = _without_debug(sys.argv[1:])
    try:
        try:
            raise_interrupts()
            _run(words)
        finally:
            ignore_interrupts()
    except Exception as error:
        if was_interrupted():
            raise Interrupted from error
        _end(error, debug=debug or bool(os.environ.get("LOOPVIZ_DEBUG")))
    except KeyboardInterrupt:
        sys.exit(130)


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    """The words without `--debug`, wherever it stands before `--`, and whether it did."""
    end = words.index("--") if "--" in words else len(words)
    ours = [word for word in words[:end] if word != "--debug"]
    return ours + words[end:], len(ours) < end


def _run(words: list[str]) -> None:
    if lesson := _lesson(words):
        from loopviz.cli import open_tui  # noqa: PLC0415 - what is not imported is not waited for

        open_tui.show(lesson)
    else:
        from loopviz.cli import commands  # noqa: PLC0415

        commands.run_command(words)


def _lesson(words: list[str]) -> str:
    """The built-in scenario to be opened, if nothing else is said; else empty.

    That needs no parser. Typer's takes as long to import as the engine, before the screen opens.
    """
    from loopviz.lab.catalogue import FIRST, builtin_folder  # noqa: PLC0415

    said = {name for name in os.environ if name.startswith("LOOPVIZ_")} - NO_OPTIONS
    match words:
        case [] | ["run"] if not said:
            return FIRST
        case ["run", name] if not said and name.isidentifier() and name[0] != "_":
            return name if (builtin_folder() / f"{name}.py").is_file() else ""
    return ""


def _end(error: Exception, *, debug: bool) -> None:
    if isinstance(error, BrokenPipeError):  # `loopviz list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    sentence = str(error)
    if not isinstance(error, LoopvizError):
        sentence = f"internal error ({type(error).__name__}: {error}): see where with --debug."
    traced = "".join(traceback.format_exception(error))
    output = "".join(f"{line}\n" for line in getattr(error, "output", ()))
    sys.stderr.write(traced if debug else f"{output}loopviz: {clean(sentence)}\n")
    sys.exit(error.exit_code if isinstance(error, LoopvizError) else 1)
