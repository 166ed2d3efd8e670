r"""Output for people and programs: text without control characters, JSON in ASCII.

Names, paths, exception texts and request data come from the watched programs, and a terminal
obeys the escape sequences in them. A character is unsafe if it is a control (C0, DEL, C1),
a format character (bidirectional controls, zero-width ones), a lone surrogate, private, unassigned,
or a line or paragraph separator. An unsafe character is shown as in a Python literal: `\x1b`,
`\u202e`.
"""

import io
import json
import re
import sys
import unicodedata
from functools import lru_cache
from typing import Any, TextIO

__all__ = [
    "CleanStream",
    "clean",
    "clean_lines",
    "clean_streams",
    "clean_values",
    "lowered",
    "to_json",
]

_ABBREVIATION = re.compile(r"\b(gil|cpu|i/o)\b")


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """The text as one line that is safe in a terminal; newlines become spaces."""
    return text if text.isprintable() else _escaped(text.replace("\n", " "))


def clean_lines(text: str) -> str:
    """The text with its newlines, each line safe in a terminal."""
    lines = text.split("\n")
    return "\n".join(line if line.isprintable() else _escaped(line) for line in lines)


def clean_values(value: Any) -> Any:
    """A copy of a JSON-ready value, with clean strings and keys."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean_values(key): clean_values(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [clean_values(one) for one in value]
    return value


def to_json(value: Any) -> str:
    """The value as indented JSON in printable ASCII."""
    return json.dumps(value, indent=2).replace("\x7f", "\\u007f")


class CleanStream(io.TextIOBase):
    """A text stream that escapes unsafe characters and writes to another stream.

    It has no `buffer`, so that nothing bypasses it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._file.encoding

    def write(self, text: str) -> int:
        self._file.write(clean_lines(text))
        return len(text)

    def flush(self) -> None:
        self._file.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._file.isatty()

    def fileno(self) -> int:
        return self._file.fileno()


def clean_streams() -> None:
    """Replace `sys.stdout` and `sys.stderr` with clean streams that can encode any text.

    `sys.__stdout__` and `sys.__stderr__` stay as they are, for output with escape sequences.
    """
    for name in ("stdout", "stderr"):
        file = getattr(sys, name)
        if isinstance(file, io.TextIOWrapper):
            file.reconfigure(errors="backslashreplace")
        if file is not None and not isinstance(file, CleanStream):
            setattr(sys, name, CleanStream(file))


def lowered(heading: str) -> str:
    """A heading in capitals as it stands in a sentence: `waiting for the GIL`."""
    return _ABBREVIATION.sub(lambda found: found[0].upper(), heading.lower())


def _escaped(line: str) -> str:
    """The line with tabs as spaces and unsafe characters as Python escapes."""
    return "".join(
        c
        if c.isprintable() or unicodedata.category(c) == "Zs"
        else c.encode("unicode_escape").decode("ascii")
        for c in line.replace("\t", "    ")
    )
