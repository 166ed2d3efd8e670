"""What TARGET means: a scenario's id, an ASGI app, a file, a folder; or a command after `--`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loopviz.errors import UsageError
from loopviz.lab.catalogue import LoadInfo, catalogue
from loopviz.options import RunOptions
from loopviz.program.apps import app_in, file_in, importable
from loopviz.program.interpreter import interpreter
from loopviz.program.load import read_load
from loopviz.program.program import Program, program

__all__ = ["TargetWords", "resolve"]

_APP = re.compile(r"(?P<where>[^:]+):(?P<app>[A-Za-z_][\w.]*)(?P<factory>\(\))?")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetWords:
    """What the command line says of the target."""

    target: str | None
    """None: there is a command instead."""
    rest: tuple[str, ...] = ()
    """The words that are not loopviz's own: uvicorn's options, a script's arguments."""
    command: tuple[str, ...] | None = None
    """The words after `--`; None: there was none."""
    load: tuple[str, ...] | None = None
    headers: tuple[str, ...] = ()
    body: str | None = None
    python: str | None = None
    port: int | None = None

    def refuse_for_scenario(self, name: str, more: Sequence[tuple[str, object]] = ()) -> None:
        """Raises UsageError for words that are about programs only; `more`: options' names."""
        extra = [*self.rest, *(self.command or ())]
        if extra:
            raise UsageError(f"The scenario {name} takes no {extra[0]!r}: see loopviz run --help.")
        own = (
            *(("--load", self.load), ("--header", self.headers), ("--body", self.body)),
            *(("--python", self.python), *more),
        )
        for given, value in own:
            if value:
                raise UsageError(f"{given} is for programs of your own: {name} is a scenario.")


def resolve(words: TargetWords, options: RunOptions) -> str | Program:
    """The scenario's id, or the program. Raises UsageError."""
    if words.target is None:
        return _command(words, options)
    if words.target in {entry.id for entry in catalogue(options.folders)}:
        words.refuse_for_scenario(words.target)
        return words.target
    made = _app(words) or _file(words)
    if made is None:
        raise UsageError(_unknown(words.target, options))
    _no_fixes(options, words.target)
    name = words.target
    return program(name, made, _load(words))


def _command(words: TargetWords, options: RunOptions) -> Program:
    command = words.command or ()
    if not command:
        raise UsageError("No command follows the --: loopviz run -- python script.py.")
    _no_fixes(options, command[0])
    for given, value in (("--python", words.python), ("--port", words.port)):
        if value is not None:
            raise UsageError(
                f"{given} stands before a -- and would not reach the command: put it behind."
            )
    shown = [Path(command[0]).name, *command[1:]]
    return program(" ".join(shown), command, _load(words))


def _app(words: TargetWords) -> list[str] | None:
    """`package.module:app`, `module:factory()`, `path/to/file.py:app`."""
    assert words.target is not None
    match = _APP.fullmatch(words.target)
    if match is None:
        return None
    where, app, factory = match["where"], match["app"], bool(match["factory"])
    if where.endswith(".py"):
        file = Path(where)
        if not file.is_file():
            raise UsageError(f"There is no file {where}: name the one with the app {app}.")
        return _uvicorn(words, *importable(file), app, factory=factory)
    if _MODULE.fullmatch(where):
        return _uvicorn(words, None, where, app, factory=factory)
    return None


def _file(words: TargetWords) -> list[str] | None:
    """`path/to/file.py` with an app or without one, or a folder with an app."""
    assert words.target is not None
    path = Path(words.target)
    if path.is_dir():
        file = file_in(path)
        if file is None:
            raise UsageError(
                f"The folder {words.target} has no main.py, app.py, api.py or asgi.py: "
                "name the app, as in package.module:app."
            )
        app = app_in(file)
        if not app:
            raise UsageError(f"{file} makes no app at its top level: name it, as in {file}:app.")
        return _uvicorn(words, *importable(file), app)
    if path.suffix != ".py":
        return None
    if not path.is_file():
        raise UsageError(f"There is no file {words.target}.")
    app = app_in(path)
    if app:
        return _uvicorn(words, *importable(path), app)
    if words.port is not None:
        raise UsageError(f"{path} makes no app at its top level, so --port has no meaning for it.")
    return [interpreter(words.python), str(path), *_rest(words)]


def _uvicorn(
    words: TargetWords, folder: Path | None, module: str, app: str, *, factory: bool = False
) -> list[str]:
    command = [interpreter(words.python), "-m", "uvicorn"]
    command += ["--app-dir", str(folder)] if folder is not None else []
    command += ["--factory"] if factory else []
    command += ["--port", str(words.port)] if words.port is not None else []
    return [*command, f"{module}:{app}", *_rest(words)]


def _rest(words: TargetWords) -> Sequence[str]:
    return [*words.rest, *(words.command or ())]


def _load(words: TargetWords) -> tuple[LoadInfo, ...]:
    return read_load(words.load or ("none",), words.headers, words.body)


def _no_fixes(options: RunOptions, name: str) -> None:
    if options.fixes:
        raise UsageError(f"--fix is for scenarios: {name} is a program of your own.")


def _unknown(target: str, options: RunOptions) -> str:
    ids = ", ".join(entry.id for entry in catalogue(options.folders))
    return (
        f"There is no scenario {target!r}; there are: {ids}. For a program of your own name its "
        "app (package.module:app), a file, a folder, or a command after --."
    )
