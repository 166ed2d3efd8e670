"""What the terminal shows, cell by cell, and the bytes that make it show something else.

A strip rendered for itself names both colours of each segment, resets after it, and is sent whole
when one cell of it has changed. Here only cells that differ are sent, with what differs between
one style and the next; what has moved to the left is moved by the terminal.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.color import ColorSystem
from textual.strip import Strip

from loopviz.tui.draw.sgr import Pens

__all__ = ["Placed", "ScreenCells", "Shift"]

Placed = tuple[int, int, Strip]
"""x, y, and what is to be there."""

Shift = tuple[int, int, int, int, int]
"""x, y, width, height of a region, and by how many cells its content has moved to the left."""

_UNKNOWN = -1
_STYLE_BITS, _CHARACTER = 32, 0xFFFFFFFF
_BLANK = 32
"""The character."""

SCROLL_GAIN = 3
"""A row is moved by the terminal if that many cells less have to be sent."""


class ScreenCells:
    """The cells of a terminal with this many colours.

    A cell is one number: its character, and above that its pen. A strip with characters that are
    not one cell wide is sent whole, since terminals differ in where they put what follows: all its
    cells have one number, which no other strip has.
    """

    def __init__(self, depth: ColorSystem) -> None:
        self._pens = Pens(depth)
        self._shown = self._wanted = np.empty((0, 0), np.int64)
        self._narrow: set[str] = set()
        """Characters that are known to be one cell wide."""
        self._odd: dict[tuple[int, int], tuple[int, Strip]] = {}
        """Strips that are sent whole, and their numbers, by where they begin."""
        self._last_odd = _UNKNOWN

    def forget(self, width: int, height: int) -> None:
        """From now on the terminal has this size, and nobody knows what it shows."""
        self._shown = np.full((height, width), _UNKNOWN, np.int64)
        self._wanted = np.full((height, width), _BLANK, np.int64)
        self._odd.clear()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self._shown.shape
        return width, height

    def paint(self, placed: Iterable[Placed], shift: Shift | None = None) -> str:
        """What to send so that these strips are where they are to be; the rest stays.

        The terminal's pen must be as after a reset, and is so afterwards.
        """
        self._put(placed)
        moved = self._move(shift) if shift is not None else ""
        written = self._write()
        return f"{moved}{written}\x1b[m" if moved or written else ""

    def _put(self, placed: Iterable[Placed]) -> None:
        """Note what is wanted: in one array for all strips, since calls of numpy's are dear."""
        width, height = self.size
        placed = [  # a terminal that has become smaller does not show all
            (x, y, strip) for x, y, strip in placed if y < height and x + strip.cell_length <= width
        ]
        if not self._all_narrow("".join([text for _, _, strip in placed for text, _, _ in strip])):
            odd = [each for each in placed if not self._all_narrow(each[2].text)]
            placed = [each for each in placed if self._all_narrow(each[2].text)]
            for x, y, strip in odd:
                self._put_odd(x, y, strip)
        segments = [segment for _, _, strip in placed for segment in strip]
        texts = [text for text, _, _ in segments]
        pens = self._pens.numbers([style for _, style, _ in segments])
        characters = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32).astype(np.int64)
        each_pen = np.repeat(np.array(pens, np.int64), list(map(len, texts)))
        blanks = np.array(self._pens.blanks, np.int64)
        each_pen = np.where(characters == _BLANK, blanks[each_pen], each_pen)
        cells = characters | (each_pen << _STYLE_BITS)
        at = 0
        for x, y, strip in placed:
            count = strip.cell_length
            self._wanted[y, x : x + count] = cells[at : at + count]
            at += count

    def _all_narrow(self, text: str) -> bool:
        if self._narrow.issuperset(text):
            return True
        unknown = set(text) - self._narrow
        self._narrow |= {c for c in unknown if c.isprintable() and cell_len(c) == 1}
        return self._narrow.issuperset(text)

    def _put_odd(self, x: int, y: int, strip: Strip) -> None:
        number, before = self._odd.get((x, y), (_UNKNOWN, None))
        if strip != before:
            number = self._last_odd = self._last_odd - 1
            self._odd[x, y] = number, strip
        self._wanted[y, x : x + strip.cell_length] = number

    def _move(self, shift: Shift) -> str:
        """Let the terminal move the rows of the region for which that saves something."""
        x, y, width, height, by = shift
        shown = self._shown[y : y + height, x : x + width]
        wanted = self._wanted[y : y + height, x : x + width]
        if not 0 < by < width or shown.shape != (height, width):
            return ""
        moved = np.full_like(shown, _UNKNOWN)
        moved[:, :-by] = shown[:, by:]
        gain = (shown != wanted).sum(axis=1) - (moved != wanted).sum(axis=1)
        even = (self._shown[y : y + height, x:] >= 0).all(axis=1)
        rows = np.flatnonzero((gain >= SCROLL_GAIN) & even)
        shown[rows] = moved[rows]
        back = x + width - by
        insert = f"\x1b[{{}};{back + 1}H\x1b[{by}@" if back + by < self.size[0] else ""
        return "".join(
            f"\x1b[{row};{x + 1}H\x1b[{by}P{insert.format(row)}" for row in (rows + y + 1).tolist()
        )

    def _write(self) -> str:
        """Send the cells that differ, and know them as shown."""
        wanted = self._wanted.ravel()
        places = np.flatnonzero(self._shown.ravel() != wanted)
        if not len(places):
            return ""
        self._shown[:] = self._wanted
        cells = wanted[places]
        if cells.min() >= 0:
            return self._write_even(places, cells)
        odd = self._write_odd(set(cells[cells < 0].tolist()))
        even = cells >= 0
        return odd + (self._write_even(places[even], cells[even]) if even.any() else "")

    def _write_even(self, places: NDArray[np.int64], cells: NDArray[np.int64]) -> str:
        width = self.size[0]
        pens, blank, text = self._split(cells)
        turns = (np.diff(places) != 1) | (np.diff(pens) != 0) | (places[1:] % width == 0)
        starts = np.flatnonzero(np.concatenate(([True], turns)))
        pieces = zip(
            starts.tolist(),
            [*starts[1:].tolist(), len(text)],
            places[starts].tolist(),
            pens[starts].tolist(),
            np.logical_and.reduceat(blank, starts).tolist(),
            strict=True,
        )
        sent: list[str] = []
        change = self._pens.change
        pen, cursor = 0, -1
        for start, end, place, wanted_pen, is_blank in pieces:
            if place != cursor:
                sent.append(self._go(cursor, place))
            sequence, pen = change(pen, wanted_pen, blank=is_blank)
            sent.append(sequence)
            sent.append(text[start:end])
            cursor = place + end - start
            if cursor % width == 0:
                cursor = -1  # after the last column a terminal's cursor is in neither row
        return "".join(sent)

    def _split(self, cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_], str]:
        """Their pens, which are blank, and their text.

        A blank has the pen of what is before it, if it looks the same with that.
        """
        pens = cells >> _STYLE_BITS
        characters = (cells & _CHARACTER).astype(np.uint32)
        blank = characters == _BLANK
        before = np.maximum.accumulate(np.where(blank, 0, np.arange(len(cells))))
        fitting = np.array(self._pens.blanks)[pens[before]] == pens
        pens = np.where(blank & fitting, pens[before], pens)
        return pens, blank, characters.tobytes().decode("utf-32-le")

    def _go(self, cursor: int, place: int) -> str:
        """Move the cursor from one place to the other; -1: from anywhere."""
        row, column = divmod(place, self.size[0])
        if 0 <= cursor < place and cursor // self.size[0] == row:
            return f"\x1b[{place - cursor}C"
        return f"\x1b[{row + 1};{column + 1}H" if column else f"\x1b[{row + 1}H"

    def _write_odd(self, numbers: set[int]) -> str:
        sent: list[str] = []
        for (x, y), (number, strip) in self._odd.items():
            if number in numbers:
                sent.append(f"\x1b[{y + 1};{x + 1}H")
                pen = 0
                for text, style, _ in strip:
                    sequence, pen = self._pens.change(pen, self._pens.number(style), blank=False)
                    sent.append(sequence + text)
                sent.append("\x1b[m")
        return "".join(sent)
