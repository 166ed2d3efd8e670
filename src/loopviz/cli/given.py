"""What the words of a command line mean, and where its report goes: what several commands share."""

import sys
from collections.abc import Callable
from pathlib import Path

import typer

from loopviz.errors import UsageError
from loopviz.lab.catalogue import FIRST
from loopviz.options import RunOptions
from loopviz.output import clean
from loopviz.program import Program
from loopviz.program.target import TargetWords, resolve
from loopviz.report.document import Report
from loopviz.report.renderers import Renderer, renderer

__all__ = ["as_words", "deliver", "folders_of", "measured", "target_of", "target_words"]


def target_of(
    context: typer.Context,
    target: str | None,
    options: RunOptions,
    *,
    load: list[str] | None,
    header: list[str] | None,
    body: str | None,
    python: str | None,
    port: int | None,
) -> str | Program:
    """A scenario's id, or a program. Raises UsageError."""
    words = target_words(
        context, target, load=load, header=header, body=body, python=python, port=port
    )
    return resolve(words, options)


def target_words(
    context: typer.Context,
    target: str | None,
    *,
    load: list[str] | None,
    header: list[str] | None,
    body: str | None,
    python: str | None,
    port: int | None,
) -> TargetWords:
    """What the command line says of the target; without one it is the first scenario."""
    return TargetWords(
        target=FIRST if target is None and context.obj is None else target,
        rest=tuple(context.args),
        command=context.obj,
        load=None if load is None else tuple(load),
        headers=tuple(header or ()),
        body=body,
        python=python,
        port=port,
    )


def as_words(options: RunOptions) -> list[str]:
    """The options as `loopviz run` takes them, but for the port: each run takes a free one."""
    words = [f"--fix={key}" for key in options.fixes]
    words += [f"--rate={options.rate}", f"--seed={options.seed}"]
    return [*words, *(f"--scenarios={folder.absolute()}" for folder in options.folders)]


def measured(target: str | Program, options: RunOptions, *, label: str) -> Report:
    """Run without a screen, with a progress line if standard error is a terminal."""
    from loopviz.engine.headless import measure  # noqa: PLC0415

    if not sys.stderr.isatty():
        return measure(target, options)
    terminal = sys.__stderr__  # the bar's own escape sequences are meant
    steps = int((options.duration_s or 0) * 10)
    with typer.progressbar(length=steps, label=clean(label), file=terminal) as bar:
        return measure(
            target, options, progress=lambda seconds: bar.update(int(seconds * 10) - bar.pos)
        )


def deliver(render: Callable[[Renderer], str], printed: Renderer, json_path: str | None) -> None:
    """Print the report, and write it to the path as JSON; `-`: print it as JSON."""
    if json_path == "-":
        printed, json_path = renderer("json"), None
    typer.echo(render(printed))
    if json_path is None:
        return
    try:
        Path(json_path).write_text(render(renderer("json")) + "\n")
    except OSError as error:
        raise UsageError(
            f"The report cannot be written to {json_path} ({error.strerror}): "
            "name a file in a folder that exists, or - for standard output."
        ) from error


def folders_of(scenarios: list[Path] | None) -> tuple[Path, ...]:
    for folder in scenarios or []:
        if not folder.is_dir():
            raise UsageError(f"--scenarios {folder} is no folder: name one with scenario files.")
    return tuple(scenarios or ())
