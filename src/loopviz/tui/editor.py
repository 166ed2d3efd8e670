"""The editor and the screenshot's file: what reaches beyond the screen."""

import os
import shlex
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from loopviz.model.snapshot import Location

__all__ = ["Editor", "openable_place", "run_editor", "save_svg", "start_detached"]

PLUS_LINE = {"vi", "vim", "nvim", "view", "gvim", "nano", "pico", "emacs", "emacsclient", "kak"}
PLUS_LINE |= {"joe", "jed", "ne", "mg", "micro", "vis", "gedit", "xed", "mousepad"}
COLON_LINE = {"hx", "helix", "zed", "zeditor", "subl"}
GOTO_OPTION = {"code", "code-insiders", "codium", "vscodium", "cursor", "windsurf", "positron"}
LINE_OPTION = {"kate", "idea", "pycharm", "charm", "mate"}
"""Editors, by how they take a line: `+7 FILE`, `FILE:7`, `-g FILE:7`, `--line 7 FILE`."""

OWN_WINDOW = GOTO_OPTION | LINE_OPTION | {"gvim", "gedit", "xed", "mousepad"}
OWN_WINDOW |= {"zed", "zeditor", "subl"}
"""Editors with a window of their own."""


def openable_place(location: Location) -> str:
    """`scenarios/block.py:42`: as short as it can be opened from here."""
    path = Path(location.path or location.file)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{location.line}"


class Editor:
    """The person's editor."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Takes $VISUAL, or else $EDITOR."""
        setting = environment.get("VISUAL") or environment.get("EDITOR") or ""
        try:
            self._words = shlex.split(setting)
        except ValueError:
            self._words = setting.split()
        self.name = Path(self._words[0]).name if self._words else ""
        """Empty: none is set."""
        self.window = self.name in OWN_WINDOW
        """It has a window of its own, and so does not need the terminal."""

    def command(self, path: str, line: int) -> list[str]:
        """The command that opens the file at the line; at its top if the editor is unknown."""
        if self.name in PLUS_LINE:
            place = [f"+{line}", path]
        elif self.name in COLON_LINE:
            place = [f"{path}:{line}"]
        elif self.name in GOTO_OPTION:
            place = ["-g", f"{path}:{line}"]
        elif self.name in LINE_OPTION:
            place = ["--line", str(line), path]
        else:
            place = [path]
        return [*self._words, *place]


def start_detached(command: list[str]) -> None:
    """Start a program with a window of its own, and let it be. Raises OSError."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    threading.Thread(target=process.wait, daemon=True).start()  # or it stays as a zombie


def run_editor(command: Sequence[str]) -> str:
    """Run a program in our terminal, to its end; what went wrong, or nothing to say."""
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        return f"{command[0]} cannot be started ({error.strerror}): see $VISUAL and $EDITOR."
    return f"{command[0]} ended with exit code {code}." if code > 0 else ""


def save_svg(svg: str, name: str) -> str:
    """Write a new file into the folder where we are, and say where; or why it cannot be."""
    for number in range(1, 100):
        path = Path.cwd() / (f"{name}.svg" if number == 1 else f"{name}-{number}.svg")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(svg)
        except FileExistsError:
            continue
        except OSError as error:
            why = error.strerror or os.strerror(error.errno or 0)
            return f"No screenshot: {path.parent} cannot be written to ({why})."
        return f"Saved {path}"
    return f"No screenshot: there are a hundred of {name} already."
