"""What a program said last, in one line: its exception, if it ended with one."""

import re
from collections.abc import Sequence

__all__ = ["address_in", "last_words"]

_TRACEBACK = "Traceback (most recent call last):"
_IN_USE = "address already in use"
_PORT = re.compile(r"\D(\d{2,5})\)?: address already in use", re.IGNORECASE)
_PLACE = re.compile(r'\s+File "(?P<file>[^"]+)", line (?P<line>\d+)')
_LEVEL = re.compile(r"^(ERROR|CRITICAL|WARNING|INFO):\s+")
_ADDRESS = re.compile(
    r"(?:running|listening|serving)\b.*?(https?://[\w.\[\]:-]+:\d+)", re.IGNORECASE
)


def last_words(lines: Sequence[str], folder: str = "") -> str:
    """The exception of the last traceback with its place, else the last error, else the last line.

    `folder`: paths below it are shown without it.
    """
    if in_use := next((line for line in lines if _IN_USE in line.lower()), ""):
        port = _PORT.search(in_use)
        words = f"port {port[1]} is in use" if port else _LEVEL.sub("", in_use)
        return f"{words}: choose another, with --port for example."
    starts = [number for number, line in enumerate(lines) if line.endswith(_TRACEBACK)]
    place = ""
    for line in lines[starts[-1] + 1 :] if starts else ():
        if found := _PLACE.match(line):
            place = f"{found['file'].removeprefix(folder.rstrip('/') + '/')}:{found['line']}"
        elif line[:1].strip():
            return f"{line} ({place})" if place else line
    errors = [line for line in lines if line.startswith(("ERROR", "CRITICAL"))]
    return _LEVEL.sub("", (errors or lines)[-1].strip()) if lines else ""


def address_in(lines: Sequence[str]) -> str:
    """The address at which a server says that it listens; empty if none does.

    uvicorn's is not taken: its hook knows, and says so when the app is up (`probe.servers`).
    """
    for line in lines:
        if "Uvicorn" not in line and (found := _ADDRESS.search(line)):
            return found[1].replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - is read
    return ""
