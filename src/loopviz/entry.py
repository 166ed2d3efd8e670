"""Where `loopviz` starts, and where every error becomes one sentence and an exit code."""

import os
import sys

from loopviz.errors import LoopvizError
from loopviz.signals import Interrupted, ignore_interrupts, raise_interrupts, was_interrupted

__all__ = ["main"]


def main() -> None:
    """Run what the command line says. Ends with SystemExit unless all is well."""
    words = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        try:
            raise_interrupts()
            _run(words)
        finally:
            ignore_interrupts()
    except Exception as error:
        if was_interrupted():
            raise Interrupted from error
        if "--debug" in sys.argv[1:] or os.environ.get("LOOPVIZ_DEBUG"):
            raise
        _end(error)
    except KeyboardInterrupt:
        sys.exit(130)


def _run(words: list[str]) -> None:
    if words or any(name.startswith("LOOPVIZ_") for name in os.environ):
        from loopviz import cli  # noqa: PLC0415 - the bare command comes up sooner without it

        cli.run_command(words)
    else:
        from loopviz import catalogue, screen  # noqa: PLC0415

        screen.show(catalogue.FIRST)


def _end(error: Exception) -> None:
    if isinstance(error, BrokenPipeError):  # `loopviz list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    if isinstance(error, LoopvizError):
        sys.stderr.write(f"loopviz: {error}\n")
        sys.exit(error.exit_code)
    said = f"{type(error).__name__}: {error}"
    sys.stderr.write(f"loopviz: a defect of loopviz ({said}): see where with --debug.\n")
    sys.exit(1)
