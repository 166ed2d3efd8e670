"""The table of keys as `loopviz keys` prints it."""

from collections.abc import Iterator

from loopviz.cli import config
from loopviz.output import clean
from loopviz.tui.state.key_help import TITLES, key_help

__all__ = ["key_lines"]


def key_lines() -> Iterator[str]:
    """By what they are for; then the file with one's own."""
    settings, path = config.load(), config.config_path()
    group = ""
    for row in key_help(settings.keys):
        if row.group != group:
            yield ("\n" if group else "") + TITLES[row.group].upper()
            group = row.group
        shown = ", ".join(" ".join(own) or "(none)" for own in row.keys)
        yield f"{shown:24} {row.text}\n{'':24} {' '.join(row.names)}"
    missing = "" if path.exists() else " (not there yet)"
    yield f"\nYour own: {clean(str(path))}{missing}, for example"
    yield '  theme = "light"\n  [keys]\n  zoom-in = ["+", "="]'
