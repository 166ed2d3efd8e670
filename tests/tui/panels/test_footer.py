"""The footer's offers in every state, what gives way, and what a click on a word does."""

import pytest

from loopviz.tui.draw.shorten import shortened
from loopviz.tui.panels.footer import Offer, action_at, fitting_offers
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive

TRAVEL = ("0 now", "time", "zoom", "incident", "slice", "replay", "? help", "q quit")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ((), ("space freeze", "1-7 views", "F apply")),
        (("j",), ("enter open", "esc back", "space freeze")),
        (("space",), (*TRAVEL, "v range")),
        (("space", "j"), (*TRAVEL, "enter open")),
        (("space", "j", "enter"), (*TRAVEL, "v range")),
        (("<",), (*TRAVEL, "v range")),
    ],
    ids=str,
)
def test_at_80_columns_everything_that_one_does_then_is_offered_whole(keys, words):
    async def play(stage: Stage) -> None:
        await stage.press(*keys)
        footer = stage.lines()[-1]
        assert [word for word in words if word not in footer] == []
        assert len(footer) < 80  # nothing touches the edge
        assert footer.endswith("q quit")

    drive(play, stage=Stage(FakeRun("dbpool")))


def test_signs_of_a_pair_stand_close_before_a_word_goes():
    offers = [Offer("h l", "time", 2), Offer("space", "freeze", 3), Offer("q", "quit", 0)]
    assert fitting_offers(offers, 40) == (offers, 2)
    assert fitting_offers(offers, 28)[0] == offers
    assert [offer.key for offer in fitting_offers(offers, 27)[0]] == ["hl", "space", "q"]
    assert [offer.word for offer in fitting_offers(offers, 26)[0]] == ["time", "quit"]


def test_a_click_finds_the_key_or_the_word():
    offers = [
        Offer("a b c", "fixes", 0, ("fix-a", "fix-b", "fix-c")),
        Offer("1-7", "views", 1, ("view-live",) * 7),
        Offer("h l", "time", 2, ("earlier", "later")),
        Offer("q", "quit", 0, ("quit",)),
    ]
    row = " a b c fixes  1-7 views  h l time  q quit"

    def at(text, offset=0):
        return action_at(offers, 80, row.index(text) + offset)

    assert [at("a b", 0), at("a b", 2), at("a b", 4)] == ["fix-a", "fix-b", "fix-c"]
    assert at("fixes") == at("views") == at("1-7") == ""  # which one?
    assert [at("h l", 0), at("h l", 2), at("time", 3)] == ["earlier", "later", "earlier"]
    assert at("q quit", 0) == at("q quit", 5) == "quit"
    assert action_at(offers, 80, 0) == action_at(offers, 80, 60) == ""


def test_the_footer_and_the_tabs_can_be_clicked():
    async def play(stage: Stage) -> None:
        async def click(row, text, offset=0):
            y = range(24)[row]
            await stage.pilot.click(offset=(stage.lines()[row].index(text) + offset, y))
            await stage.pilot.pause()

        await click(-1, "space freeze")
        assert "FROZEN" in stage.lines()[0]
        await click(-1, "now")
        assert "LIVE" in stage.lines()[0]
        await click(-1, "b c fixes")
        assert stage.run.world.fixes == {"plain_def"}
        await stage.press("2")
        await click(1, "3 Resources", 4)
        assert stage.app.controller.view_state.view == "resources"
        await click(1, "i Lesson")
        assert stage.app.controller.view_state.view == "lesson"
        await click(-1, "? help")
        assert "HELP" in stage.text()

    drive(play)


def test_what_is_too_long_loses_whole_clauses_and_no_code_is_torn():
    sentence = "GET /a held the loop 80 ms in fetch(one, two): it waited; 3 gave up"
    assert shortened(sentence, 1, 80, "…") == [sentence]
    assert shortened(sentence, 1, 60, "…") == [
        "GET /a held the loop 80 ms in fetch(one, two): it waited…"
    ]
    assert shortened(sentence, 1, 50, "…") == ["GET /a held the loop 80 ms in fetch(one, two)…"]
    assert shortened(sentence, 1, 44, "…") == ["GET /a held the loop 80 ms…"]
    assert shortened(sentence, 2, 30, "…") == [
        "GET /a held the loop 80 ms in",
        "fetch(one, two): it waited…",
    ]
    assert shortened("word " * 9, 1, 20, "…") == ["word word word word…"]
    assert shortened(sentence, 0, 80, "…") == []
