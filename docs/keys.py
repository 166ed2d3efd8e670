"""`python docs/keys.py`: write `keys.md` from the table of actions."""

from collections.abc import Iterator
from pathlib import Path

from loopviz.tui.state.action import GROUPS
from loopviz.tui.state.key_help import TITLES, key_help

PAGE = Path(__file__).with_name("keys.md")

BEGINNING = """\
# Keys

*Written by `python docs/keys.py` from the table that the bindings, the footer, the help (`?`) and
the command palette (`ctrl+p`) use, too: edit `src/loopviz/tui/state/actions.py`, not this page.*

The footer names the keys that matter now. `loopviz keys` prints this table with your own keys.
"""

END = """\
## Your own

`loopviz keys` says where the configuration file is (`LOOPVIZ_CONFIG` names another one).
Everything in it is optional; options and environment variables take precedence.

```toml
theme = "light"        # dark, light or contrast; without it, by the terminal's background
fps = 30               # frames per second, at most (15)
ascii = false          # true: no block glyphs

[keys]                 # by the action's name; a key or a list, the first of which is shown
down = ["n", "down"]
next-incident = "x"    # n is now for down
theme = []             # no key
```

A key is a letter, a sign, or a name: `space` `enter` `esc` `tab` `up` `down` `left` `right` `home`
`end` `pgup` `pgdn` `backspace` `delete` `insert` `f1` … `f12`; each may have the prefix `ctrl+`,
`alt+` or `shift+`. Footer, help, palette and every text on the screen show your keys.
`ctrl+c` always quits.
"""


def main() -> None:
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """The whole page."""
    return "\n".join([BEGINNING, *(line for group in GROUPS for line in section(group)), END])


def section(group: str) -> Iterator[str]:
    """The actions of one group."""
    yield from (f"## {TITLES[group]}", "", "| keys | do | actions |", "|---|---|---|")
    for row in key_help():
        if row.group == group:
            keys = ", ".join(" ".join(map(code, own)) for own in row.keys)
            yield f"| {keys} | {row.text} | {' '.join(map(code, row.names))} |"
    yield ""


def code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    main()
