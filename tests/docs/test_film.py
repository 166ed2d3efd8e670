"""The README's animation and the page of pictures, in small."""

import re
from pathlib import Path

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

DOCS = Path(__file__).parents[2] / "docs"


def frame(*rows):
    return [Strip([Segment(row, Style())]) for row in rows]


def test_a_row_is_stored_once_for_as_long_as_it_stays(docs_script):
    film = docs_script("film").film
    svg = film(
        [(0.0, frame("same", "one")), (1.0, frame("same", "two")), (2.0, frame("same", "two"))],
        4.0,
        "#cccccc",
        "#000000",
    )
    assert [svg.count(word) for word in ("same", ">one<", ">two<")] == [1, 1, 1]
    assert '<g class="f0"><text x="0" y="28" textLength="24">one</text></g>' in svg
    assert "@keyframes f0{0%{visibility:visible}25.00%{visibility:hidden}}" in svg
    assert ".f0{animation:f0 4s step-end infinite}" in svg  # seen where nothing moves
    assert "@keyframes f1{0%{visibility:hidden}25.00%{visibility:visible}}" in svg
    assert ".f1{visibility:hidden;animation:f1 4s" in svg


def test_the_page_is_current_and_shows_every_view(docs_script):
    docs_script("film")
    screenshots = docs_script("screenshots")
    page = (DOCS / "screens.md").read_text()
    assert page == screenshots.page()
    named = set(re.findall(r"images/[a-z0-9-]+\.svg", page))
    assert len(named) == (len(screenshots.VIEWS) * 3 + 1) * 2 * 2  # and the tree of waits
    assert not [path for path in named if not (DOCS / path).exists()]
    sizes = [path.stat().st_size for path in (DOCS / "images").glob("*.svg")]
    assert sum(sizes) < 4_500_000
