"""The commands and their options."""

import os
from pathlib import Path
from typing import Annotated

import typer

import loopviz
from loopviz.cli.arguments import (
    AppDirs,
    Ascii,
    Duration,
    Fixes,
    Format,
    Fps,
    JsonPath,
    LoadBody,
    LoadHeaders,
    LoadWords,
    PagePort,
    Port,
    Present,
    PythonPath,
    Rate,
    Scenarios,
    Seed,
    TargetName,
    ThemeName,
)
from loopviz.cli.given import (
    as_words,
    deliver,
    folders_of,
    measured,
    target_of,
    target_words,
)
from loopviz.cli.listing import catalogue_lines, entry_fields
from loopviz.errors import UsageError
from loopviz.options import RunOptions
from loopviz.output import clean, to_json
from loopviz.report.renderers import renderer

__all__ = ["app", "run_command"]

SCREENS = ("run", "attach", "open", "tour", "serve")
REPORTS = ("list", "bench", "compare", "new", "keys", "env", "doctor")
"""The commands, by the common options they take."""
PROGRAMS = ("run", "bench", "compare", "serve")
"""The commands that take a command of the user's own, behind `--`."""

app = typer.Typer(
    name="loopviz",
    help="See what an asyncio event loop does under concurrent load, live, in the terminal.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"loopviz {loopviz.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    _debug: Annotated[
        bool, typer.Option("--debug", envvar="LOOPVIZ_DEBUG", help="Show tracebacks.")
    ] = False,
    scenarios: Scenarios = None,
    ascii_only: Ascii = None,
    theme: ThemeName = None,
    fps: Fps = None,
    present: Present = None,
) -> None:
    """Without a command: the terminal UI, with the first scenario already running."""
    if context.invoked_subcommand is None:
        run(
            context,
            scenarios=scenarios,
            ascii_only=ascii_only,
            theme=theme,
            fps=fps,
            present=present,
        )
        return
    folders = {"scenarios": scenarios}
    display = {"ascii_only": ascii_only, "theme": theme, "fps": fps, "present": present}
    context.default_map = {
        **dict.fromkeys(REPORTS, folders),
        **dict.fromkeys(SCREENS, folders | display),
    }


PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Words that are not loopviz's own are for uvicorn, or for the program."""


@app.command(context_settings=PASSED_ON)
def run(
    context: typer.Context,
    target: TargetName = None,
    fix: Fixes = None,
    rate: Rate = 1.0,
    seed: Seed = 0,
    port: Port = None,
    load: LoadWords = None,
    header: LoadHeaders = None,
    body: LoadBody = None,
    python: PythonPath = None,
    scenarios: Scenarios = None,
    ascii_only: Ascii = None,
    theme: ThemeName = None,
    fps: Fps = None,
    present: Present = None,
) -> None:
    """Open the terminal UI on TARGET: a scenario, with those fixes on, or a program of your own.

    loopviz run package.module:app [UVICORN'S OPTIONS], or loopviz run -- COMMAND.
    """
    from loopviz.cli import open_tui  # noqa: PLC0415 - a report needs no Textual

    options = RunOptions(
        folders=folders_of(scenarios),
        fixes=tuple(fix or ()),
        rate=rate,
        seed=seed,
        port=port or 0,
    )
    found = target_of(
        context, target, options, load=load, header=header, body=body, python=python, port=port
    )
    open_tui.show(found, options, ascii_only=ascii_only, theme=theme, fps=fps, present=present)


@app.command()
def attach(
    pid: Annotated[
        int | None, typer.Argument(metavar="[PID]", help="The process; without it, a list.")
    ] = None,
    load: LoadWords = None,
    header: LoadHeaders = None,
    body: LoadBody = None,
    scenarios: Scenarios = None,
    ascii_only: Ascii = None,
    theme: ThemeName = None,
    fps: Fps = None,
    present: Present = None,
) -> None:
    """Open the terminal UI on a process that runs already; its end leaves that as it was.

    Python 3.14 and newer as they are, older ones if they were started as `loopviz env` says.
    """
    from loopviz.cli import open_tui, processes  # noqa: PLC0415
    from loopviz.program.load import read_load  # noqa: PLC0415
    from loopviz.program.program import running  # noqa: PLC0415

    program = running(
        processes.chosen() if pid is None else pid, read_load(load or (), header or (), body)
    )
    options = RunOptions(folders=folders_of(scenarios))
    open_tui.show(program, options, ascii_only=ascii_only, theme=theme, fps=fps, present=present)


@app.command("open")
def open_(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What loopviz.install(path=…) writes to.")
    ],
    scenarios: Scenarios = None,
    ascii_only: Ascii = None,
    theme: ThemeName = None,
    fps: Fps = None,
    present: Present = None,
) -> None:
    """Open the terminal UI on a recording, while it grows or after the program's end."""
    from loopviz.cli import open_tui  # noqa: PLC0415
    from loopviz.program.program import recorded  # noqa: PLC0415

    options = RunOptions(folders=folders_of(scenarios))
    shown = recorded(folder)
    open_tui.show(shown, options, ascii_only=ascii_only, theme=theme, fps=fps, present=present)


