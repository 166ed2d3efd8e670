"""The keymap, and how keys are written: as people read them, and as Textual names them."""

import string
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise

__all__ = ["Keymap", "as_read", "as_textual", "known_key"]

_SHORT_NAMES = {"hyphen_minus": "minus", "plus_sign": "plus", "solidus": "slash"}
_SHORT_NAMES |= {"reverse_solidus": "backslash", "commercial_at": "at", "low_line": "underscore"}


def _name_of(sign: str) -> str:
    name = unicodedata.name(sign).lower().replace(" ", "_").replace("-", "_")
    return _SHORT_NAMES.get(name, name)


_NAME_OF_SIGN = {sign: _name_of(sign) for sign in string.punctuation}
_SIGN_OF_NAME = {name: sign for sign, name in _NAME_OF_SIGN.items()}
_TEXTUAL_OF_WORD = {
    "esc": "escape",
    "pgdn": "pagedown",
    "pgup": "pageup",
    "del": "delete",
    "return": "enter",
}
_WORD_OF_TEXTUAL = {name: word for word, name in _TEXTUAL_OF_WORD.items()} | {"enter": "enter"}
_NAMED_KEYS = {"space", "enter", "escape", "tab", "backspace", "delete", "insert", "home", "end"}
_NAMED_KEYS |= {"up", "down", "left", "right", "pageup", "pagedown"} | {
    f"f{n}" for n in range(1, 13)
}
_MODIFIERS = ("ctrl", "shift", "alt", "super")


def as_textual(key: str) -> str:
    """`?` is `question_mark`, `esc` is `escape`; what Textual calls so already stays."""
    before, plus, last = key[:-1].rpartition("+")
    last += key[-1:]
    return before + plus + (_NAME_OF_SIGN.get(last) or _TEXTUAL_OF_WORD.get(last, last))


def as_read(key: str) -> str:
    """`question_mark` is `?`, `escape` is `esc`."""
    before, plus, last = as_textual(key).rpartition("+")
    return before + plus + (_SIGN_OF_NAME.get(last) or _WORD_OF_TEXTUAL.get(last, last))


def known_key(key: str) -> bool:
    """True if there is a key that is written like this."""
    *modifiers, last = as_textual(key).split("+")
    simple = last in _SIGN_OF_NAME or last in _NAMED_KEYS or (len(last) == 1 and last.isprintable())
    return simple and last != " " and all(word in _MODIFIERS for word in modifiers)


class Keymap:
    """Actions by key, and keys by action."""

    def __init__(self, keys: Mapping[str, Sequence[str]]) -> None:
        """`keys`: of each action by its name, written either way; the first is its label."""
        self._labels = {name: as_read(own[0]) for name, own in keys.items() if own}
        self._names = {
            each: name for name, own in keys.items() for key in own for each in key_variants(key)
        }

    def name(self, key: str) -> str | None:
        """The action that Textual's key means."""
        return self._names.get(key)

    def label(self, *names: str) -> str:
        """Their keys as people read them: `q`, `j k`, `1-6`; empty: there are none."""
        keys = [self._labels[name] for name in names if name in self._labels]
        run = len(keys) > 3 and all(len(key) == 1 for key in keys)
        run = run and all(ord(b) - ord(a) == 1 for a, b in pairwise(keys))
        return f"{keys[0]}-{keys[-1]}" if run else " ".join(keys)


def key_variants(key: str) -> tuple[str, ...]:
    """A capital letter is sent in two ways, as the terminal has it."""
    key = as_textual(key)
    return (key, f"shift+{key.lower()}") if len(key) == 1 and key.isupper() else (key,)
