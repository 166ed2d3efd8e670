"""The help and the docs' table: every key, every glyph, every word, in every view."""

import re

import pytest

from loopviz.tui.panels.legend import GLYPH_HELP
from loopviz.tui.state.key_help import key_help
from loopviz.tui.state.view_state import VIEWS
from tests.tui.stage import Stage, drive


def helped(*keys, size=(100, 40)):
    """All that the help says, read by scrolling."""
    rows: list[str] = []

    async def play(stage: Stage) -> None:
        await stage.press(*keys, "question_mark")
        for _ in range(15):
            text = stage.lines()
            rows.extend(line for line in text if line not in rows)
            await stage.press("pagedown")

    drive(play, size)
    return "\n".join(rows)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_help_names_every_key_and_glyph(size):
    text = helped(size=size)
    for row in key_help():
        assert row.keys[0][0] in text
        assert row.text[:30] in text
    for _, name, meaning in GLYPH_HELP:
        assert name in text
        assert meaning[:30] in text


def test_no_glyphs_meaning_is_cut():
    inside = [line.split("│")[1] for line in helped(size=(80, 24)).splitlines() if "│" in line]
    text = " ".join(" ".join(inside).split())
    for _, name, meaning in GLYPH_HELP:
        assert f"{name} {meaning}" in text


@pytest.mark.parametrize("place", range(len(VIEWS)))
def test_the_view_comes_first(place):
    async def play(stage: Stage) -> None:
        await stage.press(str(place + 1), "question_mark")
        inside = [line.split("│")[1].strip() for line in stage.lines() if line.count("│") > 1]
        view = stage.app.controller.view
        if view.HELP:
            assert inside[0] == f"THIS VIEW: {VIEWS[place][1].upper()}"
            assert inside[1].startswith(view.HELP[0][0][:16])
        else:
            assert inside[0] == "GLYPHS OF TIME"

    drive(play, (120, 40))


def test_help_says_how_far_it_is():
    async def play(stage: Stage) -> None:
        await stage.press("question_mark")
        assert "rows 1-20 of " in stage.text()
        await stage.press("G")
        count = int(re.search(r"rows \d+-\d+ of (\d+)", stage.text())[1])
        assert f"rows {count - 19}-{count} of {count}" in stage.text()
        await stage.press("g", "j", "j", "k")
        assert "rows 2-21 of " in stage.text()
        await stage.press("question_mark")
        assert "HELP" not in stage.text()

    drive(play)


@pytest.fixture
def generator(docs_script):
    return docs_script("keys")


def test_the_docs_table_is_up_to_date(generator):
    assert generator.PAGE.read_text("utf-8") == generator.page(), "run: python docs/keys.py"


def test_the_docs_table_has_every_action(generator):
    page = generator.page()
    for row in key_help():
        assert all(f"`{name}`" in page for name in row.names)
        assert f"| {row.text} |" in page