@app.command()
def env(
    scenarios: Scenarios = None,  # noqa: ARG001 - every command takes it
) -> None:
    """Print the variables of a program that can be attached to: env $(loopviz env) COMMAND."""
    from loopviz.engine.program_run import attachable_environment  # noqa: PLC0415

    for name, value in attachable_environment(os.environ).items():
        typer.echo(f"{name}={value}")


@app.command()
def tour(
    restart: Annotated[bool, typer.Option("--restart", help="From the first lesson on.")] = False,
    scenarios: Scenarios = None,
    ascii_only: Ascii = None,
    theme: ThemeName = None,
    fps: Fps = None,
    present: Present = None,
) -> None:
    """Go through the lessons one by one, from where you left: watch, guess, fix, compare."""
    from loopviz.cli import open_tui  # noqa: PLC0415
    from loopviz.cli.progress import ProgressFile, progress_path  # noqa: PLC0415
    from loopviz.lab.catalogue import catalogue, lessons_that_ask  # noqa: PLC0415

    folders = folders_of(scenarios)
    lessons = lessons_that_ask(catalogue(folders))
    progress = ProgressFile(progress_path())
    begun = progress.tour(lessons, again=restart)
    open_tui.show(
        begun.lesson,
        RunOptions(folders=folders),
        ascii_only=ascii_only,
        theme=theme,
        fps=fps,
        present=present,
        progress=progress,
        tour=begun,
    )


@app.command(context_settings=PASSED_ON)
def serve(
    context: typer.Context,
    target: TargetName = None,
    port: PagePort = 0,
    fix: Fixes = None,
    rate: Rate = 1.0,
    seed: Seed = 0,
    load: LoadWords = None,
    header: LoadHeaders = None,
    body: LoadBody = None,
    python: PythonPath = None,
    scenarios: Scenarios = None,
    ascii_only: Ascii = None,
    theme: ThemeName = None,
    fps: Fps = None,
    present: Present = None,
) -> None:
    """Show the terminal UI in a browser on this machine, a run of TARGET for each tab."""
    from loopviz.cli import serve  # noqa: PLC0415

    options = RunOptions(
        folders=folders_of(scenarios), fixes=tuple(fix or ()), rate=rate, seed=seed
    )
    given = target_words(
        context, target, load=load, header=header, body=body, python=python, port=None
    )
    shown = serve.display_words(ascii_only, theme, fps, present)
    serve.serve(given, [*as_words(options), *shown], options, port=port)


@app.command()
def keys() -> None:
    """Show what the keys do, and the file that can change them."""
    from loopviz.cli.key_list import key_lines  # noqa: PLC0415

    for line in key_lines():
        typer.echo(line)


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    scenarios: Scenarios = None,
) -> None:
    """Show the catalogue by what it is about: id, title, lesson, fixes."""
    from loopviz.lab.catalogue import catalogue  # noqa: PLC0415 - commands import what they use

    entries = catalogue(folders_of(scenarios))
    if as_json:
        typer.echo(to_json([entry_fields(entry) for entry in entries]))
        return
    for line in catalogue_lines(entries):
        typer.echo(clean(line))


