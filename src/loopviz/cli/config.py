"""The user's configuration file: colours, frame rate and keys."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from loopviz.errors import UsageError
from loopviz.tui.state.actions import ACTIONS
from loopviz.tui.state.keys import as_textual, known_key
from loopviz.tui.state.view_state import THEMES
from loopviz.validation import Bound, fits, words

__all__ = ["Settings", "config_path", "load"]

_TYPES: dict[str, Any] = {"theme": Literal[THEMES], "fps": int, "ascii": bool, "present": bool}
_BOUNDS = {"fps": Bound("from 1 to 60", lambda fps: 1 <= fps <= 60)}
FIXED = "ctrl+c"
"""Always quits, so no action may have it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in the file. None, and an action that is missing in `keys`, is not set."""

    theme: str | None = None
    fps: int | None = None
    ascii: bool | None = None
    present: bool | None = None
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Keys by the name of the action; an empty tuple: the action has no key."""


def config_path() -> Path:
    """The file's path, whether or not it exists; LOOPVIZ_CONFIG names another."""
    if named := os.environ.get("LOOPVIZ_CONFIG"):
        return Path(named)
    import platformdirs  # noqa: PLC0415 - start-up counts

    return platformdirs.user_config_path("loopviz") / "config.toml"


def load() -> Settings:
    """The settings in the file; none without it. Raises UsageError with file, line and value."""
    path = config_path()
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        if os.environ.get("LOOPVIZ_CONFIG"):
            raise UsageError(f"LOOPVIZ_CONFIG names {path}, and there is no such file.") from error
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path} cannot be read ({why}): fix or remove it.") from error
    return _Reader(path, text).settings()


class _Reader:
    """Reads one file. Raises UsageError for its first error."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text = path, text

    def settings(self) -> Settings:
        found = self._parsed()
        for name, value in found.items():
            if name in _TYPES:
                self._check(name, value)
            elif name != "keys":
                raise self._wrong(
                    name,
                    f"{name} is not a setting: there are theme, fps, ascii, present and [keys].",
                )
        own = {name: found.get(name) for name in _TYPES}
        return Settings(**own, keys=self._keys(found.get("keys", {})))

    def _check(self, name: str, value: Any) -> None:
        bound = _BOUNDS.get(name)
        if not fits(value, _TYPES[name]) or (bound and not bound.holds(value)):
            must = words(_TYPES[name]) + (f" {bound.words}" if bound else "")
            raise self._wrong(name, f"{name} is {value!r}: say {must}.")

    def _parsed(self) -> dict[str, Any]:
        import tomllib  # noqa: PLC0415 - needed with a file only

        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            what, _, place = str(error).rstrip(")").partition(" (at ")
            where = f", {place.partition(',')[0]}" if place.startswith("line") else ""
            raise UsageError(
                f"{self._path}{where}: {what}; write it as TOML, key = value."
            ) from error

    def _keys(self, table: Any) -> dict[str, tuple[str, ...]]:
        if not isinstance(table, dict):
            raise self._wrong(
                "keys", f'keys is {table!r}: write a table, [keys] and below it help = "?".'
            )
        names = {action.name for action in ACTIONS}
        own = {}
        for name, value in table.items():
            if name not in names:
                raise self._wrong(name, f"{name} is not an action: `loopviz keys` names them all.")
            keys = [value] if isinstance(value, str) else value
            if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
                raise self._wrong(name, f"{name} is {value!r}: say a key, or a list of keys.")
            for key in keys:
                if not known_key(key) or as_textual(key) == FIXED:
                    hint = 'say a sign, a letter, or a name such as "space", "pgdn", "f5", "ctrl+o"'
                    raise self._wrong(name, f"{key!r} is not a key that {name} can have: {hint}.")
            own[name] = tuple(keys)
        self._check_meanings(own)
        return own

    def _check_meanings(self, own: dict[str, tuple[str, ...]]) -> None:
        """Raise UsageError for a key of two actions."""
        meant: dict[str, str] = {}
        for action in sorted(ACTIONS, key=lambda action: action.name in own):
            for key in own.get(action.name, action.keys):
                other = meant.setdefault(as_textual(key), action.name)
                if other != action.name:
                    raise self._wrong(
                        action.name,
                        f"{key!r} is the key of {other} already: give {other} another one.",
                    )

    def _wrong(self, name: str, why: str) -> UsageError:
        found = re.compile(rf"""\s*(\[\s*)?["']?{re.escape(name)}["']?\s*(=|\]|\.)""")
        lines = enumerate(self._text.splitlines(), 1)
        at = next((f", line {number}" for number, line in lines if found.match(line)), "")
        return UsageError(f"{self._path}{at}: {why}")
