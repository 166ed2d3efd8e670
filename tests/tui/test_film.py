"""The README's animation and the page of pictures, in small."""

import importlib.util
import re
import sys
from pathlib import Path

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from loopviz.tui.look import VIEWS

DOCS = Path(__file__).parents[2] / "docs"


def script(name, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def frame(*rows):
    return [Strip([Segment(row, Style())]) for row in rows]


def test_a_row_is_stored_once_for_as_long_as_it_stays(monkeypatch):
    film = script("film", monkeypatch).film
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


def test_the_page_is_current_and_shows_every_view(monkeypatch):
    script("film", monkeypatch)
    page = (DOCS / "screens.md").read_text()
    assert page == script("screenshots", monkeypatch).page()
    named = set(re.findall(r"images/[a-z0-9-]+\.svg", page))
    assert len(named) == len(VIEWS) * 3 * 2 * 2
    assert not [path for path in named if not (DOCS / path).exists()]
    sizes = [path.stat().st_size for path in (DOCS / "images").glob("*.svg")]
    assert sum(sizes) < 4_500_000
