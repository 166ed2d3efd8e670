"""The time axis: what is marked on it, and how much of its text has room."""

from dataclasses import replace

from loopviz.clock import SECOND
from loopviz.model.snapshot import Mark
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive


def axis(*marks):
    """The axis with these marks, each `(seconds ago, kind, text, level)`."""
    run = FakeRun()

    def made(snapshot):
        now_ns = snapshot.now_ns
        return replace(
            snapshot,
            marks=tuple(
                Mark(at_ns=int(now_ns - ago * SECOND), kind=kind, text=text, level=level)
                for ago, kind, text, level in marks
            ),
        )

    run.made = made
    rows = []

    async def play(stage):
        await stage.play(8)
        rows.extend(row for row in stage.lines() if "column" in row)

    drive(play, (120, 35), Stage(run))
    return rows[0]


def test_a_mark_of_the_program_has_its_text():
    assert "▼ deploy 4" in axis((4, "mark", "deploy 4", ""))


def test_a_long_one_is_cut():
    row = axis((5, "mark", "deploy of the very newest version of all", ""))
    assert "▼ deploy of the very newest versi" in row
    assert "version of" not in row


def test_log_records_give_way_to_marks_and_are_one_a_column():
    row = axis(
        (5.0, "mark", "deploy 4", ""),
        (4.6, "log", "shop: hidden", "WARNING"),
        (2.501, "log", "shop: one", "WARNING"),
        (2.5, "log", "shop: two", "ERROR"),
    )
    assert "▼ deploy 4" in row
    assert "hidden" not in row
    assert "▼ ERROR shop: two" in row
