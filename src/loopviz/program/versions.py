"""Two versions of an app, which `loopviz compare` runs one after the other."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from loopviz.errors import UsageError
from loopviz.options import RunOptions
from loopviz.program.program import Program
from loopviz.program.target import TargetWords, resolve

__all__ = ["versions"]


def versions(
    words: TargetWords, folders: Sequence[Path], options: RunOptions
) -> tuple[Program, Program]:
    """The app `words.target` from each of two folders, on a free port unless one is named.

    Raises UsageError.
    """
    name = words.target or " ".join(words.command or ())
    before, after = _pair(name, folders)
    apps = [resolve(_from(folder, words), options) for folder in (before, after)]
    old, new = (app for app in apps if isinstance(app, Program) and app.serves)
    return old, new


def _pair(name: str, folders: Sequence[Path]) -> Sequence[Path]:
    if len(folders) != 2:
        given = f"{len(folders)} given" if folders else "none given"
        raise UsageError(
            f"compare runs {name} from two folders ({given}): "
            "say --app-dir OLD --app-dir NEW, each with a version of it."
        )
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"--app-dir {folder} is no folder: name one with a version of {name}.")
    if folders[0].samefile(folders[1]):
        raise UsageError(f"Both --app-dir name {folders[0]}: name two folders.")
    return folders


def _from(folder: Path, words: TargetWords) -> TargetWords:
    """The words of a run of the version in that folder."""
    if words.command is not None:
        raise UsageError("compare takes no command after --: name an app, package.module:app.")
    if not words.load or words.load == ("none",):
        raise UsageError('compare needs requests to send: --load "GET / @ 20" for example.')
    if not _is_module(words.target or ""):
        raise UsageError(
            f"compare takes an app by its module, which both folders have (package.module:app); "
            f"{words.target} is none."
        )
    rest = ("--app-dir", str(folder), *words.rest)
    return replace(words, rest=rest, port=0 if words.port is None else words.port)


def _is_module(target: str) -> bool:
    where, _, app = target.partition(":")
    return bool(app) and all(part.isidentifier() for part in where.split("."))
