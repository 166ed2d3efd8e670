"""The keys with what they do: the rows of the tables in the terminal and in the docs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from loopviz.tui.state.action import GROUPS
from loopviz.tui.state.actions import ACTIONS
from loopviz.tui.state.keys import as_read

__all__ = ["TITLES", "KeyHelp", "key_help"]

TITLES = {
    "fixes": "Fixes",
    "views": "Views",
    "rows": "Rows",
    "time": "Time",
    "run": "What runs",
    "loopviz": "loopviz itself",
}
"""The groups' titles, in their order."""


class KeyHelp(NamedTuple):
    """The help of an action, or of several that share one."""

    names: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    """The keys of each action, as people read them."""
    text: str
    group: str


def key_help(own: Mapping[str, Sequence[str]] | None = None) -> Iterator[KeyHelp]:
    """Yield every key with what it does, group after group; `own` as in `make_keymap`."""
    keys = {action.name: action.keys for action in ACTIONS} | dict(own or {})
    for action in sorted(ACTIONS, key=lambda action: GROUPS.index(action.group)):
        if action.help:
            names = (action.name, *action.also)
            read = tuple(tuple(as_read(key) for key in keys[name]) for name in names)
            yield KeyHelp(names, read, action.help, action.group)
