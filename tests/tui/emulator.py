"""A terminal of cells: what escape sequences put on a screen."""

import pyte
from rich.color import ColorSystem
from rich.console import Console
from textual.strip import Strip

NAMES = {
    ColorSystem.TRUECOLOR: "truecolor",
    ColorSystem.EIGHT_BIT: "256",
    ColorSystem.STANDARD: "standard",
}


class Emulator:
    """Feed it what is sent to a terminal; `cells` are what a person sees."""

    def __init__(self, width: int, height: int) -> None:
        self._screen = pyte.Screen(width, height)
        self._stream = pyte.Stream(self._screen)

    def feed(self, text: str) -> None:
        self._stream.feed(text)

    def resize(self, width: int, height: int) -> None:
        self._screen.resize(height, width)

    @property
    def cells(self) -> list[list[tuple]]:
        """Of a blank only what it looks like: it has no foreground, and is not bold."""
        screen = self._screen
        return [
            [seen(screen.buffer[y][x]) for x in range(screen.columns)] for y in range(screen.lines)
        ]

    @property
    def pen(self) -> tuple:
        """What the next character would look like."""
        return tuple(self._screen.cursor.attrs[1:])


def seen(cell: pyte.screens.Char) -> tuple:
    plain = not (cell.underscore or cell.reverse or cell.strikethrough)
    if cell.data == " " and plain:
        return " ", cell.bg
    return tuple(cell)


def textuals_own(placed: list[tuple[int, int, Strip]], depth: ColorSystem) -> str:
    """The same strips, each rendered whole and for itself, as Textual does."""
    console = Console(color_system=NAMES[depth], force_terminal=True)
    fresh = [(x, y, Strip(list(strip), strip.cell_length)) for x, y, strip in placed]
    for _, style, _ in (segment for _, _, strip in fresh for segment in strip):
        if style is not None:
            style._ansi = None  # where a style keeps its sequence, whatever the depth
    return "".join(f"\x1b[{y + 1};{x + 1}H{strip.render(console)}" for x, y, strip in fresh)