@app.command(context_settings=PASSED_ON)
def bench(
    context: typer.Context,
    target: TargetName = None,
    fix: Fixes = None,
    duration: Duration = 10.0,
    rate: Rate = 1.0,
    seed: Seed = 0,
    port: Port = None,
    load: LoadWords = None,
    header: LoadHeaders = None,
    body: LoadBody = None,
    python: PythonPath = None,
    json_path: JsonPath = None,
    format_: Format = "text",
    scenarios: Scenarios = None,
) -> None:
    """Run TARGET without a screen and report; a program that ends by itself, until then."""
    printed = renderer(format_)
    options = RunOptions(
        folders=folders_of(scenarios),
        fixes=tuple(fix or ()),
        rate=rate,
        seed=seed,
        port=port or 0,
        duration_s=duration,
    )
    if target is None and context.obj is None:
        raise typer.BadParameter("It is missing: name one.", context, param_hint="TARGET")
    found = target_of(
        context, target, options, load=load, header=header, body=body, python=python, port=port
    )
    report = measured(found, options, label=found if isinstance(found, str) else found.id)
    deliver(lambda renderer: renderer.report(report), printed, json_path)


@app.command(context_settings=PASSED_ON)
def compare(
    context: typer.Context,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="A scenario's id, or package.module:app.",
            show_default=False,
        ),
    ] = None,
    fix: Fixes = None,
    app_dir: AppDirs = None,
    duration: Duration = 10.0,
    rate: Rate = 1.0,
    seed: Seed = 0,
    port: Port = None,
    load: LoadWords = None,
    header: LoadHeaders = None,
    body: LoadBody = None,
    python: PythonPath = None,
    json_path: JsonPath = None,
    format_: Format = "text",
    scenarios: Scenarios = None,
) -> None:
    """Run a scenario's bug, then its fix, under the same arrivals, and show both.

    Of a program of your own two versions: package.module:app --app-dir OLD --app-dir NEW.
    """
    from loopviz.cli.comparing import compared  # noqa: PLC0415

    printed = renderer(format_)
    options = RunOptions(
        folders=folders_of(scenarios), rate=rate, seed=seed, port=port or 0, duration_s=duration
    )
    if target is None and context.obj is None:
        raise typer.BadParameter("It is missing: name one.", context, param_hint="TARGET")
    words = target_words(
        context, target, load=load, header=header, body=body, python=python, port=port
    )
    before, after = compared(words, tuple(fix or ()), tuple(app_dir or ()), options)
    deliver(lambda renderer: renderer.comparison(before, after), printed, json_path)


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new scenario's id.")],
    scenarios: Scenarios = None,
) -> None:
    """Write NAME.py, a scenario to start from, into the folder (here, without --scenarios)."""
    from loopviz.cli.listing import new_lines  # noqa: PLC0415

    for line in new_lines(name, (folders_of(scenarios) or (Path(),))[0]):
        typer.echo(clean(line))


@app.command()
def doctor() -> None:
    """Say what works on this machine, and what to do about the rest."""
    from loopviz.cli.doctor import lines  # noqa: PLC0415

    for line in lines():
        typer.echo(clean(line))


def run_command(words: list[str]) -> None:
    """Run one command. Raises what the command raises, and SystemExit for wrong usage."""
    if words and words[0].isidentifier() and words[0] not in SCREENS + REPORTS:
        known = ", ".join(SCREENS + REPORTS)
        raise UsageError(
            f"There is no command {words[0]!r} (there are: {known}): "
            f"to open a scenario, say `loopviz run {words[0]}`."
        )
    command = None
    if "--" in words and any(name in words[: words.index("--")] for name in PROGRAMS):
        at = words.index("--")
        words, command = words[:at], tuple(words[at + 1 :])
    typer.main.get_command(app).main(words, prog_name="loopviz", obj=command)
