"""What is sent for a picture shows the same cells as Textual's own rendering of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from loopviz.tui.draw.palette import theme_named
from loopviz.tui.draw.screen_cells import ScreenCells
from loopviz.tui.draw.text import Line
from tests.tui.emulator import Emulator, textuals_own

WIDTH, HEIGHT = 20, 3
DARK = theme_named("dark")
STYLES = [
    None,
    Style(),
    Style.parse("bold"),
    Style.parse("dim italic"),
    Style.parse("bold dim red"),
    Style.parse("reverse"),
    Style.parse("bold reverse blue on yellow"),
    Style.parse("underline strike"),
    Style.parse("bright_blue on default"),
    Style.parse("#86a7e3 on #101317"),
    Style.parse("#101317 on #86a7e3"),
    *(DARK.text, DARK.ready, DARK.bang, DARK.bar, DARK.title),
]

texts = st.text(st.sampled_from("ab█▓░ ─!  "), min_size=1, max_size=9)
odd_texts = st.lists(st.sampled_from(["a", " ", "█", "漢", "e\u0301"]), min_size=1, max_size=6).map(
    "".join
)
styles = st.sampled_from(STYLES)
depths = st.sampled_from([ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT, ColorSystem.STANDARD])


@st.composite
def rows(draw, width=WIDTH):
    """A strip, sometimes of characters that are not one cell wide."""
    line = Line(width - 1)
    for _ in range(draw(st.integers(0, 4))):
        line.add(draw(st.one_of(texts, texts, texts, odd_texts)), draw(styles) or Style())
    end = Segment(" ", draw(styles))  # in pyte an accent after the last column is on the next row
    return Strip([*line.strip(draw(styles) or Style()), end], width)


@st.composite
def pictures(draw):
    """Strips side by side, which cover the terminal."""
    placed = []
    for y in range(HEIGHT):
        cut = draw(st.sampled_from([0, 7, 13]))
        if cut:
            placed.append((0, y, draw(rows(cut))))
        placed.append((cut, y, draw(rows(WIDTH - cut))))
    return placed


shifts = st.one_of(
    st.none(), st.tuples(st.just(4), st.just(1), st.just(12), st.just(2), st.integers(0, 15))
)


@settings(max_examples=60)
@given(depths, st.lists(st.tuples(pictures(), shifts), min_size=1, max_size=3))
def test_any_pictures_one_after_the_other_look_as_textual_draws_them(depth, played):
    terminal, cells = Emulator(WIDTH, HEIGHT), ScreenCells(depth)
    cells.forget(WIDTH, HEIGHT)
    for placed, shift in played:
        terminal.feed(cells.paint(placed, shift))
        textual = Emulator(WIDTH, HEIGHT)
        textual.feed(textuals_own(placed, depth))
        assert terminal.cells == textual.cells
        assert terminal.pen == textual.pen


@settings(max_examples=40)
@given(depths, rows(), st.integers(1, 5), st.data())
def test_what_moves_to_the_left_looks_as_if_it_were_written(depth, row, by, data):
    after = Strip([*row.crop(by, WIDTH), Segment("x" * by, DARK.text)], WIDTH)
    after = data.draw(st.sampled_from([after, row]))
    terminal, cells = Emulator(WIDTH, 1), ScreenCells(depth)
    cells.forget(WIDTH, 1)
    terminal.feed(cells.paint([(0, 0, row)]))
    terminal.feed(cells.paint([(0, 0, after)], (0, 0, WIDTH, 1, by)))
    textual = Emulator(WIDTH, 1)
    textual.feed(textuals_own([(0, 0, after)], depth))
    assert terminal.cells == textual.cells


def painted(*lines, cells=None, shift=None):
    cells = cells or ScreenCells(ColorSystem.TRUECOLOR)
    if cells.size == (0, 0):
        cells.forget(WIDTH, len(lines))
    return cells.paint([(0, y, line) for y, line in enumerate(lines)], shift), cells


def line(*parts):
    made = Line(WIDTH)
    for text, style in parts:
        made.add(text, style)
    return made.strip(DARK.text)


def test_what_is_shown_is_not_sent_again():
    row = line(("GET /report", DARK.strong))
    _, cells = painted(row)
    assert painted(row, cells=cells)[0] == ""


def test_only_what_differs_is_sent():
    _, cells = painted(line(("p99 212 ms", DARK.text)))
    sent, _ = painted(line(("p99 215 ms", DARK.text)), cells=cells)
    assert sent == "\x1b[1;7H\x1b[38;2;205;210;216;48;2;16;19;23m5\x1b[m"


def test_a_blank_needs_no_foreground():
    """Blanks between words of several colours cost one byte each."""
    sent, _ = painted(line(("a ", DARK.good), ("b ", DARK.dim), ("c", DARK.dim)))
    assert sent.count("\x1b[") == 4  # where, two pens, and the reset
    assert sent.endswith(f"b c{' ' * (WIDTH - 5)}\x1b[m")


def test_one_colour_is_sent_if_the_other_stays():
    sent, _ = painted(line(("a", DARK.dim), ("b", DARK.faint)))
    assert sent.count("48;2;") == 1


def test_a_lane_that_moves_is_moved_by_the_terminal():
    lane = "─█▓▓▓!─█░░░░█──░░██"
    _, cells = painted(line((lane, DARK.waiting)))
    sent, _ = painted(
        line((f"{lane[2:]}──", DARK.waiting)), cells=cells, shift=(0, 0, len(lane), 1, 2)
    )
    assert sent.startswith("\x1b[1;1H\x1b[2P\x1b[1;18H\x1b[2@")
    assert sent.count("█") == sent.count("▓") == 0


def test_a_row_that_would_gain_nothing_stays():
    _, cells = painted(line(("─" * 10, DARK.waiting)))
    sent, _ = painted(line(("─" * 10, DARK.waiting)), cells=cells, shift=(0, 0, 10, 1, 2))
    assert sent == ""


@pytest.mark.parametrize("theme", ["sixteen", "none"])
def test_without_colours_none_are_sent(theme):
    theme = theme_named(theme)
    cells = ScreenCells(ColorSystem.STANDARD)
    cells.forget(WIDTH, 1)
    row = Line(WIDTH).add("a", theme.strong).add("b", theme.text).strip(theme.text)
    assert cells.paint([(0, 0, row)]).startswith("\x1b[1H\x1b[1ma\x1b[mb")


def test_a_name_that_changes_all_the_time_is_not_remembered_for_ever():
    cells = ScreenCells(ColorSystem.TRUECOLOR)
    cells.forget(WIDTH, 1)
    for number in range(50):
        cells.paint([(0, 0, line((f"漢{number}", DARK.text)))])
    assert len(cells._odd) == 1
