"""The two runs that `loopviz compare` puts side by side."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from loopviz.cli.given import measured
from loopviz.errors import UsageError
from loopviz.lab.catalogue import catalogue, check_fixes, find
from loopviz.options import RunOptions
from loopviz.program.target import TargetWords
from loopviz.program.versions import versions
from loopviz.report.document import Report

__all__ = ["compared"]


def compared(
    words: TargetWords, fixes: Sequence[str], folders: Sequence[Path], options: RunOptions
) -> tuple[Report, Report]:
    """The reports of a scenario's bug and fix, or of two versions of an app. Raises UsageError."""
    target = words.target
    if target is not None and target in {entry.id for entry in catalogue(options.folders)}:
        return _scenario(target, words, fixes, folders, options)
    if target is not None and not folders and target.isidentifier():
        find(target, options.folders)  # raises: there is no such scenario
    if fixes:
        raise UsageError(f"--fix is for scenarios: {target} is a program of your own.")
    pair = versions(words, folders, options)
    before, after = (
        measured(app, options, label=str(folder)) for app, folder in zip(pair, folders, strict=True)
    )
    return before | {"app_dir": str(folders[0])}, after | {"app_dir": str(folders[1])}


def _scenario(
    name: str,
    words: TargetWords,
    fixes: Sequence[str],
    folders: Sequence[Path],
    options: RunOptions,
) -> tuple[Report, Report]:
    words.refuse_for_scenario(name, more=(("--app-dir", folders),))
    info = find(name, options.folders)
    if not fixes:
        known = ", ".join(f"--fix {known.key}" for known in info.fixes)
        raise UsageError(f"compare needs a fix to compare the bug with: {known}.")
    check_fixes(info, fixes)
    before, after = (
        measured(name, replace(options, fixes=on), label=" + ".join(on) or "no fix")
        for on in ((), tuple(fixes))
    )
    return before, after
