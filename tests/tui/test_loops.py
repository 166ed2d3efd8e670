"""Several loops: their sum, or one of them alone, live and frozen."""

from dataclasses import replace

import pytest

from loopviz.model.snapshot.merge import label_worker, merge
from tests.tui.fake_run import FakeRun, resource
from tests.tui.stage import Stage, drive


def two_loops():
    """The second loop has one task, which the first one has not, a pool, and no findings."""
    run = FakeRun()

    def both(seen):
        (task, *_), (group, *_) = seen.tasks.tasks, seen.tasks.groups
        table = replace(
            seen.tasks,
            tasks=(replace(task, number=77, label="reads mail", group=group.number),),
            groups=(replace(group, label="reads mail", live=1, route=False),),
            live=1,
        )
        second = replace(seen, tasks=table, resources=(resource("mailbox", 1, 3),), findings=())
        return merge(seen, [(2, label_worker(2, second))])

    run.made = both
    return run


def header(stage):
    return stage.lines()[0]


def test_a_key_goes_from_all_loops_to_each_and_back():
    async def play(stage):
        assert "ALL 2 LOOPS" in header(stage)
        assert "LAG of loop 1" in stage.text()
        seen = []
        for _ in range(3):
            await stage.press("O")
            await stage.play(0.1)
            seen.append(header(stage))
        for shown, title in zip(seen, ("LOOP 1 of 2", "LOOP 2 of 2", "ALL 2 LOOPS"), strict=True):
            assert title in shown

    drive(play, (120, 35), Stage(two_loops()))


def test_each_view_has_only_what_is_of_the_chosen_loop():
    async def play(stage):
        await stage.press("O", "O", "2")
        await stage.play(0.1)
        assert "reads mail" in stage.text()
        assert "GET /" not in "\n".join(stage.lines()[3:12])
        assert "listed: loop" not in stage.text()
        await stage.press("3")
        await stage.play(0.1)
        assert "mailbox" in stage.text()
        assert "w2" not in stage.text()
        await stage.press("5")
        await stage.play(0.1)
        assert "nothing is wrong in loop 2 so far" in stage.text()
        await stage.press("O")
        await stage.play(0.1)
        assert "nothing is wrong" not in stage.text()

    drive(play, (120, 35), Stage(two_loops()))


def test_the_stack_and_the_tree_are_asked_of_the_chosen_loop():
    async def play(stage):
        await stage.press("2", "O", "O")
        await stage.play(0.1)
        await stage.press("G")
        await stage.play(0.1)  # the rows of an open group are known once it has been drawn
        await stage.press("G")
        await stage.play(0.1)
        assert ("ask_stack", 77, 2) in stage.run.calls
        await stage.press("t")
        await stage.play(0.1)
        assert ("ask_tree", 2) in stage.run.calls

    drive(play, (120, 35), Stage(two_loops()))


def test_a_frozen_picture_has_all_loops():
    async def play(stage):
        await stage.press("O", "space")
        await stage.play(0.5)
        await stage.press("O", "2")
        await stage.play(0.5)
        assert "LOOP 2 of 2" in header(stage)
        assert "FROZEN" in header(stage)
        assert "reads mail" in stage.text()

    drive(play, (120, 35), Stage(two_loops()))


@pytest.mark.parametrize("size", [(80, 24), (120, 35)], ids=str)
def test_a_click_on_the_name_of_a_lane_shows_it_alone(size):
    async def play(stage):
        await stage.play(0.1)
        (row,) = (y for y, line in enumerate(stage.lines()) if line.startswith(" LOOP 2"))
        await stage.pilot.click(offset=(2, row))
        await stage.play(0.1)
        assert "LOOP 2 of 2" in header(stage)
        place = header(stage).index("LOOP 2 of 2")
        await stage.pilot.click(offset=(place, 0))  # as the key
        await stage.play(0.1)
        assert "ALL 2 LOOPS" in header(stage)

    drive(play, size, Stage(two_loops()))


def test_a_loop_that_has_ended_gives_way_to_all_that_are_left():
    async def play(stage):
        await stage.press("O", "O")
        stage.run.made = lambda seen: seen
        await stage.play(0.1)
        assert "LOOP 2" not in header(stage)
        await stage.press("O")
        assert "There is one loop, and it is shown." in stage.text()

    drive(play, (120, 35), Stage(two_loops()))
